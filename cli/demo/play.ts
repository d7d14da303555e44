// Lets a demo's time pass, up to now and on from there, and sends what happens in it.

import { setTimeout as sleep } from "node:timers/promises";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { sendSamples } from "../metrics/samples.ts";
import { acknowledged, exporters } from "../otlp.ts";
import { type Store, store } from "../report/store.ts";
import type { Endpoints } from "../verify/api.ts";
import { metricsExporter } from "./exemplars.ts";
import { seeded } from "./random.ts";
import { type Demo, World } from "./world.ts";

/** The most history that a demo may make, in minutes: Prometheus takes no samples that are older than 30. */
export const mostMinutes = 25;

/** Applications report their metrics so often, in milliseconds. */
const interval = 15_000;

/** A collector takes messages up to a limit. */
const spansInAMessage = 1000;

export interface PlayOptions {
	/** How many begin in a minute. */
	perMinute: number;
	/** How much has happened already. */
	minutes: number;
	seed: number;
	fault?: string | undefined;
	/** Goes on in real time until it is aborted. @default ends now */
	follow?: AbortSignal | undefined;
	/**
	 * Between the two halves of the history, in milliseconds: span metrics count what arrives, every 5 s, and a counter's first
	 * sample is no increase, so that without a second one all rates would stay empty. @default 6000
	 */
	betweenHalves?: number;
	/** Where reports are kept. @default nowhere */
	store?: Store | undefined;
}

/** What was sent. */
export interface Played {
	units: number;
	traces: number;
	spans: number;
	logs: number;
	points: number;
	reports: number;
	/** Of the trace that began last. */
	traceId: string;
}

/** When each unit begins, in milliseconds since 1970, without end: as customers come, not as a clock ticks. */
function* beginnings(from: number, perMinute: number, random: ReturnType<typeof seeded>): Generator<number> {
	for (let at = from; ; at += random.exponential(60_000 / perMinute)) yield Math.floor(at);
}

/** Plays a demo and sends it. Rejects with what the stack said when it took something not. */
export async function play(e: Endpoints, demo: Demo, options: PlayOptions, now = Date.now()): Promise<Played> {
	const { perMinute, minutes, seed, fault, follow, betweenHalves = 6000 } = options;
	const from = now - minutes * 60_000;
	const world = new World(seeded(seed), from);
	const sent: Played = { units: 0, traces: 0, spans: 0, logs: 0, points: 0, reports: 0, traceId: "" };
	const to = { ...exporters(e), measured: metricsExporter(e) };
	/** How far the simulated time may go: what has begun then has ended by now. */
	const end = () => (follow ? Date.now() : now) - demo.longest * 1000;
	// Arrivals have a generator of their own: what happens in a unit does not move the next.
	const arrivals = beginnings(from, perMinute, seeded(seed + 1));
	let next = arrivals.next().value as number;
	const half = from + (minutes * 60_000) / 2;
	try {
		for (let until = from + interval; ; until += interval) {
			while (follow && !follow.aborted && until > end()) await pause(until - end(), follow);
			const last = until > end() || follow?.aborted;
			for (; next < Math.min(until, end()); next = arrivals.next().value as number) {
				world.now = next;
				world.fault = next > half ? fault : undefined;
				demo.play(world);
				sent.units++;
			}
			await flush(e, world, to, Math.min(until, now), sent, options.store);
			if (last) return sent;
			if (until >= half && until - interval < half) await sleep(betweenHalves);
		}
	} finally {
		await Promise.all(Object.values(to).map((exporter) => exporter.shutdown()));
	}
}

async function flush(
	e: Endpoints,
	world: World,
	to: ReturnType<typeof exporters> & { measured: ReturnType<typeof metricsExporter> },
	at: number,
	sent: Played,
	where: Store | undefined,
): Promise<void> {
	const { spans, logs } = world.finished();
	for (let i = 0; i < spans.length; i += spansInAMessage)
		await acknowledged(to.traces, spans.slice(i, i + spansInAMessage));
	if (e.loki && logs.length > 0) await acknowledged(to.logs, logs);
	// A sample after the other: Prometheus takes late ones, and prefers not to.
	for (const measured of await world.metrics(at)) {
		await acknowledged(to.measured, measured);
		sent.points += points(measured.metrics);
	}
	for (const { at, report } of world.reports.splice(0)) {
		if (where) await store(where, report);
		sent.points += await sendSamples(e, report.samples, at);
		sent.reports++;
	}
	const roots = spans.filter(({ parentSpanContext }) => !parentSpanContext);
	sent.traces += roots.length;
	sent.spans += spans.length;
	sent.logs += e.loki ? logs.length : 0;
	sent.traceId = roots.at(-1)?.spanContext().traceId ?? sent.traceId;
}

function points({ scopeMetrics }: ResourceMetrics): number {
	return scopeMetrics.flatMap(({ metrics }) => metrics).reduce((sum, { dataPoints }) => sum + dataPoints.length, 0);
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
	await sleep(Math.min(milliseconds, 1000), undefined, { signal }).catch(() => {});
}
