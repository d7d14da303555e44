// Dashboards as data: what an edit changes, and how a dashboard is written into a file.

import { type Change, isObject } from "../diff/change.ts";
import { compare, lastKey, same } from "../diff/compare.ts";
import { isDefault, numbers } from "./defaults.ts";

/** A dashboard's JSON. */
export type Model = Record<string, unknown>;

interface Panel extends Model {
	id: number;
	title?: string;
	type: string;
	/** Panels of a collapsed row. */
	panels?: Panel[];
}

/** The content of a dashboard's file, always formatted alike, so that a diff shows what was edited. */
export function format(model: Model): string {
	return `${JSON.stringify(model, null, "\t")}\n`;
}

/** The changes between two versions of a dashboard, panel by panel, without what Grafana's editor adds by itself. */
export function dashboardChanges(from: Model, to: Model): Change[] {
	return [
		...compare(settingsOf(from), settingsOf(to), { skip }),
		...partChanges(variablesOf(from), variablesOf(to)),
		...partChanges(...panelsOf(from, to)),
	];
}

/** Everything but panels and variables. */
function settingsOf({ panels: _, id: __, templating: ___, ...settings }: Model): Model {
	return settings;
}

/** A panel or a variable, with its name for people. */
interface Part {
	label: string;
	type: unknown;
	model: Model;
}

function partChanges(from: Map<unknown, Part>, to: Map<unknown, Part>): Change[] {
	return [...new Set([...from.keys(), ...to.keys()])].flatMap((key): Change[] => {
		const [before, after] = [from.get(key), to.get(key)];
		if (!before) return [{ path: after!.label, to: after!.type }];
		if (!after) return [{ path: before.label, from: before.type }];
		return compare(before.model, after.model, { skip, at: before.label });
	});
}

function variablesOf({ templating }: Model): Map<unknown, Part> {
	const { list = [] } = (templating ?? {}) as { list?: Model[] };
	return new Map(list.map((model) => [model.name, { label: `variable "${model.name}"`, type: model.type, model }]));
}

/**
 * The panels of two versions, those in collapsed rows as well; rows are compared without their panels. They are matched by
 * id, or by title where a version comes from Grafana's provider, which drops ids.
 */
function panelsOf(...models: [Model, Model]): [Map<unknown, Part>, Map<unknown, Part>] {
	const all = (list: Panel[] = []): Panel[] => list.flatMap((panel) => [panel, ...all(panel.panels)]);
	const panels = models.map((model) => all(model.panels as Panel[]));
	const key = panels.flat().every(({ id }) => id !== undefined) ? "id" : "title";
	const [from, to] = panels.map(
		(list) =>
			new Map(
				list.map(({ panels: _, id, ...model }) => [
					key === "id" ? id : model.title,
					{ label: `panel "${model.title || id}"`, type: model.type, model },
				]),
			),
	);
	return [from!, to!];
}

function skip({ path, from, to }: Change): boolean {
	const key = lastKey(path);
	if (numbers.has(key) || (key === "selected" && path.includes("current."))) return true;
	// Grafana writes a single value sometimes as a list.
	if (/\bcurrent\.(text|value)$/.test(path)) return same([from].flat(), [to].flat());
	return from === undefined && isDefault(key, to);
}

/**
 * A dashboard as it is written into its file: keys in the file's order, new ones at the end; without what Grafana counts
 * up, and without what its editor adds by itself.
 *
 * @param file The present content of the file. @default none: a dashboard that has no file yet keeps everything
 */
export function arranged(live: Model, file?: Model): Model {
	const { id: _, version: __, ...model } = live;
	if (!file) return model;
	return dashboardChanges(file, model).length === 0 ? file : (arrange(model, file) as Model);
}

function arrange(value: unknown, like: unknown): unknown {
	if (like !== undefined && same(value, like)) return like;
	if (Array.isArray(value)) {
		const list = Array.isArray(like) ? like : [];
		const identity = ["id", "name", "refId"].find((name) => isKey(name, value) && isKey(name, list));
		return value.map((item, i) => {
			const other = identity ? list.find((candidate) => candidate[identity] === item[identity]) : list[i];
			return arrange(item, other);
		});
	}
	if (!isObject(value)) return value;
	const known = isObject(like) ? like : {};
	const kept = Object.keys(known).filter((name) => name in value || same(known[name], undefined));
	const added = Object.keys(value).filter(
		(name) => !(name in known) && !isDefault(name, value[name]) && !dropped(name),
	);
	return Object.fromEntries(
		[...kept, ...added].map((name) => [name, name in value ? arrange(value[name], known[name]) : known[name]]),
	);
}

/** Keys that are left out of files. `schemaVersion` stays: Grafana needs it to migrate old dashboards. */
function dropped(name: string): boolean {
	return numbers.has(name) && name !== "schemaVersion";
}

/** Whether a key tells the elements of a list apart. */
function isKey(key: string, list: unknown[]): list is Model[] {
	const values = list.map((item) => (isObject(item) ? item[key] : undefined));
	return values.every((value) => value !== undefined) && new Set(values).size === values.length;
}
