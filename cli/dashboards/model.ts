// A dashboard as data: what an edit means, and how it is written into a file.

import type { Change } from "../drift/finding.ts";
import { compare, isKey, isObject, same } from "../drift/live/compare.ts";
import { isDefault, numbers } from "./defaults.ts";

export type Model = Record<string, unknown>;

interface Panel extends Model {
	id: number;
	title?: string;
	type: string;
	/** Of a collapsed row. */
	panels?: Panel[];
}

/** A dashboard's file: its JSON in one form, so that a diff shows what was edited. */
export function format(model: Model): string {
	return `${JSON.stringify(model, null, "\t")}\n`;
}

/** What an edit means, panel by panel; what Grafana's editor adds by itself is nothing. */
export function dashboardChanges(from: Model, to: Model): Change[] {
	const manner = { skip };
	const [was, is] = [panelsOf(from), panelsOf(to)];
	const panels = [...new Set([...was.keys(), ...is.keys()])].flatMap((id): Change[] => {
		const [before, after] = [was.get(id), is.get(id)];
		const path = `panel ${JSON.stringify(before?.title ?? after?.title ?? `${id}`)}`;
		if (!before) return [{ path, to: after?.type }];
		if (!after) return [{ path, from: before.type }];
		return compare(flat(before), flat(after), manner, path);
	});
	return [...compare(settingsOf(from), settingsOf(to), manner), ...panels];
}

/** Variables by their names, and everything else but panels. */
function settingsOf({ panels: _, id: __, templating, ...settings }: Model): Model {
	const { list = [] } = (templating ?? {}) as { list?: { name: string }[] };
	const variables = Object.fromEntries(list.map((variable) => [`variable ${variable.name}`, variable]));
	return { ...settings, ...variables };
}

function panelsOf({ panels }: Model): Map<number, Panel> {
	const all = (list: Panel[] = []): Panel[] => list.flatMap((panel) => [panel, ...all(panel.panels)]);
	return new Map(all(panels as Panel[]).map((panel) => [panel.id, panel]));
}

/** A row without its panels: they are compared by themselves. */
function flat({ panels: _, ...panel }: Panel): Model {
	return panel;
}

function skip(path: string, from: unknown, to: unknown): boolean {
	const key = lastKey(path);
	if (numbers.has(key) || (key === "selected" && path.includes("current."))) return true;
	// One value alone, and a list of it: Grafana writes now this, now that.
	if (/\bcurrent\.(text|value)$/.test(path)) return same([from].flat(), [to].flat());
	return from === undefined && isDefault(key, to);
}

function lastKey(path: string): string {
	return (
		path
			.split(/[.[\]]+/)
			.filter(Boolean)
			.at(-1) ?? ""
	);
}

/**
 * A dashboard as its file should have it: keys in the file's order, new ones at the end; without numbers of one Grafana,
 * and without what its editor adds by itself.
 *
 * @param file What the file has; empty for a dashboard that has none.
 */
export function arranged(live: Model, file: Model = {}): Model {
	const { id: _, version: __, ...model } = live;
	if (Object.keys(file).length > 0 && dashboardChanges(file, model).length === 0) return file;
	return arrange(model, file, "") as Model;
}

function arrange(value: unknown, like: unknown, key: string): unknown {
	if (like !== undefined && same(value, like)) return like;
	if (Array.isArray(value)) {
		const list = Array.isArray(like) ? like : [];
		const identity = ["id", "name", "refId"].find((name) => isKey(name, value) && isKey(name, list));
		return value.map((item, i) => {
			const other = identity ? list.find((candidate) => candidate[identity] === item[identity]) : list[i];
			return arrange(item, other, key);
		});
	}
	if (!isObject(value)) return value;
	const known = isObject(like) ? like : {};
	const kept = Object.keys(known).filter((name) => name in value || same(known[name], undefined));
	const added = Object.keys(value).filter(
		(name) => !(name in known) && !isDefault(name, value[name]) && !dropped(name),
	);
	return Object.fromEntries(
		[...kept, ...added].map((name) => [name, name in value ? arrange(value[name], known[name], name) : known[name]]),
	);
}

/** Of one Grafana, and no reader needs it. `schemaVersion` says which migrations the rest has had. */
function dropped(name: string): boolean {
	return numbers.has(name) && name !== "schemaVersion";
}
