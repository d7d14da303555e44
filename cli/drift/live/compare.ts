// Two values of a configuration, compared as the server that reads them would: 48h is 2d, "8888" is 8888, the order of keys is
// nothing, and what a server reports beside what was declared is its own default.

import type { Change } from "../finding.ts";

type Json = Record<string, unknown>;

export interface Manner {
	/** `declared`: what only `to` has is a default of the server. @default all */
	keys?: "all" | "declared";
	/** Leaves a place out of the comparison. @default none */
	skip?: (path: string, from: unknown, to: unknown) => boolean;
}

/** What identifies an element of a list, in this order: then its place in the list means nothing. */
const identities = ["uid", "job_name", "alert", "record", "receiver", "name", "id", "refId", "key"];

/** What differs, each with its path; nothing where a server would see no difference. */
export function compare(from: unknown, to: unknown, manner: Manner = {}, path = ""): Change[] {
	if (manner.skip?.(path, from, to) || same(from, to)) return [];
	if (isObject(from) && isObject(to)) {
		const keys =
			manner.keys === "declared" ? Object.keys(from) : [...new Set([...Object.keys(from), ...Object.keys(to)])];
		return keys.flatMap((key) => compare(from[key], to[key], manner, join(path, key)));
	}
	if (Array.isArray(from) && Array.isArray(to)) return compareLists(from, to, manner, path);
	return [{ path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }];
}

function compareLists(from: unknown[], to: unknown[], manner: Manner, path: string): Change[] {
	const identity = identities.find((key) => isKey(key, from) && isKey(key, to));
	if (identity) {
		const [was, is] = [byKey(identity, from), byKey(identity, to)];
		const names = new Set([...was.keys(), ...is.keys()]);
		return [...names].flatMap((name) => compare(was.get(name), is.get(name), manner, `${path}[${name}]`));
	}
	if (![...from, ...to].every(isObject)) return [{ path, from, to }];
	return Array.from({ length: Math.max(from.length, to.length) }).flatMap((_, i) =>
		compare(from[i], to[i], manner, `${path}[${i}]`),
	);
}

export function isKey(key: string, list: unknown[]): boolean {
	const values = list.map((item) => (isObject(item) ? item[key] : undefined));
	return values.every((value) => value !== undefined && value !== "") && new Set(values).size === values.length;
}

function byKey(key: string, list: unknown[]): Map<string, unknown> {
	return new Map(list.map((item) => [String((item as Json)[key]), item]));
}

/** Whether two values mean the same. What is not there is what nothing, zero, false and empty are. */
export function same(a: unknown, b: unknown): boolean {
	if (isHidden(a) || isHidden(b)) return true;
	if (isNothing(a) && isNothing(b)) return true;
	if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
	if (isObject(a) && isObject(b))
		return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => same(a[key], b[key]));
	return !isObject(a) && !isObject(b) && !Array.isArray(a) && !Array.isArray(b) && scalar(a) === scalar(b);
}

/** What servers show instead of a secret. */
function isHidden(value: unknown): boolean {
	return typeof value === "string" && /^(<secret>|\*{3,}|<redacted>|xxxxx)$/i.test(value);
}

export function isNothing(value: unknown): boolean {
	if (value === undefined || value === null || value === false || value === "" || value === 0) return true;
	return typeof value === "object" && Object.values(value).every(isNothing);
}

/** Nanoseconds and bytes. */
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

/** One text for all ways to write a duration, a size, a number or a truth. */
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

function join(path: string, key: string): string {
	const plain = /^[\w/-]+$/.test(key) ? key : JSON.stringify(key);
	return path ? `${path}.${plain}` : plain;
}

export function isObject(value: unknown): value is Json {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
