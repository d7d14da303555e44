// Spans as rows. What PostgreSQL would refuse is altered, and the row says so; what can't be a row is named with its reason.

import { hexId } from "./decode.ts";
import type { ExportTraceServiceRequest } from "./generated/opentelemetry/proto/collector/trace/v1/trace_service_pb.js";
import type { AnyValue, KeyValue } from "./generated/opentelemetry/proto/common/v1/common_pb.js";
import type { Span } from "./generated/opentelemetry/proto/trace/v1/trace_pb.js";

/** Of the worker's own telemetry: what it stored of itself would be a span again. */
export const ownService = "otel-worker";

/** A span, ready for `otel.spans`. */
export interface Row {
	/** Trace, span, start: what tells it from all others, and the order in which rows are written. */
	key: string;
	/** The day that it began, such as `2026-11-21`, in UTC. */
	day: string;
	/** Its columns as JSON. */
	json: string;
}

export interface Rows {
	rows: Row[];
	/** Spans that can't be stored, and why. */
	problems: string[];
	/** Spans that began longer ago than they are kept. */
	expired: number;
}

/** In milliseconds since 1970: what began earlier is not kept, what begins later is a mistake. */
export interface Bounds {
	from: number;
	to: number;
}

const kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const statuses = ["unset", "ok", "error"];

/** What seeds of runs call theirs; the first that is there counts. */
const runKeys = [
	"run_id",
	"run.id",
	"kvonce_run_id",
	"kvonce.run_id",
	"kvonce.run.id",
	"gazeqa.run_id",
	"gazeqa.run.id",
];

/** An index's row has 2704 bytes, for these and more; a character may have three. */
const longest = { service: 200, name: 500, run_id: 500 };

/** Everything in a request that is not the worker's own. */
export function rowsOf(request: ExportTraceServiceRequest, bounds: Bounds): Rows {
	const result: Rows = { rows: [], problems: [], expired: 0 };
	for (const { resource, scopeSpans } of request.resourceSpans) {
		const of = plain(resource?.attributes ?? []);
		const service = textOf(of["service.name"]) ?? "unknown_service";
		if (service === ownService) continue;
		const common = { service, run: runOf(of), ...stored(of) };
		for (const { spans } of scopeSpans)
			for (const span of spans) {
				const start = Number(span.startTimeUnixNano / 1_000_000n);
				const problem = problemOf(span, start, bounds);
				if (problem) result.problems.push(`span ${JSON.stringify(span.name.slice(0, 100))}: ${problem}`);
				else if (start < bounds.from) result.expired++;
				else result.rows.push(rowOf(span, common));
			}
	}
	return result;
}

function problemOf({ traceId, spanId }: Span, start: number, { to }: Bounds): string | undefined {
	if (!hexId(traceId, 16)) return `a trace id of ${traceId.length} bytes, or of zeros`;
	if (!hexId(spanId, 8)) return `a span id of ${spanId.length} bytes, or of zeros`;
	if (start === 0) return "no start";
	if (start > to) return `a start in the future, ${start} ms after 1970`;
	return undefined;
}

interface Common {
	service: string;
	run?: string;
	/** The resource's attributes. */
	json: string;
	altered: boolean;
}

function rowOf(span: Span, { service, run, json, altered }: Common): Row {
	const took = Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1e6;
	const attributes = plain(span.attributes);
	const own = runOf(attributes) ?? run;
	const status = statuses[span.status?.code ?? 0] ?? "unset";
	const trace_id = hexId(span.traceId, 16) as string;
	const span_id = hexId(span.spanId, 8) as string;
	const start_time = timestamp(span.startTimeUnixNano);
	const columns = {
		trace_id,
		span_id,
		parent_span_id: hexId(span.parentSpanId, 8),
		service: service.slice(0, longest.service),
		name: span.name.slice(0, longest.name),
		kind: kinds[span.kind] ?? "unspecified",
		status,
		status_message: span.status?.message || undefined,
		start_time,
		duration_ms: Math.max(0, took),
		attributes,
		events: some(span.events, (event) => ({
			time: timestamp(event.timeUnixNano),
			name: event.name,
			attributes: plain(event.attributes),
		})),
		links: some(span.links, (link) => ({
			trace_id: hexId(link.traceId, 16),
			span_id: hexId(link.spanId, 8),
			attributes: plain(link.attributes),
		})),
		run_id: own?.slice(0, longest.run_id),
	};
	const text = stored(columns);
	const changed = [
		...(altered || text.altered ? ["text"] : []),
		...(service.length > longest.service ? ["service"] : []),
		...(span.name.length > longest.name ? ["name"] : []),
		...(own && own.length > longest.run_id ? ["run_id"] : []),
		...(took < 0 ? ["time"] : []),
	];
	// A resource is the same for many: it was made a text once.
	const more = `"resource":${json}${changed.length > 0 ? `,"altered":${JSON.stringify(changed)}` : ""}`;
	return {
		key: `${trace_id}${span_id}${start_time}`,
		day: start_time.slice(0, 10),
		json: `${text.json.slice(0, -1)},${more}}`,
	};
}

function some<T, U>(list: T[], map: (one: T) => U): U[] | undefined {
	return list.length > 0 ? list.map(map) : undefined;
}

/** As ISO 8601 in UTC, in microseconds, which is what PostgreSQL keeps. */
export function timestamp(nanoseconds: bigint): string {
	const micros = String((nanoseconds / 1000n) % 1000n).padStart(3, "0");
	return new Date(Number(nanoseconds / 1_000_000n)).toISOString().replace("Z", `${micros}Z`);
}

/** JSON that PostgreSQL takes: it knows no NUL in a text, and no half of a surrogate pair. */
export function stored(value: unknown): { json: string; altered: boolean } {
	const json = JSON.stringify(value);
	if (!/\\u(0000|d[89a-f])/.test(json)) return { json, altered: false };
	const clean = JSON.stringify(cleaned(value));
	return { json: clean, altered: clean !== json };
}

function cleaned(value: unknown): unknown {
	if (typeof value === "string") return value.toWellFormed().replaceAll("\0", "\uFFFD");
	if (Array.isArray(value)) return value.map(cleaned);
	if (value === null || typeof value !== "object") return value;
	return Object.fromEntries(Object.entries(value).map(([key, one]) => [cleaned(key), cleaned(one)]));
}

function plain(attributes: KeyValue[]): Record<string, unknown> {
	return Object.fromEntries(attributes.map(({ key, value }) => [key, plainValue(value)]));
}

function plainValue(of: AnyValue | undefined): unknown {
	const one = of?.value;
	switch (one?.case) {
		case "stringValue":
		case "boolValue":
			return one.value;
		case "intValue":
			// Larger ones would lose their last digits.
			return Number.isSafeInteger(Number(one.value)) ? Number(one.value) : String(one.value);
		case "doubleValue":
			return Number.isFinite(one.value) ? one.value : String(one.value);
		case "bytesValue":
			return Buffer.from(one.value).toString("base64");
		case "arrayValue":
			return one.value.values.map(plainValue);
		case "kvlistValue":
			return plain(one.value.values);
		default:
			return null;
	}
}

function runOf(attributes: Record<string, unknown>): string | undefined {
	for (const key of runKeys) {
		const text = textOf(attributes[key]);
		if (text) return text;
	}
	return undefined;
}

function textOf(value: unknown): string | undefined {
	if (typeof value === "string") return value || undefined;
	return typeof value === "number" ? String(value) : undefined;
}
