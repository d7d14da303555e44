// Changed properties of a resource in readable form: of a file by its content's meaning, of a dashboard panel by panel.

import { dashboardChanges, type Model } from "../dashboards/model.ts";
import type { Change } from "../diff/change.ts";
import { inShort, isProgram } from "../diff/program.ts";
import { diff, diffTexts, documentOf } from "../diff/semantic.ts";
import { isSecret, revealed, type StateResource } from "../state.ts";
import { masked } from "./finding.ts";
import { isSecretFile, isSecretVariable } from "./secrets.ts";

export type Properties = Record<string, unknown>;

/** Pulumi's placeholders for a value that is known only after `up`. */
const unknown = /^(04da6b54-80e4-46f7-96ec-b56ff0331ba9|\[unknown\])$/;

interface File {
	file: string;
	content?: string;
}

/**
 * The changes in one property.
 *
 * @param paths Where the provider says that it changed, such as `uploads[1].content`. Of secrets nothing else is known.
 * @param deployed The resource in the state, which has the names of what Pulumi hides.
 */
export function propertyChanges(
	key: string,
	from: unknown,
	to: unknown,
	paths: string[],
	deployed?: StateResource,
): Change[] {
	if (isHidden(from) || isHidden(to)) return hiddenChanges(key, paths, deployed);
	const [before, after] = [plain(from), plain(to)];
	if (key === "uploads") return fileChanges(before as File[] | undefined, after as File[] | undefined);
	if (key === "envs") return variableChanges(before ?? [], after ?? []);
	if (typeof before === "string" && typeof after === "string") {
		const [old, now] = [documentOf(before), documentOf(after)];
		if (old && now) {
			const dashboard = key === "configJson" && !Array.isArray(old) && !Array.isArray(now);
			return dashboard ? dashboardChanges(old as Model, now as Model) : diff(old, now);
		}
	}
	return diff(from === undefined ? {} : { [key]: before }, to === undefined ? {} : { [key]: after });
}

function variableChanges(from: unknown, to: unknown): Change[] {
	return diff(from, to).map(({ path, ...values }) => {
		const name = path.slice("[".length, -"=]".length);
		const secret = [values.from, values.to].some(
			(value) => value !== undefined && isSecretVariable(`${name}=${value}`),
		);
		return { path: `environment ${name}`, ...(secret ? { from: masked, to: masked } : values) };
	});
}

function fileChanges(from: File[] = [], to: File[] = []): Change[] {
	const [before, after] = [from, to].map((files) => new Map(files.map(({ file, content = "" }) => [file, content])));
	return [...new Set([...before!.keys(), ...after!.keys()])].flatMap((file): Change[] => {
		const [old, now] = [before!.get(file), after!.get(file)];
		if (old === now) return [];
		if (isSecretFile(file)) return [{ path: file, from: masked, to: masked }];
		if (isProgram(file)) return [{ path: file, ...inShort(old, now) }];
		if (old === undefined || now === undefined)
			return [{ path: file, ...(old !== undefined && { from: old }), ...(now !== undefined && { to: now }) }];
		return diffTexts(old, now).map(({ path, ...values }) => ({ path: path ? `${file} ${path}` : file, ...values }));
	});
}

/** Pulumi hides a whole list when one of its elements is secret, but says which elements changed. */
function hiddenChanges(key: string, paths: string[], deployed: StateResource | undefined): Change[] {
	const list = revealed<unknown>(deployed?.inputs?.[key]);
	const names = paths.map((path) => {
		const at = Number(/\[(\d+)\]/.exec(path)?.[1] ?? Number.NaN);
		const item: unknown = Array.isArray(list) ? list[at] : undefined;
		if (typeof item === "string") return `environment ${item.split("=")[0]}`;
		return (item as File | undefined)?.file ?? key;
	});
	return [...new Set(names)].map((path) => ({ path, from: masked, to: masked }));
}

function isHidden(value: unknown): boolean {
	return isSecret(value) || value === masked;
}

/** A value without Pulumi's own marks, with secrets masked. */
function plain(value: unknown): unknown {
	if (isHidden(value)) return masked;
	if (typeof value === "string" && unknown.test(value)) return "known after up";
	if (Array.isArray(value)) return value.map(plain);
	if (typeof value !== "object" || value === null) return value;
	const entries = Object.entries(value).filter(([key]) => key !== "__defaults");
	return Object.fromEntries(entries.map(([key, item]) => [key, plain(item)]));
}
