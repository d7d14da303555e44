// Files inside containers. The provider writes them when it makes a container and never looks again.

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
	/** What it has now. */
	text: string;
	modified?: string;
}

/** Files that were replaced, added or removed, and whether the service runs with them already. */
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

/** A look for each service that tells: where it runs otherwise than its files say, which are as they were deployed. */
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

/** What was deployed to run, with what stands there now. */
async function standingOnes(context: Context): Promise<[Deployed, Inspected][]> {
	const there = await engine(context);
	return deployed(context).flatMap((container): [Deployed, Inspected][] => {
		const found = container.inputs.mustRun === false ? undefined : standing(container, there);
		return found ? [[container, found]] : [];
	});
}

/** Whether a service can be asked. If not, the look at containers says why. */
export function answers({ State, NetworkSettings }: Inspected, { inputs }: Deployed): boolean {
	const attached = (inputs.networksAdvanced ?? []).every(({ name }) => name in NetworkSettings.Networks);
	return State.Status === "running" && attached;
}

const read = new WeakMap<Inspected, Promise<Drifted[]>>();

/** Once for every look. */
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

/** What a file means otherwise than before: comments, the order of keys, and another way to write a value are nothing. */
export function contentChanges(path: string, from: string, to: string): Change[] {
	if (from === to) return [];
	if (isProgram(path)) return [{ path: "content", ...inShort(from || undefined, to) }];
	if (/\.(ya?ml|json)$/.test(path)) {
		try {
			return compare(parse(from, { merge: true }) ?? {}, parse(to, { merge: true }) ?? {}, { absent: "differs" });
		} catch {
			// Not what its name says: then every line counts.
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

/** Whether a server runs with a changed file: it agrees with what is there now, and what is there now says more or otherwise. */
export function isLoaded(
	running: Pick<Reported, "differences">,
	path: string,
	{ declared, text, changes }: { declared: string; text: string; changes: Change[] },
): boolean {
	if (running.differences(path, text).length > 0) return false;
	return running.differences(path, declared).length > 0 || changes.some(({ from }) => from === undefined);
}

/** Of a service that does not tell: a container that was never started again runs with the files that it was made with. */
export function changedSinceStart(
	{ Created, State }: Pick<Inspected, "Created" | "State">,
	modified?: string,
): boolean {
	const firstStart = Date.parse(State.StartedAt) - Date.parse(Created) < 10_000;
	return firstStart || (modified !== undefined && modified > State.StartedAt);
}

/** Where and how long something is kept, and the way that it takes. */
const vital = /retention|storage|queue|receivers\b|exporters|pipelines|remote_write|remote_read|\bwal\b/;

function severityOf(changes: Change[]): Finding["severity"] {
	return changes.some(({ path }) => vital.test(path)) ? "breaks data" : "restarts a service";
}
