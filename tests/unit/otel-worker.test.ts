// The archive's worker: requests decoded, spans as rows, and what becomes of what is wrong.

import { gzipSync } from "node:zlib";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lostOr, type Queries, ServerLost, verdict } from "../../workers/otel-worker/database.ts";
import { decode, hexId } from "../../workers/otel-worker/decode.ts";
import { read } from "../../workers/otel-worker/drain.ts";
import { ExportTraceServiceRequestSchema } from "../../workers/otel-worker/generated/opentelemetry/proto/collector/trace/v1/trace_service_pb.js";
import type { AnyValueSchema } from "../../workers/otel-worker/generated/opentelemetry/proto/common/v1/common_pb.js";
import type { SpanSchema } from "../../workers/otel-worker/generated/opentelemetry/proto/trace/v1/trace_pb.js";
import { Losses } from "../../workers/otel-worker/losses.ts";
import { type Batch, backoffSeconds } from "../../workers/otel-worker/queue.ts";
import { Room } from "../../workers/otel-worker/room.ts";
import { rowsOf, stored, timestamp } from "../../workers/otel-worker/rows.ts";
import { dropCounts, parts } from "../../workers/otel-worker/store.ts";

type Value = MessageInitShape<typeof AnyValueSchema>["value"];
type Span = MessageInitShape<typeof SpanSchema>;

const now = Date.parse("2026-03-04T12:00:00Z");
const day = 86_400_000;
const bounds = { from: now - 90 * day, to: now + day };
const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));

const attributes = (of: Record<string, Value>) => Object.entries(of).map(([key, value]) => ({ key, value: { value } }));
const text = (value: string): Value => ({ case: "stringValue", value });

function request(spans: Span[], resource: Record<string, Value> = { "service.name": text("shop") }) {
	return create(ExportTraceServiceRequestSchema, {
		resourceSpans: [{ resource: { attributes: attributes(resource) }, scopeSpans: [{ spans }] }],
	});
}

const span = (more: Span = {}): Span => ({
	traceId: bytes(traceId),
	spanId: bytes(spanId),
	name: "GET /",
	kind: 2,
	startTimeUnixNano: BigInt(now) * 1_000_000n + 1_234_567n,
	endTimeUnixNano: BigInt(now) * 1_000_000n + 3_734_567n,
	...more,
});

/** The one row of a request with one span. */
function row(more: Span = {}, resource?: Record<string, Value>) {
	const { rows, problems } = rowsOf(request([span(more)], resource), bounds);
	expect(problems).toEqual([]);
	expect(rows).toHaveLength(1);
	return JSON.parse(rows[0]?.json ?? "");
}

const batch = (payload: Uint8Array | string, contentType = "application/x-protobuf", encoding = "identity"): Batch => ({
	...{ id: "1", attempts: 1, traceparent: null, contentType, encoding },
	payload: typeof payload === "string" ? new TextEncoder().encode(payload) : payload,
});

describe("a request", () => {
	const body = toBinary(ExportTraceServiceRequestSchema, request([span()]));

	it("is protobuf or JSON, compressed or not", async () => {
		const json = JSON.stringify({
			resourceSpans: [
				{
					resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
					scopeSpans: [
						{
							spans: [
								{
									...{ traceId: traceId.toUpperCase(), spanId, name: "GET /", kind: 2, unknown: 1 },
									startTimeUnixNano: String(BigInt(now) * 1_000_000n + 1_234_567n),
									endTimeUnixNano: String(BigInt(now) * 1_000_000n + 3_734_567n),
								},
							],
						},
					],
				},
			],
		});
		const all = [
			batch(body),
			batch(gzipSync(body), undefined, "gzip"),
			batch(json, "application/json"),
			batch(gzipSync(json), "application/json", "gzip"),
		];
		const rows = await Promise.all(all.map(async (one) => rowsOf(await decode(one), bounds).rows));
		for (const one of rows) expect(one).toEqual(rows[0]);
		expect(rows[0]).toHaveLength(1);
	});

	it.each([
		["no protobuf", batch("no protobuf")],
		["torn off", batch(body.slice(0, -3))],
		["no JSON", batch("{", "application/json")],
		["JSON of something else", batch("[1]", "application/json")],
		[
			"JSON with what is no number",
			batch('{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"soon"}]}]}]}', "application/json"),
		],
		["no UTF-8", batch(new Uint8Array([0x22, 0xff, 0x22]), "application/json")],
		["not compressed", batch(body, undefined, "gzip")],
		["a bomb", batch(gzipSync(new Uint8Array(33 * 2 ** 20)), undefined, "gzip")],
		["endless JSON", batch("[".repeat(1_000_000), "application/json")],
	])("that is %s is a dead letter at once", async (_, one) => {
		const { rows, letter } = await read(one, 90, now);
		expect({ rows, reason: letter?.reason }).toEqual({ rows: [], reason: "undecodable" });
		expect(letter?.detail).not.toBe("");
	});

	it("of which a span can't be stored keeps the others", async () => {
		const body = toBinary(
			ExportTraceServiceRequestSchema,
			request([span({ spanId: bytes("00"), name: "bad" }), span()]),
		);
		const { rows, letter } = await read(batch(body), 90, now);
		expect(rows).toHaveLength(1);
		expect(letter?.reason).toBe("invalid_spans");
		expect(letter?.detail).toContain(`span "bad": a span id of 1 bytes`);
	});
});

