// What an MLflow tracking server that asks who you are answers to OTLP, beside Docker. Compared with 3.17.2 answer by answer, but for
// JSON, which that takes and 3.7 refuses.

import type { IncomingMessage, Server } from "node:http";
import { gunzipSync } from "node:zlib";
import { besideDocker } from "./beside.ts";

/** The only experiment that it has. */
export const experiment = "7";
export const authorization = `Basic ${Buffer.from("writer:hush").toString("base64")}`;

/** A tracking server, and what it took. */
export class MlflowStandIn {
	server?: Server;
	port = 0;
	readonly taken: Buffer[] = [];

	async start(): Promise<this> {
		const { server, port } = await besideDocker(async (request, response) => {
			const chunks: Buffer[] = [];
			for await (const chunk of request) chunks.push(chunk);
			const { status, body } = answer(request, Buffer.concat(chunks));
			if (status === 200) this.taken.push(body);
			const type = status === 200 ? "application/x-protobuf" : "application/json";
			response.writeHead(status, { "content-type": type }).end(status === 200 ? "" : '{"detail":"refused"}');
		});
		Object.assign(this, { server, port });
		return this;
	}
}

function answer({ method, url, headers }: IncomingMessage, raw: Buffer): { status: number; body: Buffer } {
	const refused = (status: number) => ({ status, body: raw });
	if (headers.authorization !== authorization) return refused(401);
	if (url !== "/v1/traces" || method !== "POST") return refused(404);
	if (!headers["x-mlflow-experiment-id"]) return refused(422);
	if (headers["content-type"] !== "application/x-protobuf") return refused(400);
	let body = raw;
	try {
		if (headers["content-encoding"] === "gzip") body = gunzipSync(raw);
	} catch {
		return refused(400);
	}
	// The first field of a request with spans, and nothing of an empty one.
	if (body[0] !== 0x0a) return refused(400);
	return headers["x-mlflow-experiment-id"] === experiment ? { status: 200, body } : refused(404);
}
