// The worker's own spans: at most one request a second, and what became of it. The archive leaves them out; Tempo has them.

import { readFileSync } from "node:fs";
import { checkServerIdentity } from "node:tls";
import { type Attributes, type Link, type Span, SpanKind, SpanStatusCode, type Tracer } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AlwaysOnSampler, BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import type { Config } from "./config.ts";
import type { Batch } from "./queue.ts";
import { ownService } from "./rows.ts";

const everyMs = 1000;

/** Something that was begun. */
export interface Doing {
	/** As the queue keeps it; undefined where it is not recorded. */
	traceparent?: string;
	/** @param attributes Their names get `archive.` before them. */
	end(attributes: Attributes, error?: Error): void;
}

export class Tracing {
	readonly #provider: BasicTracerProvider | undefined;
	readonly #tracer: Tracer | undefined;
	#last = 0;

	/** @param otlp The collector; undefined: nothing is recorded. */
	constructor(otlp: Config["otlp"]) {
		if (!otlp) return;
		this.#provider = new BasicTracerProvider({
			resource: resourceFromAttributes({ "service.name": ownService }),
			sampler: new AlwaysOnSampler(),
			spanProcessors: [new BatchSpanProcessor(exporter(otlp))],
		});
		this.#tracer = this.#provider.getTracer(ownService);
	}

	/** A request is received. */
	receives(): Doing {
		const now = Date.now();
		if (now - this.#last < everyMs) return doing(undefined);
		this.#last = now;
		return doing(this.#tracer?.startSpan("POST /v1/traces", { kind: SpanKind.SERVER, root: true }));
	}

	/** Batches are stored: recorded if the receipt of one of them was. */
	drains(batches: Batch[]): Doing {
		const links = batches.flatMap(({ traceparent }) => linkTo(traceparent));
		if (links.length === 0) return doing(undefined);
		return doing(this.#tracer?.startSpan("drain", { kind: SpanKind.CONSUMER, root: true, links }));
	}

	/** Sends what it still has, for two seconds at most. */
	async stop(): Promise<void> {
		const limit = new Promise((resolve) => setTimeout(resolve, 2000).unref());
		await Promise.race([this.#provider?.shutdown().catch(() => undefined), limit]);
	}
}

function doing(span: Span | undefined): Doing {
	if (!span) return { end: () => undefined };
	const { traceId, spanId } = span.spanContext();
	return {
		traceparent: `00-${traceId}-${spanId}-01`,
		end(attributes, error) {
			for (const [key, value] of Object.entries(attributes)) span.setAttribute(`archive.${key}`, value as string);
			if (error) span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
			span.end();
		},
	};
}

function linkTo(traceparent: string | null): Link[] {
	const [, traceId, spanId] = /^00-(\w{32})-(\w{16})-/.exec(traceparent ?? "") ?? [];
	return traceId && spanId ? [{ context: { traceId, spanId, traceFlags: 1, isRemote: true } }] : [];
}

function exporter({ url, tokenFile, tls }: NonNullable<Config["otlp"]>): OTLPTraceExporter {
	return new OTLPTraceExporter({
		url,
		timeoutMillis: 10_000,
		...(tokenFile && { headers: { authorization: `Bearer ${readFileSync(tokenFile, "utf8").trim()}` } }),
		...(tls && {
			httpAgentOptions: {
				...(tls.caFile && { ca: readFileSync(tls.caFile) }),
				// Within the stack it has another name than the one that its certificate is for.
				checkServerIdentity: (_: string, certificate) => checkServerIdentity(tls.name, certificate),
			},
		}),
	});
}
