// An application that sends traces and tries again when it is refused, as SDKs do.

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** One request with one-span traces; returns their ids once they are acknowledged, undefined when they are not. */
export async function sendTraces(otlpHttp: string, service: string, count: number): Promise<string[] | undefined> {
	const end = BigInt(Date.now()) * 1_000_000n;
	const spans = Array.from({ length: count }, () => ({
		traceId: randomBytes(16).toString("hex"),
		spanId: randomBytes(8).toString("hex"),
		name: "one of many",
		kind: 1,
		startTimeUnixNano: String(end - 5_000_000n),
		endTimeUnixNano: String(end),
	}));
	const resource = { attributes: [{ key: "service.name", value: { stringValue: service } }] };
	const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
	const headers = { "content-type": "application/json" };
	const request = { method: "POST", headers, body, signal: AbortSignal.timeout(5000) };
	const response = await fetch(`${otlpHttp}/v1/traces`, request).catch(() => undefined);
	return response?.ok ? spans.map(({ traceId }) => traceId) : undefined;
}

/** Sends until it is stopped. */
export class Sender {
	/** Ids of acknowledged traces: none of them may be lost. */
	readonly acknowledged: string[] = [];
	/** Requests that were refused or found nobody. */
	refused = 0;
	#stopped = false;
	readonly #done: Promise<void>;

	constructor(otlpHttp: string, service: string) {
		this.#done = this.#send(otlpHttp, service);
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		await this.#done;
	}

	async #send(otlpHttp: string, service: string): Promise<void> {
		while (!this.#stopped) {
			const ids = await sendTraces(otlpHttp, service, 5);
			if (ids) this.acknowledged.push(...ids);
			else this.refused++;
			await sleep(100);
		}
	}
}

/** Those of the traces that Tempo does not return by id. */
export async function lost(tempo: string, ids: string[]): Promise<string[]> {
	const missing: string[] = [];
	const queue = [...ids];
	const worker = async () => {
		for (let id = queue.pop(); id; id = queue.pop()) {
			const response = await fetch(`${tempo}/api/v2/traces/${id}`);
			const { trace } = response.ok ? ((await response.json()) as { trace?: { resourceSpans?: unknown[] } }) : {};
			if (!trace?.resourceSpans?.length) missing.push(id);
		}
	};
	await Promise.all(Array.from({ length: 10 }, worker));
	return missing;
}
