// `./tracestack dashboards`: between the files of the packs and what Grafana shows.

import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Change } from "../diff/change.ts";
import { type Environment, prepare, type StackOptions } from "../engine.ts";
import { progress, UserError } from "../output.ts";
import { root } from "../paths.ts";
import { readState, revealed, types } from "../state.ts";
import { type Endpoints, grafana } from "../verify/api.ts";
import { endpoints } from "../verify/verify.ts";
import { arranged, dashboardChanges, format, type Model } from "./model.ts";

/** A dashboard in a pack's folder of Grafana, or in its files, or in both. */
interface Pair {
	uid: string;
	pack: string;
	path: string;
	/** What the file has, as text. */
	file?: string;
	/** What Grafana shows. */
	live?: Model;
	/** What was deployed. */
	deployed?: Model;
}

/**
 * `./tracestack dashboards export`: what was edited in Grafana goes into its file, and what was added to a pack's folder
 * becomes one. A file whose dashboard nobody edited is left alone; so is one that says otherwise than what was deployed: one
 * of two edits would be lost. Returns the exit code, 2 when there was such a file.
 */
export async function exportCommand(options: StackOptions & { pack?: string }): Promise<number> {
	const environment = await prepare(options, "look");
	const { written, refused } = await exportDashboards(environment, options.stack, options);
	for (const path of written) progress(`written: ${path}`);
	for (const path of refused)
		progress(`left alone: ${path} has changed since it was deployed, and its dashboard was edited as well`);
	if (written.length + refused.length === 0) progress("nothing to write: Grafana shows what was deployed");
	if (written.length > 0) progress(`deploy what was written: ./tracestack up --stack ${options.stack}`);
	return refused.length > 0 ? 2 : 0;
}

/** Where the packs are. */
const packsFolder = "configs/packs";

/**
 * Writes what was edited or added in Grafana into the files of the packs.
 *
 * @param only `pack`: of this one, by default of all. `folder`: where the packs are, by default in this repository.
 */
export async function exportDashboards(
	environment: Environment,
	stack: string,
	{ pack, folder = packsFolder }: { pack?: string; folder?: string } = {},
): Promise<{ written: string[]; refused: string[] }> {
	const written: string[] = [];
	const refused: string[] = [];
	for (const { live, deployed, file, path } of await pairs(environment, stack, pack, folder)) {
		if (!live || (deployed && dashboardChanges(deployed, live).length === 0)) continue;
		const before: Model | undefined = file === undefined ? undefined : JSON.parse(file);
		const text = format(arranged(live, before));
		if (text === file) continue;
		if (before && deployed && dashboardChanges(before, deployed).length > 0) {
			refused.push(path);
			continue;
		}
		await mkdir(dirname(resolve(root, path)), { recursive: true });
		await writeFile(resolve(root, path), text);
		written.push(path);
	}
	return { written, refused };
}

/** `./tracestack dashboards diff`: from the files to what Grafana shows. Returns the exit code: 2 when they differ. */
export async function diffCommand(options: StackOptions & { pack?: string }): Promise<number> {
	const environment = await prepare(options, "look");
	let differ = false;
	for (const { uid, pack, live, file } of await pairs(environment, options.stack, options.pack)) {
		const lines = !live
			? ["only in the files"]
			: file === undefined
				? ["only in Grafana"]
				: dashboardChanges(JSON.parse(file), live).map(inWords);
		if (lines.length === 0) continue;
		differ = true;
		process.stdout.write(`${pack}/${uid}\n${lines.map((line) => `  ${line}\n`).join("")}`);
	}
	if (!differ) progress("Grafana shows what the files say");
	return differ ? 2 : 0;
}

function inWords({ path, from, to }: Change): string {
	if (from === undefined) return `+ ${path}: ${JSON.stringify(to)}`;
	if (to === undefined) return `- ${path}: ${JSON.stringify(from)}`;
	return `~ ${path}: ${JSON.stringify(from)} → ${JSON.stringify(to)}`;
}

async function pairs(environment: Environment, stack: string, only?: string, folder = packsFolder): Promise<Pair[]> {
	const [e, state] = await Promise.all([endpoints(environment, stack), readState(environment, stack)]);
	const resources = state.deployment.resources ?? [];
	const packs = resources.filter(({ type }) => type === types.folder).map(({ inputs }) => `${inputs?.uid}`);
	if (only && !packs.includes(only))
		throw new UserError(`The stack ${stack} has no pack ${only}; it has: ${packs.join(", ")}`);
	const deployed = new Map(
		resources
			.filter(({ type }) => type === types.dashboard)
			.map(({ inputs, outputs }) => [
				`${outputs?.uid}`,
				{ pack: `${inputs?.folder}`, model: JSON.parse(revealed<string>(inputs?.configJson)) as Model },
			]),
	);
	const shown = await inFolders(e, packs);
	const uids = new Set([...deployed.keys(), ...shown.keys()]);
	const all = await Promise.all(
		[...uids].sort().map(async (uid): Promise<Pair> => {
			// Its file stays where it is, wherever its dashboard was moved to.
			const pack = deployed.get(uid)?.pack ?? shown.get(uid) ?? "";
			const path = join(folder, pack, "dashboards", `${uid}.json`);
			const file = existsSync(resolve(root, path)) ? await readFile(resolve(root, path), "utf8") : undefined;
			return { uid, pack, path, file, live: await live(e, uid), deployed: deployed.get(uid)?.model };
		}),
	);
	return all.filter(({ pack }) => !only || pack === only);
}

/** Dashboards in the packs' folders: the folder of each, by uid. */
async function inFolders(e: Endpoints, packs: string[]): Promise<Map<string, string>> {
	type Found = { uid: string; folderUid?: string };
	const found = await grafana<Found[]>(e, "/api/search?type=dash-db&limit=5000");
	return new Map(
		found.flatMap(({ uid, folderUid }): [string, string][] =>
			folderUid && packs.includes(folderUid) ? [[uid, folderUid]] : [],
		),
	);
}

/** Undefined where it was deleted. */
async function live(e: Endpoints, uid: string): Promise<Model | undefined> {
	try {
		return (await grafana<{ dashboard: Model }>(e, `/api/dashboards/uid/${uid}`)).dashboard;
	} catch (error) {
		if ((error as Error).message.startsWith("404")) return undefined;
		throw error;
	}
}
