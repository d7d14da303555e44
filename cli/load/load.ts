// `./tracestack load`: sends spans at a rate, and reports what became of them.

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { keepAttribute } from "../../components/sampling.ts";
import { prepare, type StackOptions } from "../engine.ts";
import { paint, progress, UserError } from "../output.ts";
import { ask } from "../query/ask.ts";
import { type Endpoints, epoch, until } from "../verify/api.ts";
import { endpoints } from "../verify/verify.ts";
import { Batch, refusal } from "./batch.ts";

interface LoadOptions extends StackOptions {
	rate: number;
	minutes: number;
	spans: number;
	json?: boolean;
}

/** What was measured. */
export interface Outcome {
	/** Spans that the collector acknowledged. */
	accepted: number;
	/** Numbers of requests that it refused, by its answer. */
	refused: Record<string, number>;
	/** Spans that were not sent, because too many requests were waiting for an answer. */
	unsent: number;
	/** Seconds that the load lasted. */
	seconds: number;
	/** Milliseconds until an acknowledgement, of each request. */
	latency: number[];
	/**
	 * Seconds from acknowledgement until a search found the trace, for a trace every few seconds. Infinite: not found
	 * in time.
	 */
	searchable: number[];
	/** How many of a sample of the acknowledged traces Tempo has. */
	sampled: { of: number; found: number };
}

/** Upper limits of the options. An hour at the highest rate is more than a laptop's disk. */
const most = { rate: 50_000, minutes: 60, spans: 1000 };

/** Enough for an even load, and few enough to cost this machine nothing. */
const requestsPerSecond = 10;

/**
 * Requests that may wait for an answer; more are not sent, so that a server that hangs does not fill this process's
 * memory.
 */
const mostPending = 200;
const probeEverySeconds = 5;
/** How long a trace is searched for, in seconds. */
const probePatience = 60;
/** How many of the acknowledged traces are looked up in the end. */
const sampleSize = 200;

/** Returns the exit code: 1 when an acknowledged trace is missing, or nothing was acknowledged. */
export async function loadCommand(options: LoadOptions): Promise<number> {
	refuseWrong(options);
	const e = await endpoints(await prepare(options, "look"), options.stack);
	const service = `load-${randomBytes(3).toString("hex")}`;
	progress(`${options.rate} spans a second for ${options.minutes} minutes, as service ${service}`);
	const outcome = await load(e, service, options);
	if (options.json) process.stdout.write(`${JSON.stringify({ service, ...summary(outcome) }, null, 2)}\n`);
	else process.stdout.write(`${told(outcome).join("\n")}\n`);
	const whole = outcome.accepted > 0 && outcome.sampled.found === outcome.sampled.of;
	const why = outcome.accepted > 0 ? "acknowledged traces are missing in Tempo" : "nothing was acknowledged";
	if (!whole) progress(paint("red", why, process.stderr));
	return whole ? 0 : 1;
}

/** Checks the options. @throws UserError with everything that is wrong. */
export function refuseWrong(options: Pick<LoadOptions, keyof typeof most>): void {
	const wrong = (["rate", "minutes", "spans"] as const)
		.filter((name) => !(options[name] > 0 && options[name] <= most[name]))
		.map((name) => `--${name} is ${options[name]}\n  allowed: more than 0, at most ${most[name]}`);
	if (!Number.isInteger(options.spans)) wrong.push(`--spans is ${options.spans}\n  allowed: a whole number`);
	if (wrong.length > 0) throw new UserError(wrong.join("\n"));
}

/** Sends, and meanwhile searches for some of what it sent. */
async function load(e: Endpoints, service: string, { rate, minutes, spans }: LoadOptions): Promise<Outcome> {
	const traces = Math.max(1, Math.round(rate / requestsPerSecond / spans));
	// A rate below one trace per request has longer pauses.
	const pause = (traces * spans * 1000) / rate;
	// Exempt from sampling: what is missing afterwards was lost.
	const batch = new Batch(service, traces, { spans, attributes: { [keepAttribute]: 1 } });
	const outcome: Outcome = {
		accepted: 0,
		refused: {},
		unsent: 0,
		seconds: 0,
		latency: [],
		searchable: [],
		sampled: { of: 0, found: 0 },
	};
	const sample: string[] = [];
	const pending = new Set<Promise<void>>();
	const begun = Date.now();
	const end = begun + minutes * 60_000;
	let newest = "";
	const one = async () => {
		const { body, ids } = batch.next();
		const sent = performance.now();
		const why = await refusal(e, body);
		outcome.latency.push(performance.now() - sent);
		if (why) {
			outcome.refused[why] = (outcome.refused[why] ?? 0) + 1;
			return;
		}
		outcome.accepted += traces * spans;
		newest = ids.at(-1) ?? newest;
		// A reservoir: each trace has the same chance, however many there will be.
		const at = Math.floor((Math.random() * outcome.accepted) / (traces * spans));
		if (sample.length < sampleSize) sample.push(newest);
		else if (at < sampleSize) sample[at] = newest;
	};
	const probes = probe(e, () => newest, end, outcome);
	let told = begun;
	for (let next = begun; Date.now() < end; next += pause) {
		if (pending.size < mostPending) {
			const sent: Promise<void> = one().finally(() => pending.delete(sent));
			pending.add(sent);
		} else outcome.unsent += traces * spans;
		if (Date.now() - told > 5000) {
			told = Date.now();
			progress(`  ${((told - begun) / 1000).toFixed(0)} s: ${counted(outcome)}`);
		}
		await sleep(Math.max(0, Math.min(next + pause, end) - Date.now()));
	}
	await Promise.all(pending);
	outcome.seconds = (Date.now() - begun) / 1000;
	await probes;
	outcome.sampled = await sampled(sample, (id) => ask(e, "tempo", `/api/v2/traces/${id}`));
	return outcome;
}

