// Compares documents by their meaning: neither the order of a map's keys nor YAML's layout matters.

import { parseAllDocuments } from "yaml";
import { type Change, isObject } from "./change.ts";

type Json = Record<string, unknown>;

/** How the elements of a list are identified, so that one that was moved is recognised. */
interface Identity {
	/** The step of a path to an element: `[id=4]`, `[name="tempo"]`, `[GF_LOG_LEVEL=]`. */
	stepOf(element: unknown): string;
	/** Whether the order of the elements matters. */
	ordered: boolean;
}

/** Keys that identify an element within its list. */
const names = ["uid", "name", "job_name", "refId", "file", "containerPath", "label"];

/**
 * The changes from one JSON-like value to another. Lists are compared in order, unless their elements have an identity: a
 * number as `id` (panels), a name, or `NAME=` (environment variables). A changed order is one change, where order matters.
 *
 * Paths are `a.b`, `["any key"]`, `[3]`, `[id=4]`, `[name="x"]`, `[NAME=]`; `[order]` ends the path of an order.
 */
export function diff(from: unknown, to: unknown): Change[] {
	return compare(from, to, "");
}

/** The same for texts in YAML or JSON. Texts that are no map and no list are compared as they are. */
export function diffTexts(from: string, to: string): Change[] {
	const [before, after] = [documentOf(from), documentOf(to)];
	return before && after ? diff(before, after) : diff(from, to);
}

/** Applies the changes that `diff` returned to its left side. The result means the same as its right side. */
export function apply(from: unknown, changes: Change[]): unknown {
	// Positions in paths are those of the left side: what changes positions is applied last, from the end.
	const updates = changes.filter((change) => "from" in change && "to" in change && !isOrder(change));
	const removals = changes.filter((change) => !("to" in change)).reverse();
	const insertions = changes.filter((change) => !("from" in change));
	const orders = changes.filter(isOrder);
	return [...updates, ...removals, ...insertions, ...orders].reduce(
		(value, change) => put(value, stepsOf(change.path), change),
		from,
	);
}

/** The content of a text in YAML or JSON; undefined when it is no map and no list. */
export function documentOf(text: string): Json | unknown[] | undefined {
	try {
		const documents = parseAllDocuments(text, { intAsBigInt: true });
		if (!Array.isArray(documents) || documents.some(({ errors }) => errors.length > 0)) return undefined;
		const values = documents.map((document) => plain(document.toJS()));
		if (values.length > 1) return values;
		return isObject(values[0]) || Array.isArray(values[0]) ? values[0] : undefined;
	} catch {
		return undefined;
	}
}

/** Converts big integers to numbers, or to strings where a number would be rounded. */
function plain(value: unknown): unknown {
	if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
	if (Array.isArray(value)) return value.map(plain);
	return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)])) : value;
}

function compare(from: unknown, to: unknown, path: string): Change[] {
	if (isObject(from) && isObject(to)) return compareMaps(from, to, path);
	if (Array.isArray(from) && Array.isArray(to)) return compareLists(from, to, path);
	return from === to || Object.is(from, to) ? [] : [change(path, from, to)];
}

function compareMaps(from: Json, to: Json, path: string): Change[] {
	const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
	return [...keys].flatMap((key) => compare(own(from, key), own(to, key), join(path, key)));
}

function compareLists(from: unknown[], to: unknown[], path: string): Change[] {
	const identity = identityOf(from, to);
	return identity ? compareNamed(from, to, path, identity) : compareInOrder(from, to, path);
}

function compareNamed(from: unknown[], to: unknown[], path: string, { stepOf, ordered }: Identity): Change[] {
	const before = new Map(from.map((element) => [stepOf(element), element]));
	const after = new Map(to.map((element) => [stepOf(element), element]));
	const steps = new Set([...before.keys(), ...after.keys()]);
	const changes = [...steps].flatMap((step) =>
		compare(contentOf(before.get(step), step), contentOf(after.get(step), step), path + step),
	);
	// What is new is put at the end.
	const applied = [...steps].filter((step) => after.has(step));
	const moved = ordered && applied.some((step, i) => step !== [...after.keys()][i]);
	return moved ? [...changes, change(`${path}[order]`, [...before.keys()], [...after.keys()])] : changes;
}

/**
 * Skips what both lists have at the beginning and at the end, so that an insertion does not change everything after it.
 */
function compareInOrder(from: unknown[], to: unknown[], path: string): Change[] {
	const shorter = Math.min(from.length, to.length);
	const same = (i: number, j: number) => compare(from[i], to[j], "").length === 0;
	let start = 0;
	while (start < shorter && same(start, start)) start++;
	let end = 0;
	while (end < shorter - start && same(from.length - 1 - end, to.length - 1 - end)) end++;
	const length = Math.max(from.length, to.length) - start - end;
	return Array.from({ length }, (_, i) => start + i).flatMap((i) =>
		compare(i < from.length - end ? from[i] : undefined, i < to.length - end ? to[i] : undefined, `${path}[${i}]`),
	);
}

