// What Tempo has, compared with what a Jaeger gave.

import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import { hours } from "../kept.ts";
import { countSpans, type ResourceSpans } from "./otlp.ts";
import { patiently, request } from "./patience.ts";

/** A trace that Tempo has not, or not all of. */
export interface Difference {
	id: string;
	/** Spans. */
	jaeger: number;
	tempo: number;
}

/** How old a trace may be when it arrives and still be found by a search, in hours, as the running server says. */
export async function backfill(tempo: string): Promise<number> {
	const response = await request(`${tempo}/status/config`, { seconds: 10 });
	if (!response.ok) throw new Error(`HTTP ${response.status}`);
	// YAML after a line that names the page.
	const [, config = ""] = (await response.text()).split(/^---$/m);
	return hours(parse(config).storage.trace.wal.ingestion_time_range_slack);
}

/** How many different spans of a trace Tempo has. */
export async function spansInTempo(tempo: string, id: string): Promise<number> {
	const response = await patiently(30, () => request(`${tempo}/api/v2/traces/${id}`, { seconds: 30 }));
	if (response.status === 404) return 0;
	const text = await response.text();
	if (!response.ok) throw new Error(`${response.status} from Tempo for the trace ${id}: ${text.trim().slice(0, 200)}`);
	const { trace } = JSON.parse(text) as { trace?: { resourceSpans?: ResourceSpans[] } };
	return countSpans(trace?.resourceSpans ?? []);
}

/**
 * Asks for every trace until it is whole, or nothing more has come for some seconds: what the collector has acknowledged
 * is on its disk, and on its way. More spans than expected are no difference: an application may send to both.
 *
 * @param expected Spans by trace id.
 * @param spansOf How many spans of a trace there are.
 * @param options.patienceSeconds How long nothing may come.
 * @param options.onWhole Told of each group of traces that are whole.
 */
export async function differences(
	expected: Map<string, number>,
	spansOf: (id: string) => Promise<number>,
	options: { patienceSeconds: number; onWhole: (ids: string[]) => void },
): Promise<Difference[]> {
	let missing = [...expected].map(([id, jaeger]): Difference => ({ id, jaeger, tempo: 0 }));
	for (let lastNews = Date.now(); missing.length > 0; await sleep(1000)) {
		const before = missing.reduce((sum, { tempo }) => sum + tempo, 0);
		const left: Difference[] = [];
		for (let i = 0; i < missing.length; i += 200) {
			const group = missing.slice(i, i + 200);
			const counted = await eightAtOnce(group, async (one) => ({ ...one, tempo: await spansOf(one.id) }));
			const whole = counted.filter(({ jaeger, tempo }) => tempo >= jaeger);
			options.onWhole(whole.map(({ id }) => id));
			left.push(...counted.filter(({ jaeger, tempo }) => tempo < jaeger));
		}
		const news = left.length < missing.length || left.reduce((sum, { tempo }) => sum + tempo, 0) > before;
		missing = left;
		if (news) lastNews = Date.now();
		else if (Date.now() - lastNews > options.patienceSeconds * 1000) break;
	}
	return missing;
}

/** In order; more at once cost Tempo memory and save no time. */
async function eightAtOnce<T>(items: T[], ask: (item: T) => Promise<T>): Promise<T[]> {
	const answers = [...items];
	const queue = items.map((item, i) => [item, i] as const);
	const worker = async () => {
		for (let next = queue.pop(); next; next = queue.pop()) answers[next[1]] = await ask(next[0]);
	};
	await Promise.all(Array.from({ length: 8 }, worker));
	return answers;
}
