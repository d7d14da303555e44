// `./tracestack report weekly`: queries the stack's servers for a week and the one before it.

import { spanMetrics } from "../../components/links.ts";
import { packNames, packs } from "../../components/packs.ts";
import type { Kpi } from "../../settings/pack.ts";
import { prepare, type StackOptions } from "../engine.ts";
import { folded, progress, writeResult } from "../output.ts";
import { ask, quoted } from "../query/ask.ts";
import { type Endpoints, epoch } from "../verify/api.ts";
import { endpoints } from "../verify/verify.ts";
import { type Fired, type Measured, type Operation, renderWeek, type Series, type Week } from "./week.ts";

/** Seconds. */
const week = 7 * 24 * 3600;

/**
 * Resolution at which firing alerts are queried, in seconds: a week in finer steps has more points than Prometheus
 * returns.
 */
const alertStep = 60;

/** How many slow operations are reported. */
const mostOperations = 10;

/** A longer timeout than usual: servers read two weeks of data. */
const patience = () => ({ signal: AbortSignal.timeout(120_000) });

/** Returns the exit code: 1 when a KPI could not be queried. @param options.out A file. @default standard output */
export async function weeklyCommand(options: StackOptions & { out?: string }): Promise<number> {
	const e = await endpoints(await prepare(options, "look"), options.stack);
	const found = await gatherWeek(e, options.stack);
	await writeResult(renderWeek(found), options.out);
	const unknown = found.packs.flatMap(({ kpis }) => kpis.filter(({ error }) => error));
	for (const { name, error } of unknown) progress(folded(`  ${name} could not be queried: ${error}`));
	return unknown.length > 0 ? 1 : 0;
}

/** Everything that is in the report. @param to When the week ends, in seconds since 1970. @default now */
export async function gatherWeek(e: Endpoints, stack: string, to = epoch()): Promise<Week> {
	const from = to - week;
	const shown = new Set(e.dashboards.map(({ pack }) => pack));
	const having = packs(packNames().filter((name) => shown.has(name))).filter(({ kpis }) => kpis.length > 0);
	const [hours, alerts, operations, measured] = await Promise.all([
		hoursWithData(e, from, to),
		fired(e, from, to),
		slowest(e, from, to),
		Promise.all(
			having.map(async ({ title, kpis }) => ({
				title,
				kpis: await Promise.all(kpis.map((kpi) => measure(e, kpi, to))),
			})),
		),
	]);
	return { stack, grafana: e.grafana, from, to, hours, packs: measured, alerts, operations };
}

interface Answer<T> {
	data: { result: ({ metric: Record<string, string> } & T)[] };
}

type Point = [seconds: number, value: string];

/** An instant query, without values that are no number. */
async function instant(e: Endpoints, query: string, time: number) {
	const filled = query.replaceAll("$__range", `${week}s`);
	const asked = { query: filled, time };
	const { data } = await ask<Answer<{ value: Point }>>(e, "prometheus", "/api/v1/query", asked, patience());
	return data.result
		.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
		.filter(({ value }) => Number.isFinite(value));
}

async function measure(e: Endpoints, kpi: Kpi, to: number): Promise<Measured> {
	try {
		const [now, before] = await Promise.all([instant(e, kpi.query, to), instant(e, kpi.query, to - week)]);
		return { ...kpi, series: joined(now, before) };
	} catch (error) {
		return { ...kpi, series: [], error: (error as Error).message };
	}
}

interface Value {
	metric: Record<string, string>;
	value: number;
}

/** The series of both weeks, joined by their labels; a series may be in one week only. */
export function joined(now: Value[], before: Value[]): Series[] {
	const all = new Map<string, Series>();
	const add = (when: "now" | "before") => (one: Value) => {
		const { __name__: _, ...labels } = one.metric;
		const key = JSON.stringify(Object.entries(labels).sort());
		all.set(key, { labels, ...all.get(key), [when]: one.value });
	};
	now.forEach(add("now"));
	before.forEach(add("before"));
	return [...all.values()];
}

async function range(e: Endpoints, query: string, start: number, end: number, step: number) {
	const asked = { query, start, end, step };
	const { data } = await ask<Answer<{ values: Point[] }>>(e, "prometheus", "/api/v1/query_range", asked, patience());
	return data.result;
}

