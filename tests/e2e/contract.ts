// The correlation contract: every direction from one signal to another, driven as Grafana drives it, with what Grafana's
// own datasources say.

import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { type Endpoints, grafana, until, withQuery } from "../../cli/verify/api.ts";
import { logServiceLabel, serviceGraph, spanMetrics, uid } from "../../components/links.ts";

/** A request through two services whose clocks are three minutes behind, its log line, and a histogram of the second's own. */
export class Example {
	readonly traceId = randomBytes(16).toString("hex");
	readonly client = "contract-shop";
	readonly server = "contract-pay";
	readonly histogram = "contract_charge_duration_seconds";
	/** Milliseconds since 1970. */
	readonly start = Date.now() - 180_000;
	readonly end = this.start + 400;
	readonly line = `card declined ${this.traceId}`;

	/** An example of now, sent to the collector: one made long before it is sent would have its logs outside the links' window. */
	static async sent(e: Endpoints): Promise<Example> {
		const example = new Example();
		await example.send(e);
		return example;
	}

	private async send(e: Endpoints): Promise<void> {
		const nano = (ms: number) => String(BigInt(Math.round(ms)) * 1_000_000n);
		const resource = (service: string) => ({ attributes: [{ key: "service.name", value: { stringValue: service } }] });
		const [calling, called] = [randomBytes(8).toString("hex"), randomBytes(8).toString("hex")];
		const { traceId, start, end } = this;
		const span = { traceId, startTimeUnixNano: nano(start), endTimeUnixNano: nano(end) };
		const spans = (service: string, span: object) => ({ resource: resource(service), scopeSpans: [{ spans: [span] }] });
		await post(e, "traces", {
			resourceSpans: [
				spans(this.client, { ...span, spanId: calling, name: "charge", kind: 3 }),
				spans(this.server, {
					...span,
					spanId: called,
					parentSpanId: calling,
					name: "POST /charge",
					kind: 2,
					status: { code: 2 },
				}),
			],
		});
		const now = nano(Date.now());
		const record = { timeUnixNano: now, traceId, spanId: called, body: { stringValue: this.line } };
		await post(e, "logs", {
			resourceLogs: [{ resource: resource(this.server), scopeLogs: [{ logRecords: [record] }] }],
		});
		const point = {
			startTimeUnixNano: nano(start),
			timeUnixNano: now,
			count: "1",
			sum: 0.4,
			explicitBounds: [0.1, 1],
			bucketCounts: ["0", "1", "0"],
			exemplars: [{ timeUnixNano: now, asDouble: 0.4, traceId, spanId: called }],
		};
		const histogram = { dataPoints: [point], aggregationTemporality: 2 };
		const metrics = [{ name: "contract.charge.duration", unit: "s", histogram }];
		await post(e, "metrics", { resourceMetrics: [{ resource: resource(this.server), scopeMetrics: [{ metrics }] }] });
	}
}

async function post(e: Endpoints, signal: string, payload: object): Promise<void> {
	const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(payload) };
	const response = await fetch(`${e.otlpHttp}/v1/${signal}`, request);
	expect(response.status, await response.text()).toBe(200);
}

interface JsonData {
	tracesToLogsV2: Link & { query: string; tags: Tag[] };
	tracesToMetrics: Link & { queries: { name: string; query: string }[]; tags: Tag[] };
	serviceMap: Link;
	nodeGraph: { enabled: boolean };
	traceQuery: { timeShiftEnabled: boolean; spanStartTimeShift: string; spanEndTimeShift: string };
	derivedFields: (Link & { matcherType: string; matcherRegex: string; url: string })[];
	exemplarTraceIdDestinations: (Link & { name: string })[];
}

interface Link {
	datasourceUid: string;
	spanStartTimeShift: string;
	spanEndTimeShift: string;
}

interface Tag {
	key: string;
	value: string;
}

/** What Grafana says of a datasource. */
async function jsonData(e: Endpoints, of: string): Promise<JsonData> {
	return (await grafana<{ jsonData: JsonData }>(e, `/api/datasources/uid/${of}`)).jsonData;
}

function ask<T>(e: Endpoints, of: string, path: string, query: Record<string, string | number> = {}): Promise<T> {
	return grafana<T>(e, withQuery(`/api/datasources/proxy/uid/${of}${path}`, query));
}

/** Milliseconds of a shift such as `-5m`. */
function millis(shift: string): number {
	const [, amount = "0", unit = "s"] = /^(-?\d+)([smh])$/.exec(shift) ?? [];
	return Number(amount) * { s: 1000, m: 60_000, h: 3_600_000 }[unit as "s"];
}

/** The time in which a link looks, from the span that it leaves. */
function around({ start, end }: Example, { spanStartTimeShift, spanEndTimeShift }: Omit<Link, "datasourceUid">) {
	return { start: start + millis(spanStartTimeShift), end: end + millis(spanEndTimeShift) };
}

/** A span's tags as a selector of another signal. */
function selector(tags: Tag[], service: string): string {
	expect(tags.map(({ key }) => key)).toEqual(["service.name"]);
	return tags.map(({ value }) => `${value}="${service}"`).join(", ");
}

interface Streams {
	data: { result: { stream: Record<string, string>; values: [string, string][] }[] };
}

async function logs(e: Endpoints, query: string, { start, end }: { start: number; end: number }) {
	const range = { query, start: start * 1_000_000, end: end * 1_000_000 };
	return (await ask<Streams>(e, uid.loki, "/loki/api/v1/query_range", range)).data.result;
}