/** What identifies the elements of both lists; undefined when nothing does. */
function identityOf(from: unknown[], to: unknown[]): Identity | undefined {
	const elements = [...from, ...to];
	if (elements.length === 0) return undefined;
	const candidates: { identity: Identity; fits(element: unknown): boolean }[] = [
		{ fits: isVariable, identity: { stepOf: (e) => `[${variableName(e as string)}=]`, ordered: false } },
		{ fits: (e) => hasName(e, "id", "number"), identity: { stepOf: (e) => stepBy(e as Json, "id"), ordered: false } },
		...names.map((name) => ({
			fits: (e: unknown) => hasName(e, name, "string"),
			identity: { stepOf: (e: unknown) => stepBy(e as Json, name), ordered: true },
		})),
	];
	const unique = (list: unknown[], { stepOf }: Identity) => new Set(list.map(stepOf)).size === list.length;
	return candidates.find(({ fits, identity }) => elements.every(fits) && unique(from, identity) && unique(to, identity))
		?.identity;
}

function hasName(element: unknown, key: string, type: "string" | "number"): boolean {
	return isObject(element) && typeof own(element, key) === type && !Number.isNaN(own(element, key));
}

function stepBy(element: Json, key: string): string {
	return `[${key}=${JSON.stringify(element[key])}]`;
}

function isVariable(element: unknown): boolean {
	return typeof element === "string" && /^[A-Za-z_]\w*=/.test(element);
}

function variableName(element: string): string {
	return element.slice(0, element.indexOf("="));
}

/** An element without what its path says: of an environment variable its value. */
function contentOf(element: unknown, step: string): unknown {
	return typeof element === "string" && step.endsWith("=]") ? element.slice(step.length - 2) : element;
}

function change(path: string, from: unknown, to: unknown): Change {
	return { path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

function join(path: string, key: string): string {
	if (!/^[A-Za-z_][\w-]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
	return path === "" ? key : `${path}.${key}`;
}

function isOrder({ path }: Change): boolean {
	return path.endsWith("[order]");
}

type Step = { key: string } | { index: number } | { element: string } | { order: true };

/** A path's steps, as `diff` writes them. */
function stepsOf(path: string): Step[] {
	const text = /"(?:[^"\\]|\\.)*"/.source;
	const step = new RegExp(
		`\\.?([A-Za-z_][\\w-]*)|\\[(${text})\\]|\\[(\\d+)\\]|(\\[\\w+=(?:${text}|[^"\\]]*)\\])|\\[order\\]`,
		"gy",
	);
	return [...path.matchAll(step)].map(([, bare, quoted, index, element]) => {
		if (bare !== undefined) return { key: bare };
		if (quoted !== undefined) return { key: JSON.parse(quoted) };
		if (index !== undefined) return { index: Number(index) };
		return element !== undefined ? { element } : { order: true };
	});
}

/** A copy of a value with one change made at the end of some steps. */
function put(value: unknown, [step, ...rest]: Step[], made: Change): unknown {
	if (!step) return made.to;
	if ("key" in step) {
		const map = value as Json;
		const item = put(own(map, step.key), rest, made);
		const { [step.key]: _, ...others } = map;
		return item === undefined ? others : { ...others, [step.key]: item };
	}
	const list = value as unknown[];
	if ("order" in step) return inOrder(list, made.to as string[]);
	if ("index" in step) {
		const present = rest.length > 0 || "from" in made;
		const item = put(list[step.index], rest, made);
		return list.toSpliced(step.index, present ? 1 : 0, ...(item === undefined ? [] : [item]));
	}
	const at = list.findIndex((element) => stepLike(element, step.element) === step.element);
	const name = isVariableStep(step.element) ? step.element.slice(1, -1) : undefined;
	const item = put(at < 0 ? undefined : list[at], rest, made);
	const element = name !== undefined && item !== undefined ? `${name}${item}` : item;
	const where = at < 0 ? list.length : at;
	return list.toSpliced(where, at < 0 ? 0 : 1, ...(element === undefined ? [] : [element]));
}

function inOrder(list: unknown[], steps: string[]): unknown[] {
	return steps.map((step) => list.find((element) => stepLike(element, step) === step));
}

/** The step of an element, if it were written as another one is. */
function stepLike(element: unknown, step: string): string | undefined {
	if (isVariableStep(step)) return typeof element === "string" ? `[${variableName(element)}=]` : undefined;
	return isObject(element) ? stepBy(element, step.slice(1, step.indexOf("="))) : undefined;
}

function isVariableStep(step: string): boolean {
	return step.endsWith("=]");
}

/** A map's own value: `constructor` is a key like any other. */
function own(map: Json, key: string): unknown {
	return Object.hasOwn(map, key) ? map[key] : undefined;
}
