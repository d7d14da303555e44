// Compares configurations as the server that reads them would: 48h is 2d, "8888" is 8888, the order of keys does not matter,
// and what a server reports beyond what was declared is its own default.

import { type Change, isObject } from "./change.ts";
import { diff } from "./semantic.ts";

/** How values are compared. */
export interface Manner {
	/**
	 * `declared`: a key that only `to` has is ignored, being a default of the server; a list's element is not. @default
	 * all
	 */
	keys?: "all" | "declared";
	/** Whether to leave a change out. @default none is */
	skip?: (change: Change) => boolean;
	/**
	 * `differs`: a missing value is not the same as `false`, zero or empty, because the server may have another
	 * default. @default same
	 */
	absent?: "same" | "differs";
	/** What every path begins with. @default nothing */
	at?: string;
}

/** The differences that a server would see, each with its path. */
export function compare(
	from: unknown,
	to: unknown,
	{ keys = "all", skip, absent = "same", at = "" }: Manner = {},
): Change[] {
	return diff(from, to)
		.filter(({ from, to }) => !same(from, to) || (absent === "differs" && isAbsent(from) !== isAbsent(to)))
		.filter(({ path, from }) => keys === "all" || from !== undefined || isElement(path))
		.filter((change) => !skip?.(change))
		.map((change) => ({ ...change, path: join(at, change.path) }));
}

/** Whether a path ends at a list's element, such as `a.b[3]` and `a.b[name="x"]`; `a["b c"]` is a key. */
function isElement(path: string): boolean {
	return /\[(\d+|\w+=[^[\]]*)\]$/.test(path);
}

/** The key that a path ends with. */
export function lastKey(path: string): string {
	const [, quoted, bare] = /\["((?:[^"\\]|\\.)*)"\]$|([\w-]+)$/.exec(path) ?? [];
	return quoted ?? bare ?? "";
}

/** Whether two values mean the same. A missing value means the same as zero, false and empty. */
export function same(a: unknown, b: unknown): boolean {
	if (isHidden(a) || isHidden(b)) return true;
	if (isNothing(a) && isNothing(b)) return true;
	if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
	if (isObject(a) && isObject(b))
		return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => same(a[key], b[key]));
	if (isDigits(a) && isDigits(b)) return a === b;
	return !isObject(a) && !isObject(b) && !Array.isArray(a) && !Array.isArray(b) && scalar(a) === scalar(b);
}

/**
 * Whether a value is a string that looks like a number. Two such strings are compared as text: in versions 1.10 is not
 * 1.1.
 */
function isDigits(value: unknown): boolean {
	return typeof value === "string" && /^\d+(\.\d+)*$/.test(value);
}

function isAbsent(value: unknown): boolean {
	return value === undefined || value === null;
}

/** Whether a value is what servers print instead of a secret. */
function isHidden(value: unknown): boolean {
	return typeof value === "string" && /^(<secret>|\*{3,}|<redacted>|xxxxx)$/i.test(value);
}

/** Whether a value means as little as a missing one: null, zero, false, empty, or an object of such values. */
export function isNothing(value: unknown): boolean {
	if (value === undefined || value === null || value === false || value === "" || value === 0) return true;
	// Servers in Go leave out zero values, durations as well.
	if (typeof value === "string") return /^(0(ns|us|µs|ms|s|m|h|d|w|y))+$/.test(value);
	return typeof value === "object" && Object.values(value).every(isNothing);
}

/** Units of durations in nanoseconds, and prefixes of sizes. */
const times: Record<string, number> = {
	ns: 1,
	us: 1e3,
	µs: 1e3,
	ms: 1e6,
	s: 1e9,
	m: 6e10,
	h: 3.6e12,
	d: 8.64e13,
	w: 6.048e14,
	y: 3.1536e16,
};
const prefixes = ["", "k", "m", "g", "t", "p"];

/** A scalar in one canonical form, however a duration, a size, a number or a boolean is written. */
function scalar(value: unknown): string {
	const text = String(value ?? "").trim();
	if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) return String(Number(text));
	if (/^([\d.]+(ns|us|µs|ms|s|m|h|d|w|y))+$/.test(text)) {
		const parts = [...text.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h|d|w|y)/g)];
		const sum = parts.reduce((all, [, amount, unit]) => all + Number(amount) * times[unit!]!, 0);
		return sum === 0 ? "0" : `${sum} ns`;
	}
	const [, amount, prefix] = /^(\d+(?:\.\d+)?)\s?([kmgtp]?)i?b$/i.exec(text) ?? [];
	if (amount) return String(Number(amount) * 1024 ** prefixes.indexOf((prefix ?? "").toLowerCase()));
	return text;
}

function join(at: string, path: string): string {
	return at && path && !path.startsWith("[") ? `${at}.${path}` : `${at}${path}`;
}
