// One span as applications send it that know no OTLP: Jaeger's protobuf over gRPC, Jaeger's Thrift over HTTP, Zipkin's JSON.
// Written out by hand: what is left of the libraries for these formats is archived.

import { connect } from "node:http2";

/** What each format has of a span; it has just ended. */
export interface PlainSpan {
	service: string;
	name: string;
	/** In hex. */
	traceId: string;
	spanId: string;
	/** Microseconds since 1970, and how long. */
	start: number;
	duration: number;
	tags: Record<string, string>;
}

const hex = (text: string) => Buffer.from(text, "hex");

/** A field of a protobuf message: bytes, text or another message; or a number. */
function field(number: number, value: Buffer | string | number): Buffer {
	if (typeof value === "number") return Buffer.concat([varint(number * 8), varint(value)]);
	const bytes = Buffer.from(value);
	return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
	const bytes: number[] = [];
	let rest = value;
	for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
	return Buffer.from([...bytes, rest]);
}

/** `jaeger.api_v2.PostSpansRequest`. */
function postSpans({ service, name, traceId, spanId, start, duration, tags }: PlainSpan): Buffer {
	const time = (us: number) =>
		Buffer.concat([field(1, Math.floor(us / 1_000_000)), field(2, Math.round(us % 1_000_000) * 1000)]);
	const span = Buffer.concat([
		field(1, hex(traceId)),
		field(2, hex(spanId)),
		field(3, name),
		field(6, time(start)),
		field(7, time(duration)),
		...Object.entries(tags).map(([key, value]) => field(8, Buffer.concat([field(1, key), field(3, value)]))),
	]);
	return field(1, Buffer.concat([field(1, span), field(2, field(1, service))]));
}

/** Sends it by `jaeger.api_v2.CollectorService/PostSpans`. Returns the status of the call; 0 is OK. */
export function sendJaegerGrpc(address: string, span: PlainSpan): Promise<number> {
	const message = postSpans(span);
	const length = Buffer.alloc(5);
	length.writeUInt32BE(message.length, 1);
	return new Promise((resolve, reject) => {
		const session = connect(`http://${address}`).on("error", reject);
		const call = session.request({
			":method": "POST",
			":path": "/jaeger.api_v2.CollectorService/PostSpans",
			"content-type": "application/grpc",
			te: "trailers",
		});
		let status = -1;
		const read = (headers: Record<string, unknown>) => {
			if (headers["grpc-status"] !== undefined) status = Number(headers["grpc-status"]);
		};
		call.on("response", read).on("trailers", read).on("error", reject);
		call.on("close", () => session.close(() => resolve(status)));
		call.resume();
		call.end(Buffer.concat([length, message]));
	});
}

/** A field of a struct in Thrift's binary protocol: its type, its number, its value. */
const thrift = {
	header: (type: number, id: number) => Buffer.from([type, id >> 8, id & 255]),
	text: (id: number, value: string) => Buffer.concat([thrift.header(11, id), thrift.sized(Buffer.from(value))]),
	i32: (id: number, value: number) => Buffer.concat([thrift.header(8, id), thrift.number(4, BigInt(value))]),
	i64: (id: number, value: bigint) => Buffer.concat([thrift.header(10, id), thrift.number(8, value)]),
	struct: (id: number, fields: Buffer[]) => Buffer.concat([thrift.header(12, id), thrift.fields(fields)]),
	list: (id: number, structs: Buffer[][]) =>
		Buffer.concat([
			thrift.header(15, id),
			Buffer.from([12]),
			thrift.number(4, BigInt(structs.length)),
			...structs.map(thrift.fields),
		]),
	fields: (fields: Buffer[]) => Buffer.concat([...fields, Buffer.from([0])]),
	sized: (bytes: Buffer) => Buffer.concat([thrift.number(4, BigInt(bytes.length)), bytes]),
	number: (bytes: 4 | 8, value: bigint) => {
		const buffer = Buffer.alloc(8);
		buffer.writeBigInt64BE(BigInt.asIntN(64, value));
		return buffer.subarray(8 - bytes);
	},
};

/** Sends it as a batch of `jaeger.thrift`. Returns the HTTP status. */
export async function sendJaegerThrift(url: string, span: PlainSpan): Promise<number> {
	const id = (text: string) => BigInt(`0x${text}`);
	const { traceId, spanId, service, name, start, duration, tags } = span;
	const body = thrift.fields([
		thrift.struct(1, [thrift.text(1, service)]),
		thrift.list(2, [
			[
				thrift.i64(1, id(traceId.slice(16))),
				thrift.i64(2, id(traceId.slice(0, 16))),
				thrift.i64(3, id(spanId)),
				thrift.i64(4, 0n),
				thrift.text(5, name),
				thrift.i32(7, 1),
				thrift.i64(8, BigInt(start)),
				thrift.i64(9, BigInt(duration)),
				thrift.list(
					10,
					Object.entries(tags).map(([key, value]) => [thrift.text(1, key), thrift.i32(2, 0), thrift.text(3, value)]),
				),
			],
		]),
	]);
	const headers = { "content-type": "application/x-thrift" };
	return (await fetch(`${url}/api/traces`, { method: "POST", headers, body })).status;
}

/** Sends it by Zipkin's API, version 2. Returns the HTTP status. */
export async function sendZipkin(url: string, { service, spanId, start, ...span }: PlainSpan): Promise<number> {
	const body = JSON.stringify([{ ...span, id: spanId, timestamp: start, localEndpoint: { serviceName: service } }]);
	const headers = { "content-type": "application/json" };
	return (await fetch(`${url}/api/v2/spans`, { method: "POST", headers, body })).status;
}
