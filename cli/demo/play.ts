// Runs a demo's simulated time, up to now and on from there, and sends what happens in it.

import { setTimeout as sleep } from "node:timers/promises";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { sendSamples } from "../metrics/samples.ts";
import { acknowledged, exporters } from "../otlp.ts";
import { type Store, store } from "../report/store.ts";
import type { Endpoints } from "../verify/api.ts";
import { metricsExporter } from "./exemplars.ts";
import { seeded } from "./random.ts";
import { type Demo, World } from "./world.ts";

/** How much history a demo may have at most, in minutes: Prometheus refuses samples that are older than 30. */
export const mostMinutes = 25;

/** How often applications report their metrics, in milliseconds. */
const interval = 15_000;

/** The collector limits the size of a message. */
const spansInAMessage = 1000;

/** How a demo is played. */
export interface PlayOptions {
	/** How many units of work begin per minute. */
	perMinute: number;
	/** Length of the history, in minutes. */
	minutes: number;
	/** Seed of the random numbers. */
	seed: number;
	/** What goes wrong in the second half. @default nothing */
	fault?: string | undefined;
	/** Goes on in real time until it is aborted. @default ends now */
	follow?: AbortSignal | undefined;
	/**
	 * Pause between the two halves of the history, in milliseconds. Span metrics are written every 5 s from what has arrived: with
	 * only one sample of each counter all rates would be empty. @default 6000
	 */
	betweenHalves?: number;
	/** Where reports are stored. @default nowhere */
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
	/** Id of the trace that began last. */
	traceId: string;
}

/** When each unit begins, in milliseconds since 1970, without end: at random intervals, as customers come. */
function* beginnings(from: number, perMinute: number, random: ReturnType<typeof seeded>): Generator<number> {
	for (let at = from; ; at += random.exponential(60_000 / perMinute)) yield Math.floor(at);
}

/** Plays a demo and sends it. @throws with the stack's answer when it refuses something. */
export async function play(e: Endpoints, demo: Demo, options: PlayOptions, now = Date.now()): Promise<Played> {
	const { perMinute, minutes, seed, fault, follow, betweenHalves = 6000 } = options;
	const from = now - minutes * 60_000;
	const world = new World(seeded(seed), from);
	const sent: Played = { units: 0, traces: 0, spans: 0, logs: 0, points: 0, reports: 0, traceId: "" };
	const to = { ...exporters(e), measured: metricsExporter(e) };
	/** How far the simulated time may go: a unit that begins then has ended by now. */
	const end = () => (follow ? Date.now() : now) - demo.longest * 1000;
	// Arrivals have random numbers of their own, so that what happens in a unit does not change when the next begins.
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
			await flush(e, world, to, Math.min(until, follow ? Date.now() : now), sent, options.store);
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
	// In the order of their times: out-of-order samples cost Prometheus more.
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