/** Hours for which Prometheus has data: it always scrapes itself, so `up` is missing only where it did not run. */
async function hoursWithData(e: Endpoints, from: number, to: number): Promise<Week["hours"]> {
	const hour = 3600;
	const [seen] = await range(e, "count(count_over_time(up[1h]))", from - week + hour, to, hour);
	const times = (seen?.values ?? []).map(([at]) => at);
	return { now: times.filter((at) => at > from).length, before: times.filter((at) => at <= from).length };
}

/** Which alerts fired, and for how long, in whole minutes. */
async function fired(e: Endpoints, from: number, to: number): Promise<Fired[]> {
	const query = `max by (alertname, severity, service) (max_over_time(ALERTS{alertstate="firing"}[${alertStep}s]))`;
	const found = await range(e, query, from + alertStep, to, alertStep);
	return found
		.map(({ metric, values }) => ({
			alert: metric.alertname ?? "",
			severity: metric.severity ?? "",
			service: metric.service ?? "",
			...episodes(
				values.map(([at]) => at),
				to,
			),
		}))
		.sort((a, b) => b.minutes - a.minutes || (a.alert + a.service < b.alert + b.service ? -1 : 1));
}

/**
 * From the times, in seconds, at which an alert fired: for how long, how often, and whether it still fires at the end.
 */
export function episodes(times: number[], to: number): Pick<Fired, "minutes" | "times" | "still"> {
	const begun = times.filter((at, i) => i === 0 || at - times[i - 1]! > alertStep);
	return { minutes: (times.length * alertStep) / 60, times: begun.length, still: times.at(-1) === to };
}

/** The operations with the highest 95th percentile, with a slow trace of each. */
async function slowest(e: Endpoints, from: number, to: number): Promise<Operation[]> {
	const { service, spanName, spanKind } = spanMetrics.labels;
	const requests = `{${spanKind}=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"}[$__range]`;
	const by = `${service}, ${spanName}`;
	const p95 = `histogram_quantile(0.95, sum by (${by}, le) (increase(${spanMetrics.latency}_bucket${requests})))`;
	const [slow, counts] = await Promise.all([
		instant(e, `topk(${mostOperations}, ${p95} > 0)`, to),
		instant(e, `sum by (${by}) (increase(${spanMetrics.latency}_count${requests}))`, to),
	]);
	const same = (a: Value, b: Value) => [service, spanName].every((label) => a.metric[label] === b.metric[label]);
	const operations: Operation[] = [];
	for (const one of slow.toSorted((a, b) => b.value - a.value)) {
		const found = { service: one.metric[service] ?? "", name: one.metric[spanName] ?? "", p95Seconds: one.value };
		const asked = await slowTrace(e, found, from, to);
		operations.push({ ...found, requests: counts.find((count) => same(count, one))?.value ?? 0, ...asked });
	}
	return operations;
}

/**
 * A trace in which an operation was slow. A quantile of a histogram is interpolated within a bucket, whose upper bound is twice
 * the lower: real durations may be as low as half of the quantile.
 */
async function slowTrace(
	e: Endpoints,
	{ service, name, p95Seconds }: Pick<Operation, "service" | "name" | "p95Seconds">,
	start: number,
	end: number,
): Promise<Pick<Operation, "query" | "trace" | "error">> {
	type Found = { traceID: string; spanSets?: { spans: { durationNanos: string }[] }[] };
	const which = `resource.service.name = ${quoted(service)} && name = ${quoted(name)}`;
	const slowerThan = (ms: number) => `{ ${which} && (kind = server || kind = consumer) && duration >= ${ms}ms }`;
	const half = Math.max(1, Math.floor(p95Seconds * 500));
	for (const query of [slowerThan(2 * half), slowerThan(half)]) {
		const search = { q: query, start, end, limit: 50 };
		// Without an answer from Tempo the numbers are still worth reporting.
		const asked = ask<{ traces?: Found[] }>(e, "tempo", "/api/search", search, patience());
		const answer = await asked.catch((error: Error) => error);
		if (answer instanceof Error) return { query, error: answer.message };
		const [longest] = (answer.traces ?? [])
			.map(({ traceID, spanSets = [] }) => ({
				id: traceID.padStart(32, "0"),
				seconds: Math.max(0, ...spanSets.flatMap(({ spans }) => spans.map((span) => Number(span.durationNanos) / 1e9))),
			}))
			.sort((a, b) => b.seconds - a.seconds);
		if (longest) return { query, trace: longest };
	}
	return { query: slowerThan(half) };
}
