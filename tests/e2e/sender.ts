// Applications that send traces and try again when they are refused, as SDKs do; and the search for what is missing.

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { Batch, post, refusal } from "../../cli/load/batch.ts";
import { json, withQuery } from "../../cli/verify/api.ts";

/** Sends a batch as it was made, by the SDK's gRPC exporter. Rejects with what the server said. */
export async function sendByGrpc(address: string, { spans }: Batch): Promise<void> {
	const exporter = new OTLPTraceExporter({ url: `http://${address}`, timeoutMillis: 5000 });
	const error = await new Promise<Error | undefined>((resolve) => exporter.export(spans, (r) => resolve(r.error)));
	await exporter.shutdown();
	if (error) throw error;
}

/** One request with one-span traces; returns their ids once they are acknowledged, undefined when they are not. */
export async function sendTraces(otlpHttp: string, service: string, count: number): Promise<string[] | undefined> {
	const { body, ids } = new Batch(service, count).next();
	return (await post({ otlpHttp }, body))?.ok ? ids : undefined;
}

/** What requests to a service were like. */
export interface Requests {
	failed?: boolean;
	/** How long each took. */
	seconds?: number;
	attributes?: Record<string, string>;
}

/** Traces of one request each, in one message; their ids once they are acknowledged. */
export async function sendRequests(otlpHttp: string, service: string, count: number, of: Requests): Promise<string[]> {
	const { failed = false, seconds = 0.005, attributes = {} } = of;
	const now = BigInt(Date.now()) * 1_000_000n;
	const texts = (map: Record<string, string>) =>
		Object.entries(map).map(([key, stringValue]) => ({ key, value: { stringValue } }));
	const spans = Array.from({ length: count }, () => ({
		traceId: randomBytes(16).toString("hex"),
		spanId: randomBytes(8).toString("hex"),
		name: "POST /charge",
		kind: 2,
		startTimeUnixNano: String(now - BigInt(seconds * 1000) * 1_000_000n),
		endTimeUnixNano: String(now),
		status: { code: failed ? 2 : 0 },
		attributes: texts(attributes),
	}));
	const resource = { attributes: texts({ "service.name": service }) };
	const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
	const headers = { "content-type": "application/json" };
	const response = await fetch(`${otlpHttp}/v1/traces`, { method: "POST", headers, body });
	if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
	return spans.map(({ traceId }) => traceId);
}

/** Sends at a rate until it is stopped, and sends again what was refused or found nobody, until it is acknowledged. */
export class Sender {
	/** Ids of acknowledged traces: none of them may be lost. */
	readonly acknowledged: string[] = [];
	/** Requests that were refused or found nobody, by what they got. */
	readonly refused = new Map<string, number>();
	/** When it began, in milliseconds since 1970. */
	readonly since = Date.now();
	readonly service: string;
	readonly #otlpHttp: string;
	#stopped = false;
	readonly #done: Promise<void>;

	/**
	 * @param perSecond Spans, in ten requests a second.
	 * @param spans In each trace.
	 */
	constructor(otlpHttp: string, service: string, perSecond = 50, spans = 1) {
		this.#otlpHttp = otlpHttp;
		this.service = service;
		this.#done = this.#send(new Batch(service, perSecond / 10 / spans, { spans }));
	}

	/** Stops, once all that was begun is acknowledged. */
	async stop(): Promise<void> {
		this.#stopped = true;
		await this.#done;
	}

	async #send(batch: Batch): Promise<void> {
		const pending = new Set<Promise<void>>();
		let next = Date.now();
		while (!this.#stopped) {
			next += 100;
			// As an SDK's queue, it holds what can't be sent for a while.
			if (pending.size < 100) {
				const sent = this.#deliver(batch.next()).finally(() => pending.delete(sent));
				pending.add(sent);
			}
			await sleep(Math.max(0, next - Date.now()));
		}
		await Promise.all(pending);
	}

	async #deliver({ body, ids }: { body: Buffer<ArrayBuffer>; ids: string[] }): Promise<void> {
		const deadline = Date.now() + 120_000;
		for (;;) {
			const why = await refusal({ otlpHttp: this.#otlpHttp }, body);
			if (!why) {
				this.acknowledged.push(...ids);
				return;
			}
			this.refused.set(why, (this.refused.get(why) ?? 0) + 1);
			if (Date.now() > deadline) throw new Error(`nothing was taken for two minutes: ${why}`);
			await sleep(500);
		}
	}
}

