// Draws a trace in a terminal: which span called which, when, and for how long.

import { paint, shorten, visible } from "../output.ts";
import type { Span } from "./spans.ts";

interface Row extends Span {
	depth: number;
	/** Whether it has a parent that is not in the trace. */
	orphan: boolean;
}

/** Columns of a bar; names have the rest of a line. */
const barWidth = 24;

/**
 * A line for each span, children below their parents.
 *
 * @param width Columns of a line.
 * @param most How many spans are drawn; the others are counted.
 */
export function waterfall(spans: Span[], width: number, most: number): string[] {
	if (spans.length === 0) return [];
	const rows = tree(spans);
	const from = spans.reduce((first, { start }) => Math.min(first, start), Number.POSITIVE_INFINITY);
	const to = spans.reduce((latest, { end }) => Math.max(latest, end), from);
	const lines = rows.slice(0, most).map((row) => line(row, { from, to }, width));
	return rows.length > most ? [...lines, `… and ${rows.length - most} more: --all`] : lines;
}

/** A duration with three significant digits. */
export function duration(ms: number): string {
	const [value, unit] = ms < 1 ? [ms * 1000, "µs"] : ms < 1000 ? [ms, "ms"] : [ms / 1000, "s"];
	return `${Number(value.toPrecision(3))} ${unit}`;
}

/**
 * The spans depth first. Without recursion, because a trace may be a chain of ten thousand spans. A span that is its own
 * ancestor is a root.
 */
function tree(spans: Span[]): Row[] {
	const known = new Set(spans.map(({ id }) => id));
	const children = Map.groupBy(spans, ({ parent }) => (known.has(parent) ? parent : ""));
	const rows: Row[] = [];
	const seen = new Set<Span>();
	const walk = (roots: Span[]) => {
		const open = roots.map((span) => ({ span, depth: 0 })).reverse();
		for (let next = open.pop(); next; next = open.pop()) {
			const { span, depth } = next;
			if (seen.has(span)) continue;
			seen.add(span);
			rows.push({ ...span, depth, orphan: span.parent !== "" && !known.has(span.parent) });
			for (const child of (children.get(span.id) ?? []).toReversed()) open.push({ span: child, depth: depth + 1 });
		}
	};
	walk(children.get("") ?? []);
	for (const span of spans) if (!seen.has(span)) walk([span]);
	return rows;
}

function line(row: Row, range: { from: number; to: number }, width: number): string {
	const mark = row.error === undefined ? " " : paint("red", "✗");
	const took = duration(row.end - row.start).padStart(8);
	const room = Math.max(20, width - barWidth - took.length - 4);
	// The indentation is limited: in a deep trace there would be no room for names.
	const indent = "  ".repeat(Math.min(row.depth, Math.floor(room / 4)));
	const why = row.error ? `: ${row.error.split("\n")[0]}` : "";
	const text = `${indent}${row.orphan ? "(parent missing) " : ""}${visible(`${row.service} ${row.name}${why}`)}`;
	return `${mark} ${shorten(text, room).padEnd(room)} ${took} ${bar(row, range)}`.trimEnd();
}

function bar({ start, end, error }: Span, { from, to }: { from: number; to: number }): string {
	const scale = barWidth / Math.max(to - from, Number.MIN_VALUE);
	const first = Math.min(barWidth - 1, Math.floor((start - from) * scale));
	const length = Math.max(1, Math.min(barWidth - first, Math.round((end - start) * scale)));
	return " ".repeat(first) + paint(error === undefined ? "cyan" : "red", "━".repeat(length));
}