describe("a row", () => {
	it("has what a span has", () => {
		const found = row({
			parentSpanId: bytes("00f067aa0ba902b7"),
			status: { code: 2, message: "declined" },
			attributes: attributes({ "http.route": text("/") }),
			events: [{ timeUnixNano: BigInt(now) * 1_000_000n, name: "retry", attributes: attributes({ n: text("1") }) }],
			links: [{ traceId: bytes(traceId), spanId: bytes(spanId) }],
		});
		expect(found).toEqual({
			trace_id: traceId,
			span_id: spanId,
			parent_span_id: "00f067aa0ba902b7",
			service: "shop",
			name: "GET /",
			kind: "server",
			status: "error",
			status_message: "declined",
			start_time: "2026-03-04T12:00:00.001234Z",
			duration_ms: 2.5,
			attributes: { "http.route": "/" },
			resource: { "service.name": "shop" },
			events: [{ time: "2026-03-04T12:00:00.000000Z", name: "retry", attributes: { n: "1" } }],
			links: [{ trace_id: traceId, span_id: spanId, attributes: {} }],
		});
	});

	it("has values of every kind, and numbers that JSON can't have as texts", () => {
		const found = row({
			attributes: attributes({
				small: { case: "intValue", value: -7n },
				huge: { case: "intValue", value: 9_223_372_036_854_775_807n },
				double: { case: "doubleValue", value: 0.5 },
				nan: { case: "doubleValue", value: Number.NaN },
				yes: { case: "boolValue", value: true },
				bytes: { case: "bytesValue", value: new Uint8Array([1, 2]) },
				list: { case: "arrayValue", value: { values: [{ value: text("a") }, {}] } },
				map: { case: "kvlistValue", value: { values: attributes({ a: text("b") }) } },
				__proto__: text("x"),
				nothing: { case: undefined },
			}),
		});
		expect(found.attributes).toEqual({
			...{ small: -7, huge: "9223372036854775807", double: 0.5, nan: "NaN", yes: true, bytes: "AQI=" },
			...{ list: ["a", null], map: { a: "b" }, nothing: null },
		});
	});

	it("says so where something could not be stored as it was", () => {
		expect(row({ attributes: attributes({ "a\0": text("b\0\\u0000") }) })).toMatchObject({
			attributes: { "a\uFFFD": "b\uFFFD\\u0000" },
			altered: ["text"],
		});
		expect(row({}, { "service.name": text("shop\0") })).toMatchObject({ service: "shop\uFFFD", altered: ["text"] });
		expect(row({ name: "n".repeat(600) })).toMatchObject({ name: "n".repeat(500), altered: ["name"] });
		expect(row({ endTimeUnixNano: 0n })).toMatchObject({ duration_ms: 0, altered: ["time"] });
		expect(row({ attributes: attributes({ path: text("C:\\users\\u0000\\dead") }) })).not.toHaveProperty("altered");
	});

	it("knows the run, the span's own before its process's", () => {
		const resource = { "service.name": text("shop"), "run.id": text("r-1") };
		expect(row({}, resource).run_id).toBe("r-1");
		expect(row({ attributes: attributes({ kvonce_run_id: text("r-2") }) }, resource).run_id).toBe("r-2");
		expect(row({ attributes: attributes({ run_id: { case: "intValue", value: 12n } }) }).run_id).toBe("12");
		expect(row()).not.toHaveProperty("run_id");
	});

	it("is there for each span but the worker's own, those that are too old, and those that can't be", () => {
		const at = (ms: number) => span({ startTimeUnixNano: BigInt(ms) * 1_000_000n });
		const { rows, problems, expired } = rowsOf(
			request([at(0), at(1), at(bounds.from), at(now + 2 * day), span({ traceId: bytes("00".repeat(16)) })]),
			bounds,
		);
		expect(rows.map(({ day }) => day)).toEqual(["2025-12-04"]);
		expect(expired).toBe(1);
		expect(problems.map((problem) => problem.replace(/^span "GET \/": /, ""))).toEqual([
			"no start",
			expect.stringContaining("in the future"),
			"a trace id of 16 bytes, or of zeros",
		]);
		expect(rowsOf(request([span()], { "service.name": text("otel-worker") }), bounds).rows).toEqual([]);
	});
});

it("an id comes in hex, in base64 and in bytes", () => {
	expect(hexId(bytes(traceId), 16)).toBe(traceId);
	expect(hexId(new Uint8Array(Buffer.from(traceId.toUpperCase(), "base64")), 16)).toBe(traceId);
	expect(hexId(new Uint8Array(), 8)).toBeUndefined();
	expect(hexId(bytes("00".repeat(8)), 8)).toBeUndefined();
	expect(hexId(new Uint8Array(Buffer.from("ghijklmnopqrstuv", "base64")), 8)).toBeUndefined();
});

