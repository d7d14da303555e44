// Requests as they came, decoded: protobuf or JSON, compressed or not.

import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { fromBinary, fromJson } from "@bufbuild/protobuf";
import {
	type ExportTraceServiceRequest,
	ExportTraceServiceRequestSchema,
} from "./generated/opentelemetry/proto/collector/trace/v1/trace_service_pb.js";

/** A request as it came. */
export interface Payload {
	contentType: string;
	/** `gzip` or `identity`. */
	encoding: string;
	payload: Uint8Array;
}

/** What a request may be once it is unpacked: a collector takes 20 MiB of it. */
const mostBytes = 32 * 2 ** 20;

const unzip = promisify(gunzip);

/** Rejects with what is wrong with it: trying again can't help. */
export async function decode({ contentType, encoding, payload }: Payload): Promise<ExportTraceServiceRequest> {
	const bytes = encoding === "gzip" ? await unzip(payload, { maxOutputLength: mostBytes }) : payload;
	if (contentType !== "application/json") return fromBinary(ExportTraceServiceRequestSchema, bytes);
	const json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
	return fromJson(ExportTraceServiceRequestSchema, json, { ignoreUnknownFields: true });
}

/**
 * An id in hex; undefined where it is none.
 *
 * OTLP has ids in hex in its JSON where protobuf's has base64. Hex is valid base64 of half as many bytes again, and encodes to itself.
 */
export function hexId(bytes: Uint8Array, length: 8 | 16): string | undefined {
	const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const hex = bytes.length === length * 1.5 ? buffer.toString("base64").toLowerCase() : buffer.toString("hex");
	return hex.length === length * 2 && /^[0-9a-f]+$/.test(hex) && !/^0+$/.test(hex) ? hex : undefined;
}
