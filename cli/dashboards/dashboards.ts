// `./tracestack dashboards export` and `diff`: the packs' dashboard files, compared with Grafana's dashboards.

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

/** A dashboard of a pack, as it is in its file, in Grafana and in the state; in any of them it may be missing. */
interface Pair {
	uid: string;
	pack: string;
	/** Path of its file. */
	path: string;
	/** Content of its file. */
	file?: string;
	/** The dashboard in Grafana. */
	live?: Model;
	/** The dashboard that was deployed. */
	deployed?: Model;
}

/**
 * `./tracestack dashboards export`: writes dashboards that were edited in Grafana into their files, and those that were added
 * to a pack's folder into new ones. A file that has changed since it was deployed is left alone, because either its edit or
 * Grafana's would be lost. Returns the exit code, 2 when there was such a file.
 */
export async function exportCommand(options: StackOptions & { pack?: string }): Promise<number> {
	const environment = await prepare(options, "look");
	const { written, refused } = await exportDashboards(environment, options.stack, options);
	for (const path of written) progress(`written: ${path}`);
	for (const path of refused)
		progress(`left alone: ${path} has changed since it was deployed, and so has its dashboard`);
	if (written.length + refused.length === 0) progress("nothing to write: Grafana shows what was deployed");
	if (written.length > 0) progress(`to deploy the files: ./tracestack up --stack ${options.stack}`);
	return refused.length > 0 ? 2 : 0;
}

/** Folder of the packs, relative to the project. */
const packsFolder = "configs/packs";

/**
 * Writes what was edited or added in Grafana into the files of the packs.
 *
 * @param options `pack`: only dashboards of this pack. @default all. `folder`: where the packs are. @default this repository's
 * @returns paths of files that were written, and of those that were left alone.
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

/**
 * `./tracestack dashboards diff`: prints how Grafana's dashboards differ from the files. Returns the exit code: 2 when
 * they do.
 */
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
			// A dashboard that was moved to another folder in Grafana keeps its file.
			const pack = deployed.get(uid)?.pack ?? shown.get(uid) ?? "";
			const path = join(folder, pack, "dashboards", `${uid}.json`);
			const file = existsSync(resolve(root, path)) ? await readFile(resolve(root, path), "utf8") : undefined;
			return { uid, pack, path, file, live: await live(e, uid), deployed: deployed.get(uid)?.model };
		}),
	);
	return all.filter(({ pack }) => !only || pack === only);
}

/** Grafana's dashboards in the packs' folders: their folders by uid. */
async function inFolders(e: Endpoints, packs: string[]): Promise<Map<string, string>> {
	type Found = { uid: string; folderUid?: string };
	const found = await grafana<Found[]>(e, "/api/search?type=dash-db&limit=5000");
	return new Map(
		found.flatMap(({ uid, folderUid }): [string, string][] =>
			folderUid && packs.includes(folderUid) ? [[uid, folderUid]] : [],
		),
	);
}

/** A dashboard in Grafana; undefined where it was deleted. */
async function live(e: Endpoints, uid: string): Promise<Model | undefined> {
	try {
		return (await grafana<{ dashboard: Model }>(e, `/api/dashboards/uid/${uid}`)).dashboard;
	} catch (error) {
		if ((error as Error).message.startsWith("404")) return undefined;
		throw error;
	}
}