/** The answer about a trace, again where the server had too much to do: then it knows nothing of the trace. */
async function found(url: string): Promise<Response> {
	for (let again = 3; ; again--) {
		const response = await fetch(url);
		if (response.ok || response.status === 404 || again === 0) return response;
		await response.text();
		await sleep(1000);
	}
}

/** Those of the traces that Tempo does not return by id. */
export async function lost(tempo: string, ids: string[]): Promise<string[]> {
	const missing: string[] = [];
	const queue = [...ids];
	const worker = async () => {
		for (let id = queue.pop(); id; id = queue.pop()) {
			const response = await found(`${tempo}/api/v2/traces/${id}`);
			const { trace } = response.ok ? ((await response.json()) as { trace?: { resourceSpans?: unknown[] } }) : {};
			if (!trace?.resourceSpans?.length) missing.push(id);
		}
	};
	await Promise.all(Array.from({ length: 10 }, worker));
	return missing;
}

/** Ids of the traces that a search finds between two times, in seconds since 1970; by halves where the answer has no room. */
async function search(tempo: string, q: string, start: number, end: number): Promise<string[]> {
	const window = { q, start, end, limit: 200_000, spss: 1 };
	try {
		const { traces = [] } = await json<{ traces?: { traceID: string }[] }>(withQuery(`${tempo}/api/search`, window));
		return traces.map(({ traceID }) => traceID.padStart(32, "0"));
	} catch {
		// A server that is just starting has nothing to say.
		if (end - start < 4) return [];
		const middle = Math.floor((start + end) / 2);
		return [...(await search(tempo, q, start, middle + 1)), ...(await search(tempo, q, middle, end))];
	}
}

/** Asked for by id; more are searched for, which is a hundred times faster. */
const few = 1000;

/**
 * Those of a sender's acknowledged traces that Tempo does not have, once no more arrive: what is queued is tried again
 * every ten seconds at the latest.
 */
export async function lostOf(
	tempo: string,
	sender: Pick<Sender, "acknowledged" | "service" | "since">,
): Promise<string[]> {
	let missing = await unfound(tempo, sender);
	for (let unchanged = 0; unchanged < 15 && missing.length > 0; unchanged++) {
		await sleep(1000);
		const left = missing.length > few ? await unfound(tempo, sender) : await lost(tempo, missing);
		if (left.length < missing.length) unchanged = 0;
		missing = left;
	}
	if (missing.length <= few) return merged(tempo, missing, sender.acknowledged);
	// Where none of so many is found by id, none of the others is.
	const [some, others] = [missing.slice(0, few), missing.slice(few)];
	const gone = await lost(tempo, some);
	return gone.length === few ? missing : [...gone, ...(await lost(tempo, others))];
}

/**
 * Tempo 2 tells traces that are alive at once apart by 32 bits of a hash (FNV-1), and stores one of two with the same under the other's
 * id: of 30,000 at once that befalls a pair in one of ten tries. Tempo 3 has 64. Returns the missing ones that are not such.
 */
async function merged(tempo: string, missing: string[], all: string[]): Promise<string[]> {
	if (missing.length === 0) return [];
	const { version } = await json<{ version: string }>(`${tempo}/api/status/buildinfo`);
	if (!version.startsWith("2.")) return missing;
	const sharing = Map.groupBy(all, hash32);
	return missing.filter((id) => {
		const twin = (sharing.get(hash32(id)) ?? []).find((other) => other !== id);
		if (twin) console.warn(`${id} and ${twin} are one trace to Tempo ${version}`);
		return !twin;
	});
}

/** FNV-1 of a trace id, 32 bits. */
export function hash32(id: string): number {
	return Buffer.from(id, "hex").reduce((hash, byte) => (Math.imul(hash, 16_777_619) ^ byte) >>> 0, 2_166_136_261);
}

/** Those of a sender's acknowledged traces that no search finds. */
async function unfound(
	tempo: string,
	{ acknowledged, service, since }: Pick<Sender, "acknowledged" | "service" | "since">,
): Promise<string[]> {
	const q = `{ resource.service.name = "${service}" }`;
	const left = new Set(acknowledged);
	const now = Math.ceil(Date.now() / 1000);
	for (let start = Math.floor(since / 1000) - 1; start < now; start += 10)
		for (const id of await search(tempo, q, start, start + 11)) left.delete(id);
	return [...left];
}
