// Rules as files have them and as Prometheus has loaded them, in one form.

import { parse } from "yaml";

/** A group of rules, as Prometheus's API returns it. */
export interface Group {
	name: string;
	file: string;
	rules: {
		type: "alerting" | "recording";
		name: string;
		query: string;
		/** Seconds. */
		duration?: number;
		keepFiringFor?: number;
		labels?: Record<string, string>;
		annotations?: Record<string, string>;
	}[];
}

interface FileRule {
	alert?: string;
	record?: string;
	expr: string | number;
	for?: string;
	keep_firing_for?: string;
	labels?: Record<string, string>;
	annotations?: Record<string, string>;
}

/** The rules in a file's text, by group. */
export function ruleGroups(text: string): Record<string, FileRule[]> {
	const { groups } = (parse(text, { merge: true }) ?? {}) as { groups?: { name: string; rules?: FileRule[] }[] };
	return Object.fromEntries(
		(groups ?? []).map(({ name, rules }) => [
			name,
			(rules ?? []).map((rule) => ({ ...rule, expr: plain(`${rule.expr}`) })),
		]),
	);
}

/** The rules that Prometheus has loaded, by file and group. */
export function loadedGroups(groups: Group[]): Map<string, Record<string, FileRule[]>> {
	const files = new Map<string, Record<string, FileRule[]>>();
	for (const { file, name, rules } of groups) {
		files.set(file, {
			...files.get(file),
			[name]: rules.map(({ type, name, query, duration, keepFiringFor, labels, annotations }) => ({
				[type === "alerting" ? "alert" : "record"]: name,
				expr: plain(query),
				...(duration && { for: `${duration}s` }),
				...(keepFiringFor && { keep_firing_for: `${keepFiringFor}s` }),
				...(labels && { labels }),
				...(annotations && { annotations }),
			})),
		});
	}
	return files;
}

/** A query without what differs between a file and Prometheus's API: spaces, comments, kinds of quotes, empty lists of labels. */
function plain(query: string): string {
	return query
		.replaceAll(/("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)|#.*/g, "$1")
		.replaceAll(/(['`])([^"'`\\]*)\1/g, '"$2"')
		.replaceAll(/\s+/g, "")
		.replaceAll(/,([)}])/g, "$1")
		.replaceAll(/(group_left|group_right)\(\)/g, "$1");
}