async function traceOf(e: Endpoints, of: string, id: string): Promise<string> {
	return JSON.stringify(await ask(e, of, `/api/v2/traces/${id}`));
}

/** The exemplar of a histogram, through to its trace. */
async function exemplar(e: Endpoints, example: Example, query: string): Promise<void> {
	const [destination] = (await jsonData(e, uid.prometheus)).exemplarTraceIdDestinations;
	type Answer = { data: { exemplars: { labels: Record<string, string> }[] }[] };
	const range = { query, start: example.start / 1000, end: Date.now() / 1000 + 60 };
	const { data } = await ask<Answer>(e, uid.prometheus, "/api/v1/query_exemplars", range);
	const ids = data.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels[destination?.name ?? ""] ?? ""));
	const id = ids.find((one) => one.padStart(32, "0") === example.traceId);
	expect(id, `${ids.length} exemplars of ${query}`).toBeDefined();
	expect(await traceOf(e, destination?.datasourceUid ?? "", `${id}`)).toContain(example.server);
}

/** Each direction, as a check of an example that was sent. */
export const directions: [direction: string, check: (e: Endpoints, example: Example) => Promise<void>][] = [
	[
		"a trace leads to its logs, although the clocks differ",
		async (e, example) => {
			const link = (await jsonData(e, uid.tempo)).tracesToLogsV2;
			expect(link.datasourceUid).toBe(uid.loki);
			expect(link.tags.map(({ value }) => value)).toEqual([logServiceLabel]);
			const query = link.query
				.replace(`$${"{__tags}"}`, selector(link.tags, example.server))
				.replace(`$${"{__span.traceId}"}`, example.traceId);
			const found = await logs(e, query, around(example, link));
			expect(found.flatMap(({ values }) => values.map(([, line]) => line))).toContain(example.line);
			// The span's own time would not do.
			expect(await logs(e, query, example)).toEqual([]);
		},
	],
	[
		"a trace leads to the metrics of its service",
		async (e, example) => {
			const link = (await jsonData(e, uid.tempo)).tracesToMetrics;
			const { start, end } = around(example, link);
			for (const { name, query } of link.queries) {
				const filled = query.replaceAll("$__tags", selector(link.tags, example.server));
				const range = { query: filled, start: start / 1000, end: Math.min(end, Date.now()) / 1000, step: 15 };
				const { data } = await ask<{ data: { result: unknown[] } }>(
					e,
					link.datasourceUid,
					"/api/v1/query_range",
					range,
				);
				expect(data.result.length, `${name}: ${filled}`).toBeGreaterThan(0);
			}
		},
	],
	[
		"a search finds a trace at its own time, although it came late",
		async (e, { start, end, server, traceId }) => {
			const q = `{ resource.service.name = "${server}" && status = error }`;
			const range = { q, start: Math.floor(start / 1000) - 1, end: Math.ceil(end / 1000) + 1 };
			const { traces = [] } = await ask<{ traces?: { traceID: string }[] }>(e, uid.tempo, "/api/search", range);
			expect(traces.map(({ traceID }) => traceID.padStart(32, "0"))).toContain(traceId);
		},
	],
	[
		"a log line leads to its trace",
		async (e, example) => {
			const [field] = (await jsonData(e, uid.loki)).derivedFields;
			expect(field).toMatchObject({ matcherType: "label", url: `$${"{__value.raw}"}` });
			const range = { start: example.start, end: Date.now() + 1000 };
			const [line] = await logs(e, `{${logServiceLabel}="${example.server}"} |= \`${example.line}\``, range);
			const id = line?.stream[field?.matcherRegex ?? ""] ?? "";
			expect(id).toBe(example.traceId);
			expect(await traceOf(e, field?.datasourceUid ?? "", id)).toContain(example.client);
		},
	],
	[
		"a span metric leads to a trace",
		(e, example) =>
			exemplar(e, example, `${spanMetrics.latency}_bucket{${spanMetrics.labels.service}="${example.server}"}`),
	],
	[
		"an application's own histogram leads to a trace",
		(e, example) => exemplar(e, example, `${example.histogram}_bucket`),
	],
	[
		"the service map shows who calls whom",
		async (e, { client, server }) => {
			const { datasourceUid } = (await jsonData(e, uid.tempo)).serviceMap;
			const query = `${serviceGraph.requests}{client="${client}",server="${server}"}`;
			const { data } = await ask<{ data: { result: unknown[] } }>(e, datasourceUid, "/api/v1/query", { query });
			expect(data.result).toHaveLength(1);
		},
	],
	[
		"a trace is a graph of its spans, found around the time of what led to it",
		async (e, example) => {
			const { nodeGraph, traceQuery } = await jsonData(e, uid.tempo);
			expect(nodeGraph.enabled).toBe(true);
			expect(traceQuery.timeShiftEnabled).toBe(true);
			const { start, end } = around(example, traceQuery);
			expect(start).toBeLessThan(example.start);
			const range = { start: Math.floor(start / 1000), end: Math.ceil(end / 1000) };
			const trace = JSON.stringify(await ask(e, uid.tempo, `/api/v2/traces/${example.traceId}`, range));
			expect(trace).toContain("parentSpanId");
		},
	],
];

/** A check, again until it holds: a span metric appears some seconds after its span. */
export function eventually(check: () => Promise<void>): Promise<void> {
	return until(60, check);
}
