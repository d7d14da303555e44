// Compares what Tempo has with what Jaeger returned.

import { setTimeout as sleep } from "node:timers/promises";
import { hours, tempoConfig } from "../kept.ts";
import { json, withQuery } from "../verify/api.ts";
import { countSpans, type ResourceSpans } from "./otlp.ts";
import { patiently, request } from "./patience.ts";
import { pages, remaining, type Window } from "./windows.ts";

/** A trace that is missing in Tempo, or incomplete there. */
export interface Difference {
	id: string;
	/** Spans. */
	jaeger: number;
	tempo: number;
}

/**
 * How old a trace may be when it arrives and still be found by a search, in hours, as the running Tempo is configured.
 */
export async function backfill(tempo: string): Promise<number> {
	return hours((await tempoConfig(tempo)).storage.trace.wal.ingestion_time_range_slack);
}

/** How many spans of a trace Tempo has. */
export async function spansInTempo(tempo: string, id: string): Promise<number> {
	const response = await patiently(30, () => request(`${tempo}/api/v2/traces/${id}`, { seconds: 30 }));
	if (response.status === 404) return 0;
	const text = await response.text();
	if (!response.ok) throw new Error(`${response.status} from Tempo for the trace ${id}: ${text.trim().slice(0, 200)}`);
	const { trace } = JSON.parse(text) as { trace?: { resourceSpans?: ResourceSpans[] } };
	return countSpans(trace?.resourceSpans ?? []);
}

/**
 * Numbers of spans by trace id, in pages, from searches: a hundred times faster than by id, once Tempo has written its
 * blocks.
 */
export async function* searchTempo(tempo: string, range: Window): AsyncGenerator<Map<string, number>> {
	type Found = { traceID: string; spanSets?: { matched?: number }[] };
	const search = async ({ from, to }: Window, limit: number) => {
		const window = { start: Math.floor(from / 1000), end: Math.ceil(to / 1000) + 1 };
		const url = withQuery(`${tempo}/api/search`, { q: "{}", ...window, limit, spss: 1 });
		const { traces = [] } = await json<{ traces?: Found[] }>(url, { signal: AbortSignal.timeout(60_000) });
		return new Map(
			traces.map(({ traceID, spanSets = [] }) => [traceID.padStart(32, "0"), spanSets[0]?.matched ?? 0] as const),
		);
	};
	for await (const { traces } of pages(remaining(range, []), search, { page: 5000 })) yield traces;
}

/** Ways to count the spans of traces in Tempo. */
interface Counters {
	byId: (id: string) => Promise<number>;
	search: () => AsyncIterable<Map<string, number>>;
}

/**
 * Looks for every trace until all are complete, or nothing new has arrived for some seconds: what the collector has
 * acknowledged is still on its way. More spans than expected are no difference: an application may send to both.
 *
 * @param expected Numbers of spans by trace id.
 * @param options.patienceSeconds How long to wait when nothing new arrives.
 * @param options.onWhole Called with the ids of traces that are complete.
 */
export async function differences(
	expected: Map<string, number>,
	{ byId, search }: Counters,
	options: { patienceSeconds: number; onWhole: (ids: string[]) => void },
): Promise<Difference[]> {
	const open = new Map([...expected].map(([id, jaeger]): [string, Difference] => [id, { id, jaeger, tempo: 0 }]));
	let lastNews = Date.now();
	const count = (counted: Iterable<readonly [string, number]>) => {
		const whole: string[] = [];
		for (const [id, spans] of counted) {
			const one = open.get(id);
			if (!one || spans <= one.tempo) continue;
			one.tempo = spans;
			lastNews = Date.now();
			if (spans >= one.jaeger && open.delete(id)) whole.push(id);
		}
		options.onWhole(whole);
	};
	let nextSearch = 0;
	const searchWhenDue = async () => {
		if (Date.now() < nextSearch) return;
		const began = Date.now();
		try {
			for await (const counted of search()) count(counted);
		} catch {
			// What a failed search does not find is asked for by id.
		}
		nextSearch = Date.now() + Math.max(15_000, 3 * (Date.now() - began));
	};
	for (;;) {
		const ids = [...open.keys()];
		for (let i = 0; i < ids.length; i += 8) {
			await searchWhenDue();
			const group = ids.slice(i, i + 8).filter((id) => open.has(id));
			count(await Promise.all(group.map(async (id) => [id, await byId(id)] as const)));
		}
		if (open.size === 0 || Date.now() - lastNews > options.patienceSeconds * 1000) return [...open.values()];
		await sleep(1000);
	}
}