/** Takes the newest acknowledged trace every few seconds, and measures how long it takes until a search finds it. */
async function probe(e: Endpoints, newest: () => string, end: number, { searchable }: Outcome): Promise<void> {
	for (let last = ""; Date.now() < end; await sleep(probeEverySeconds * 1000)) {
		const id = newest();
		if (!id || id === last) continue;
		last = id;
		const since = performance.now();
		const range = { start: epoch(-60), end: epoch(60), limit: 1 };
		const found = await until(probePatience, async () => {
			const { traces } = await ask<{ traces?: unknown[] }>(e, "tempo", "/api/search", {
				q: `{ trace:id = "${id}" }`,
				...range,
			});
			if (!traces?.length) throw new Error("not yet");
		}).then(
			() => true,
			() => false,
		);
		searchable.push(found ? (performance.now() - since) / 1000 : Number.POSITIVE_INFINITY);
	}
}

/**
 * Counts how many of these traces Tempo has, ten at a time.
 *
 * @param has Rejects when a trace is not there.
 * @param patience Seconds for all of them together: some may still wait in the collector's queue, and a Tempo that is down
 * must not be waited for once per trace.
 */
export async function sampled(
	ids: string[],
	has: (id: string) => Promise<unknown>,
	patience = 60,
): Promise<Outcome["sampled"]> {
	const deadline = Date.now() + patience * 1000;
	const queue = [...ids];
	let found = 0;
	const worker = async () => {
		for (let id = queue.pop(); id; id = queue.pop()) {
			const one = id;
			await until(Math.max(0, (deadline - Date.now()) / 1000), () => has(one)).then(
				() => found++,
				() => undefined,
			);
		}
	};
	await Promise.all(Array.from({ length: 10 }, worker));
	return { of: ids.length, found };
}

/** The result for `--json`. A quantile that was not measured, or not found in time, is left out. */
export function summary({ latency, searchable, ...rest }: Outcome) {
	const found = (q: number) => {
		const value = quantile(searchable, q);
		return value !== undefined && Number.isFinite(value) ? value : undefined;
	};
	return {
		...rest,
		perSecond: Math.round(rest.accepted / Math.max(rest.seconds, 1e-3)),
		latencyMs: { p50: quantile(latency, 0.5), p95: quantile(latency, 0.95), p99: quantile(latency, 0.99) },
		searchableSeconds: {
			asked: searchable.length,
			notFoundInTime: searchable.filter((value) => !Number.isFinite(value)).length,
			patience: probePatience,
			p50: found(0.5),
			worst: found(1),
		},
	};
}

/** The result in lines for people. */
export function told(outcome: Outcome): string[] {
	const { perSecond, latencyMs, searchableSeconds, sampled, seconds } = summary(outcome);
	const ms = (value: number | undefined) =>
		value === undefined ? "unknown" : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
	const { asked, p50, worst } = searchableSeconds;
	return [
		`${counted(outcome)} in ${seconds.toFixed(0)} s: ${perSecond} a second`,
		`acknowledged after  ${ms(latencyMs.p50)} (median), ${ms(latencyMs.p95)} (p95), ${ms(latencyMs.p99)} (p99)`,
		`searchable after    ${asked === 0 ? "unknown: too short a load" : `${inSeconds(p50)} (median), ${inSeconds(worst)} (worst of ${asked})`}`,
		`found by id         ${sampled.found} of ${sampled.of} acknowledged traces`,
	];
}

function inSeconds(value: number | undefined): string {
	return value === undefined ? `more than ${probePatience} s` : `${value.toFixed(1)} s`;
}

function counted({ accepted, refused, unsent }: Outcome): string {
	const refusals = Object.entries(refused).map(([why, count]) => `${count} requests refused (${why})`);
	return [`${accepted} spans accepted`, ...refusals, ...(unsent > 0 ? [`${unsent} not sent: too slow`] : [])].join(
		", ",
	);
}

function quantile(values: number[], q: number): number | undefined {
	return values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(q * values.length) - 1)];
}
