// Compares files inside containers with what was deployed: the provider writes them once and never reads them back.

import { parse } from "yaml";
import type { Change } from "../../diff/change.ts";
import { compare } from "../../diff/compare.ts";
import { inShort, isProgram } from "../../diff/program.ts";
import { type Context, type Finding, masked } from "../finding.ts";
import {
	type Deployed,
	deployed,
	engine,
	filesBelow,
	type InsideFile,
	type Inspected,
	standing,
	touched,
} from "./inspect.ts";
import { type Reported, reported } from "./reported.ts";
import { remake, restart } from "./restore.ts";

/** A file that is not as it was deployed. */
interface Drifted {
	path: string;
	action: "create" | "update" | "delete";
	changes: Change[];
	/** Its present content. */
	text: string;
	modified?: string;
}

/** Findings about files that were changed, added or removed, and whether the service has loaded them already. */
export async function files(context: Context): Promise<Finding[]> {
	const found = await Promise.all(
		(await standingOnes(context)).map(async ([container, inspected]) => {
			const drifted = await driftedFiles(container, inspected);
			if (drifted.length === 0) return [];
			const running = answers(inspected, container)
				? await reported(context, container.component)?.catch(() => undefined)
				: undefined;
			return drifted.map(({ path, action, changes, text, modified }): Finding => {
				const declared = container.inputs.uploads?.find(({ file }) => file === path)?.content ?? "";
				const loaded =
					running && (running.files.includes(path) || isRule(path))
						? isLoaded(running, path, { declared, text, changes })
						: !changedSinceStart(inspected, modified);
				const since = modified && modified > inspected.Created ? modified : undefined;
				return {
					kind: "drifted",
					component: container.component,
					subject: `file ${path}${loaded ? "" : " (takes effect at the next restart)"}`,
					action,
					severity: severityOf(changes),
					stateful: false,
					changes: container.secret.has(path) ? [{ path: "content", from: masked, to: masked }] : changes,
					...(since && { since }),
					restore: remake(inspected.Name.slice(1), context.stack),
				};
			});
		}),
	);
	return found.flat();
}

/**
 * A look at a service that reports its configuration: where that differs from its files, which themselves are as
 * deployed.
 */
export function configuration(service: string) {
	return async (context: Context): Promise<Finding[]> => {
		const [pair] = (await standingOnes(context)).filter(([{ component }]) => component === service);
		if (!pair || !answers(pair[1], pair[0])) return [];
		const [container, inspected] = pair;
		const [running, drifted] = await Promise.all([reported(context, service), driftedFiles(container, inspected)]);
		const uploads = (container.inputs.uploads ?? []).filter(
			({ file }) => running?.files.includes(file) || isRule(file),
		);
		const left = running?.files.filter((file) => !uploads.some((upload) => upload.file === file)) ?? [];
		return [...uploads, ...left.map((file) => ({ file, content: "" }))].flatMap(({ file, content }): Finding[] => {
			if (drifted.some(({ path }) => path === file)) return [];
			const changes = running?.differences(file, content) ?? [];
			if (changes.length === 0) return [];
			return [
				{
					kind: "drifted",
					component: service,
					subject: isRule(file) ? `loaded rules ${file.split("/").at(-1)}` : "running configuration",
					action: "update",
					severity: severityOf(changes),
					stateful: false,
					changes,
					restore: restart(inspected.Name.slice(1)),
				},
			];
		});
	};
}

function isRule(file: string): boolean {
	return file.startsWith("/etc/prometheus/rules/");
}

/** The containers of services, each with what is there under its name now. */
async function standingOnes(context: Context): Promise<[Deployed, Inspected][]> {
	const there = await engine(context);
	return deployed(context).flatMap((container): [Deployed, Inspected][] => {
		const found = container.inputs.mustRun === false ? undefined : standing(container, there);
		return found ? [[container, found]] : [];
	});
}

