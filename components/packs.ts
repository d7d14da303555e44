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

/** Every pack, sorted by name. */
export function packs(): Pack[] {
	return readdirSync(packsDir)
		.sort()
		.map((name) => {
			const { title, owner } = parse(readFileSync(join(packsDir, name, "pack.yaml"), "utf8")) as Omit<Pack, "name">;
			return { name, title, owner };
		});
}

/** Every dashboard of every pack. The JSON is rewritten without white space, so that formatting is no change. */
export function dashboards(): Dashboard[] {
	return files("dashboards", ".json").map(({ pack, text }) => {
		const { id: _, version: __, ...model } = JSON.parse(text);
		return { pack, uid: model.uid, title: model.title, json: JSON.stringify(model) };
	});
}

/** Every rule file of every pack, under a name that is unique among packs. Tests of rules stay at home. */
export function rules(): { name: string; text: string }[] {
	return files("rules", ".yaml")
		.filter(({ name }) => !name.endsWith(".test.yaml"))
		.map(({ pack, name, text }) => ({ name: `${pack}-${name}`, text }));
}

function files(kind: string, ending: string): { pack: string; name: string; text: string }[] {
	return readdirSync(packsDir)
		.sort()
		.flatMap((pack) => {
			const dir = join(packsDir, pack, kind);
			if (!existsSync(dir)) return [];
			return readdirSync(dir)
				.filter((name) => name.endsWith(ending))
				.sort()
				.map((name) => ({ pack, name, text: readFileSync(join(dir, name), "utf8") }));
		});
}
