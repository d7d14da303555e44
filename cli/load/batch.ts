// Traces as bytes: at ten thousand spans a second an SDK would use the CPU that the stack on the same machine needs.

import { randomBytes } from "node:crypto";
import { type Attributes, ROOT_CONTEXT } from "@opentelemetry/api";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { type OtlpHttp, overHttp, recorder } from "../otlp.ts";

/** Traces of one service as an OTLP request. It is encoded once; ids and times are written into its bytes. */
export class Batch {
	/** As the SDK made them, with ids and times of their own. */
	readonly spans: ReadableSpan[];
	readonly #bytes: Buffer;
	/** Offsets of each span's ids and times. */
	readonly #at: { traceId: number; spanId: number; times: [start: number, end: number] }[];
	readonly #perTrace: number;

	/** @param options.spans Spans in each trace, none with a parent. @default 1 */
	constructor(service: string, traces: number, options: { attributes?: Attributes; spans?: number } = {}) {
		const { attributes = {}, spans: perTrace = 1 } = options;
		this.#perTrace = perTrace;
		const { tracer, finished } = recorder(service);
		for (let i = 0; i < traces * perTrace; i++)
			tracer.startSpan("one of many", { startTime: 1 + i, attributes }, ROOT_CONTEXT).end(2 + i);
		this.spans = finished();
		this.#bytes = Buffer.from(ProtobufTraceSerializer.serializeRequest(this.spans) ?? []);
		let from = 0;
		this.#at = this.spans.map((span) => {
			const { traceId, spanId } = span.spanContext();
			const find = (bytes: Buffer, after: number) => {
				const found = this.#bytes.indexOf(bytes, after);
				if (found < 0) throw new Error("a span is not where it was expected");
				return found;
			};
			const trace = find(Buffer.from(traceId, "hex"), from);
			const id = find(Buffer.from(spanId, "hex"), trace);
			const start = find(nanoseconds(span.startTime), id);
			const end = find(nanoseconds(span.endTime), start);
			from = end;
			return { traceId: trace, spanId: id, times: [start, end] };
		});
	}

	/** The next request, with new ids of traces and spans: its spans lasted 5 ms and end now. */
	next(): { body: Buffer<ArrayBuffer>; ids: string[] } {
		const body = Buffer.from(this.#bytes);
		const now = BigInt(Date.now()) * 1_000_000n;
		const ids: string[] = [];
		let trace = randomBytes(16);
		for (const [i, { traceId, spanId, times }] of this.#at.entries()) {
			if (i % this.#perTrace === 0) {
				trace = randomBytes(16);
				ids.push(trace.toString("hex"));
			}
			trace.copy(body, traceId);
			randomBytes(8).copy(body, spanId);
			body.writeBigUInt64LE(now - 5_000_000n, times[0]);
			body.writeBigUInt64LE(now, times[1]);
		}
		return { body, ids };
	}
}

function nanoseconds([seconds, rest]: [number, number]): Buffer {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64LE(BigInt(seconds) * 1_000_000_000n + BigInt(rest));
	return bytes;
}

/** Posts protobuf to the collector. Returns undefined when it was acknowledged, else why not. */
export async function refusal(e: OtlpHttp, body: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
	const response = await post(e, body);
	// The status counts, even where the connection breaks after it.
	await response?.text().catch(() => "");
	if (response?.ok) return undefined;
	return response ? `HTTP ${response.status}` : "no answer";
}

/** Posts protobuf to the collector. Returns undefined without an answer within five seconds. */
export async function post(e: OtlpHttp, body: Uint8Array<ArrayBuffer>): Promise<Response | undefined> {
	const { url, headers } = overHttp(`${e.otlpHttp}/v1/traces`, e);
	const request = { method: "POST", body, signal: AbortSignal.timeout(5000) };
	return fetch(url, { ...request, headers: { ...headers, "content-type": "application/x-protobuf" } }).catch(
		() => undefined,
	);
}