it("a time has microseconds", () => {
	expect(timestamp(1_000_000_001_999n)).toBe("1970-01-01T00:16:40.000001Z");
});

it("whatever a text is, PostgreSQL takes it", () => {
	fc.assert(
		fc.property(fc.jsonValue({ stringUnit: "binary" }), fc.string({ unit: "binary" }), (value, text) => {
			const { json, altered } = stored([value, text, `${text}\uD800`]);
			expect(altered).toBe(true);
			expect(json.replaceAll("\\\\", "")).not.toMatch(/\\u(0000|d[89a-f])/);
			expect(JSON.parse(json)[1]).toBe(text.replaceAll("\0", "\uFFFD"));
		}),
		{ numRuns: 30 },
	);
});

it("an error is the batch's fault or not", () => {
	const of = (code?: string) => verdict(Object.assign(new Error("x"), { code }));
	expect([undefined, "ECONNREFUSED", "57P01", "53100", "40P01", "42501", "23514"].map(of)).toEqual(
		Array(7).fill("away"),
	);
	expect(["22P05", "22008", "54000", "23502"].map(of)).toEqual(Array(4).fill("refused"));
	expect(["P0001", "XX000"].map(of)).toEqual(["failed", "failed"]);
	// Not of the database: this program could not do it.
	expect(verdict(new RangeError("Invalid string length"))).toBe("failed");
});

it("a server that is lost is told apart from one that says something", () => {
	const lost = (error: object) => lostOr(Object.assign(new Error("x"), error)) instanceof ServerLost;
	const gone = [{ code: "57P01" }, { code: "57P02" }, { code: "ECONNRESET", errno: -104 }];
	expect([...gone, { message: "Connection terminated unexpectedly" }].map(lost)).toEqual(Array(4).fill(true));
	// No room, a statement that took too long, a server that has said nothing for long.
	expect([{ code: "53100" }, { code: "57014" }, { message: "Query read timeout" }].map(lost)).toEqual(
		Array(3).fill(false),
	);
});

describe("whose fault it is that the server was lost", () => {
	/** The server is lost over it, alone. */
	const again = (losses: Losses) => {
		expect(losses.alone(["bad"])).toBe(true);
		losses.add(["bad"], true);
	};

	it("is a batch's over which it is lost each time that it is alone, while others are stored", () => {
		const losses = new Losses();
		losses.add(["good", "bad"], false);
		expect(losses.alone(["good"])).toBe(true);
		for (const times of [2, 3, 4]) {
			expect(losses.atFault("bad")).toBe(false);
			losses.left(["good"], 10);
			again(losses);
			expect(losses.times("bad")).toBe(times);
		}
		expect(losses.atFault("bad")).toBe(true);
		expect([losses.alone(["good"]), losses.atFault("good")]).toEqual([false, false]);
	});

	it("is nobody's as long as nothing is stored", () => {
		const losses = new Losses();
		losses.add(["bad"], false);
		for (let i = 0; i < 20; i++) {
			again(losses);
			// A dead letter without a span.
			losses.left(["empty"], 0);
		}
		expect(losses.atFault("bad")).toBe(false);
	});

	it("is not a batch's that has others with it", () => {
		const losses = new Losses();
		for (let i = 0; i < 20; i++) {
			losses.add(["one", "two"], losses.alone(["one", "two"]));
			losses.left(["three"], 1);
		}
		expect([losses.atFault("one"), losses.atFault("two")]).toEqual([false, false]);
	});
});

it("what waits is what was found, and what came since", () => {
	const room = new Room(100);
	room.took(30);
	const found = room.look();
	room.took(20);
	found(40);
	expect([room.waiting, room.full]).toEqual([60, false]);
	room.took(40);
	expect(room.full).toBe(true);
	room.look()(0);
	expect([room.waiting, room.full]).toEqual([0, false]);
});

it("counts that are too old go some at a time, so that no statement takes too long", async () => {
	const deleted = [50_000, 7];
	const db = { query: async () => ({ rowCount: deleted.shift() }) } as unknown as Queries;
	expect([await dropCounts(db, "2026-03-04"), await dropCounts(db, "2026-03-04")]).toEqual([false, true]);
});

it("a statement has so many rows, and so much text", () => {
	const rows = (...lengths: number[]) => lengths.map((length) => ({ json: "x".repeat(length) }));
	const sizes = (...lengths: number[]) => [...parts(rows(...lengths))].map((some) => some.length);
	const MiB = 2 ** 20;
	expect(sizes()).toEqual([]);
	expect(sizes(...Array<number>(25_000).fill(10))).toEqual([10_000, 10_000, 5000]);
	expect(sizes(3 * MiB, MiB, 1, 9 * MiB, 1, 1)).toEqual([2, 1, 1, 2]);
});

it("waits twice as long each time, up to a minute", () => {
	expect([0, 1, 2, 3, 6, 7, 30].map(backoffSeconds)).toEqual([1, 1, 2, 4, 32, 60, 60]);
});
