// The result of a migration, for people and for machines.

import type { Difference } from "./compare.ts";
import type { Journal } from "./journal.ts";
import type { Window } from "./windows.ts";

/** What was read from Jaeger and found in Tempo. */
export interface Report {
	journal: Pick<Journal, "services" | "traces">;
	services: string[];
	/** Traces that are missing in Tempo, or incomplete there. */
	missing: Difference[];
	/** Windows of which Jaeger did not return all traces. */
	incomplete: ({ service: string } & Window)[];
}

/** The result as a table, as an object, and its problems in lines. A trace with several services counts for each. */
export function summary({ journal, services, missing, incomplete }: Report) {
	const lacking = new Map(missing.map(({ id, jaeger, tempo }) => [id, jaeger - tempo]));
	const row = (name: string, ids: Iterable<string>) => {
		const all = [...ids];
		const read = all.reduce((sum, id) => sum + (journal.traces.get(id) ?? 0), 0);
		const lost = all.reduce((sum, id) => sum + (lacking.get(id) ?? 0), 0);
		const whole = all.filter((id) => !lacking.has(id)).length;
		return { name, traces: { jaeger: all.length, tempo: whole }, spans: { jaeger: read, tempo: read - lost } };
	};
	const idsOf = (service: string) => journal.services.get(service) ?? new Set<string>();
	const rows = services.map((service) => row(service, idsOf(service)));
	const all = row("all", new Set(services.flatMap((service) => [...idsOf(service)])));
	const iso = (ms: number) => new Date(ms).toISOString();
	const windows = incomplete.map(({ service, from, to }) => ({ service, from: iso(from), to: iso(to) }));
	return {
		table: table([...rows, all]),
		json: { services: rows, traces: all.traces, spans: all.spans, missing, incomplete: windows },
		problems: [
			...(missing.length > 0 ? [differing(missing)] : []),
			...windows.map(
				({ service, from, to }) => `${service} has more traces than Jaeger returns at once, from ${from} to ${to}`,
			),
		],
	};
}

function differing(missing: Difference[]): string {
	const some = missing.slice(0, 5).map(({ id, jaeger, tempo }) => `\n  ${id}: ${tempo} of ${jaeger} spans`);
	const more = missing.length > 5 ? `\n  and ${missing.length - 5} more: --json names them all` : "";
	return `missing or incomplete in Tempo: ${missing.length} traces${some.join("")}${more}`;
}

type Row = { name: string; traces: Record<"jaeger" | "tempo", number>; spans: Record<"jaeger" | "tempo", number> };

function table(rows: Row[]): string {
	const width = Math.min(30, Math.max(7, ...rows.map(({ name }) => name.length)));
	const line = (name: string, ...cells: (string | number)[]) =>
		[name.slice(0, width).padEnd(width), ...cells.map((cell) => cell.toLocaleString("en-US").padStart(10))].join("  ");
	return [
		line("service", "traces", "in Tempo", "spans", "in Tempo"),
		...rows.map(({ name, traces, spans }) => line(name, traces.jaeger, traces.tempo, spans.jaeger, spans.tempo)),
	].join("\n");
}