/** Whether a service can be reached. If not, the look at containers reports why. */
export function answers({ State, NetworkSettings }: Inspected, { inputs }: Deployed): boolean {
	const attached = (inputs.networksAdvanced ?? []).every(({ name }) => name in NetworkSettings.Networks);
	return State.Status === "running" && attached;
}

const read = new WeakMap<Inspected, Promise<Drifted[]>>();

/** Reads the files of a container once for all looks. */
function driftedFiles(container: Deployed, inspected: Inspected): Promise<Drifted[]> {
	const known = read.get(inspected) ?? findDrifted(container, inspected);
	read.set(inspected, known);
	return known;
}

async function findDrifted({ inputs: { uploads = [] } }: Deployed, { Id }: Inspected): Promise<Drifted[]> {
	const folders = [...new Set(uploads.map(({ file }) => file.split("/").slice(0, 3).join("/")))];
	if (folders.length === 0) return [];
	const [changed, ...below] = await Promise.all([touched(Id), ...folders.map((folder) => filesBelow(Id, folder))]);
	const inside = new Map<string, InsideFile>(below.flatMap((found) => [...found]));
	const declared = new Set(uploads.map(({ file }) => file));
	return [
		...uploads.flatMap(({ file: path, content }): Drifted[] => {
			const file = inside.get(path);
			if (!file) return [{ path, action: "delete", changes: [{ path: "", from: path }], text: "" }];
			const changes = contentChanges(path, content, file.text);
			return changes.length > 0 ? [{ path, action: "update", changes, ...file }] : [];
		}),
		...changed.flatMap((path): Drifted[] => {
			const file = declared.has(path) ? undefined : inside.get(path);
			return file ? [{ path, action: "create", changes: contentChanges(path, "", file.text), ...file }] : [];
		}),
	];
}

/** Changes in the meaning of a file: neither comments, the order of keys, nor the way to write a value matter. */
export function contentChanges(path: string, from: string, to: string): Change[] {
	if (from === to) return [];
	if (isProgram(path)) return [{ path: "content", ...inShort(from || undefined, to) }];
	if (/\.(ya?ml|json)$/.test(path)) {
		try {
			return compare(parse(from, { merge: true }) ?? {}, parse(to, { merge: true }) ?? {}, { absent: "differs" });
		} catch {
			// It is not what its name says: then it is compared line by line.
		}
	}
	const [was, is] = [meaningful(from), meaningful(to)];
	const [gone, added] = [was.filter((line) => !is.includes(line)), is.filter((line) => !was.includes(line))];
	if (gone.length + added.length === 0) return [];
	return [
		{
			path: "lines",
			...(gone.length > 0 && { from: gone.join("\n") }),
			...(added.length > 0 && { to: added.join("\n") }),
		},
	];
}

function meaningful(text: string): string[] {
	return text
		.split(/\r?\n/)
		.map((line) => line.trim())
		.filter((line) => line && !/^[#;]/.test(line));
}

/**
 * Whether a server has loaded a changed file: its configuration agrees with the file, and no longer with what was
 * deployed.
 */
export function isLoaded(
	running: Pick<Reported, "differences">,
	path: string,
	{ declared, text, changes }: { declared: string; text: string; changes: Change[] },
): boolean {
	if (running.differences(path, text).length > 0) return false;
	return running.differences(path, declared).length > 0 || changes.some(({ from }) => from === undefined);
}

/**
 * Whether a file was changed since its service was started; for services that don't report their configuration. A container
 * that was never restarted runs with the files that it was created with.
 */
export function changedSinceStart(
	{ Created, State }: Pick<Inspected, "Created" | "State">,
	modified?: string,
): boolean {
	const firstStart = Date.parse(State.StartedAt) - Date.parse(Created) < 10_000;
	return firstStart || (modified !== undefined && modified > State.StartedAt);
}

/** Paths of settings that decide where data goes, and how long it is kept. */
const vital = /retention|storage|queue|receivers\b|exporters|pipelines|remote_write|remote_read|\bwal\b/;

function severityOf(changes: Change[]): Finding["severity"] {
	return changes.some(({ path }) => vital.test(path)) ? "breaks data" : "restarts a service";
}
