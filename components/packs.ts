// A pack is a folder under configs/packs: dashboards and rules that belong together. Adding a folder adds a pack.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { z } from "zod";
import { SettingsError } from "../settings/error.ts";
import { explain } from "../settings/explain.ts";
import { packFile } from "../settings/pack.ts";

/** Where packs are. */
export const packsDir = join(import.meta.dirname, "../configs/packs");

/** A dashboard as Grafana's own JSON, and the folder that it belongs to. */
export interface Dashboard {
	pack: string;
	/** Stable: links that people share contain it. */
	uid: string;
	title: string;
	json: string;
}

/** A pack: its pack.yaml, and what lies beside it. */
export interface Pack extends z.infer<typeof packFile> {
	/** Its folder's name. */
	name: string;
	dashboards: Dashboard[];
	/** Rule files, under names that are unique among packs. Tests of rules stay at home. */
	rules: { name: string; text: string }[];
}

/** Names of all packs that there are, sorted: folders with a pack.yaml. */
export function packNames(dir = packsDir): string[] {
	return readdirSync(dir, { withFileTypes: true })
		.filter((entry) => entry.isDirectory() && existsSync(join(dir, entry.name, "pack.yaml")))
		.map(({ name }) => name)
		.sort();
}

/**
 * Packs by name.
 *
 * @throws SettingsError with every mistake of the first pack that has any.
 */
export function packs(names = packNames(), dir = packsDir): Pack[] {
	return names.map((name) => {
		const folder = join(dir, name);
		return {
			...description(name, folder),
			name,
			dashboards: files(folder, "dashboards", ".json").map(({ file, text }) => dashboard(name, file, text)),
			rules: files(folder, "rules", ".yaml")
				.filter(({ file }) => !file.endsWith(".test.yaml"))
				.map(({ file, text }) => ({ name: `${name}-${file}`, text })),
		};
	});
}

/** Whether a pack's panels wait for what applications of its own send: then an empty one is no fault of the stack. */
export function needsSenders({ attributes, metrics }: Pack): boolean {
	return attributes.length + metrics.length > 0;
}

/**
 * Every dashboard of some packs.
 *
 * @param absent Uids of datasources that the stack does not have: their panels are left out.
 */
export function dashboards(of: Pack[], absent: string[] = []): Dashboard[] {
	const all = of.flatMap((pack) => pack.dashboards);
	if (absent.length === 0) return all;
	return all.map((dashboard) => {
		const model = JSON.parse(dashboard.json);
		model.panels = without(model.panels, absent);
		// What is drawn across panels asks as they do.
		if (model.annotations?.list) model.annotations.list = without(model.annotations.list, absent);
		return { ...dashboard, json: JSON.stringify(model) };
	});
}

function description(name: string, folder: string): z.infer<typeof packFile> {
	const shown = `configs/packs/${name}/pack.yaml`;
	const path = join(folder, "pack.yaml");
	if (!existsSync(path))
		throw new SettingsError(`${shown} is missing: without it a folder of configs/packs is no pack`);
	let raw: unknown;
	try {
		raw = parse(readFileSync(path, "utf8")) ?? {};
	} catch (error) {
		throw new SettingsError(`${shown} can't be read: ${(error as Error).message}`);
	}
	const result = packFile.safeParse(raw);
	const { demo } = (raw ?? {}) as { demo?: unknown };
	const lost = typeof demo === "string" && !existsSync(join(folder, demo));
	const conflicts = lost ? [{ path: ["demo"], problem: `is "${demo}", and there is no such file` }] : [];
	if (result.success && conflicts.length === 0) return result.data;
	throw SettingsError.of(shown, explain({ raw, schema: packFile, issues: result.error?.issues ?? [], conflicts }));
}

/** The JSON is rewritten without white space, so that formatting is no change. */
function dashboard(pack: string, file: string, text: string): Dashboard {
	let model: { id?: unknown; version?: unknown; uid: string; title: string };
	try {
		model = JSON.parse(text);
	} catch (error) {
		throw new SettingsError(`configs/packs/${pack}/dashboards/${file} is no JSON: ${(error as Error).message}`);
	}
	const { id: _, version: __, ...kept } = model;
	return { pack, uid: kept.uid, title: kept.title, json: JSON.stringify(kept) };
}

interface Panel {
	datasource?: { uid?: string };
	/** Of a collapsed row. */
	panels?: Panel[];
}

function without(panels: Panel[], uids: string[]): Panel[] {
	return panels
		.filter(({ datasource }) => !uids.includes(datasource?.uid ?? ""))
		.map((panel) => (panel.panels ? { ...panel, panels: without(panel.panels, uids) } : panel));
}

function files(folder: string, kind: string, ending: string): { file: string; text: string }[] {
	const dir = join(folder, kind);
	if (!existsSync(dir)) return [];
	return readdirSync(dir)
		.filter((file) => file.endsWith(ending))
		.sort()
		.map((file) => ({ file, text: readFileSync(join(dir, file), "utf8") }));
}
