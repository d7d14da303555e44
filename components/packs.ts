// A pack is a folder under configs/packs: dashboards and rules that belong together. Adding a folder adds a pack.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

const packsDir = join(import.meta.dirname, "../configs/packs");

/** A dashboard as Grafana's own JSON, and the folder that it belongs to. */
export interface Dashboard {
	pack: string;
	/** Stable: links that people share contain it. */
	uid: string;
	title: string;
	json: string;
}

/** A pack's description, from its pack.yaml. */
export interface Pack {
	name: string;
	title: string;
	owner: string;
}

/** Names of all packs that there are, sorted. */
export function packNames(): string[] {
	return readdirSync(packsDir).sort();
}

/** Packs by name. */
export function packs(names: string[]): Pack[] {
	return names.map((name) => {
		const { title, owner } = parse(readFileSync(join(packsDir, name, "pack.yaml"), "utf8")) as Omit<Pack, "name">;
		return { name, title, owner };
	});
}

/**
 * Every dashboard of some packs. The JSON is rewritten without white space, so that formatting is no change.
 *
 * @param absent Uid of a datasource that the stack does not have: its panels are left out.
 */
export function dashboards(names: string[], absent?: string): Dashboard[] {
	return files(names, "dashboards", ".json").map(({ pack, text }) => {
		const { id: _, version: __, ...model } = JSON.parse(text);
		if (absent) model.panels = withoutSource(model.panels, absent);
		return { pack, uid: model.uid, title: model.title, json: JSON.stringify(model) };
	});
}

interface Panel {
	datasource?: { uid?: string };
	/** Of a collapsed row. */
	panels?: Panel[];
}

function withoutSource(panels: Panel[], uid: string): Panel[] {
	return panels
		.filter(({ datasource }) => datasource?.uid !== uid)
		.map((panel) => (panel.panels ? { ...panel, panels: withoutSource(panel.panels, uid) } : panel));
}

/** Every rule file of some packs, under a name that is unique among packs. Tests of rules stay at home. */
export function rules(names: string[]): { name: string; text: string }[] {
	return files(names, "rules", ".yaml")
		.filter(({ name }) => !name.endsWith(".test.yaml"))
		.map(({ pack, name, text }) => ({ name: `${pack}-${name}`, text }));
}

function files(names: string[], kind: string, ending: string): { pack: string; name: string; text: string }[] {
	return names.flatMap((pack) => {
		const dir = join(packsDir, pack, kind);
		if (!existsSync(dir)) return [];
		return readdirSync(dir)
			.filter((name) => name.endsWith(ending))
			.sort()
			.map((name) => ({ pack, name, text: readFileSync(join(dir, name), "utf8") }));
	});
}
