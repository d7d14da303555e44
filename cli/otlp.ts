// Sending by OTLP over HTTP, as every command that sends does it: with what the stack asks for, and until it is acknowledged.

import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MetricReader, type ResourceMetrics } from "@opentelemetry/sdk-metrics";
import {
	AlwaysOnSampler,
	BasicTracerProvider,
	InMemorySpanExporter,
	type Sampler,
	SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import type { Endpoints } from "./verify/api.ts";

/** What a sender has to know of a stack beside its address. */
export type Shown = Pick<Endpoints, "otlpToken" | "ca">;

/** Where a stack takes OTLP over HTTP, and what it asks for. */
export type OtlpHttp = Pick<Endpoints, "otlpHttp" | "otlpToken" | "ca">;

export const timeoutMillis = 10_000;

/** Options of an exporter. Whom to trust the whole process knows: components/trust.ts. */
export function overHttp(url: string, { otlpToken }: Shown) {
	return { url, timeoutMillis, ...(otlpToken && { headers: { authorization: `Bearer ${otlpToken}` } }) };
}

/** One exporter for each signal. */
export function exporters(e: OtlpHttp) {
	return {
		traces: new OTLPTraceExporter(overHttp(`${e.otlpHttp}/v1/traces`, e)),
		metrics: new OTLPMetricExporter(overHttp(`${e.otlpHttp}/v1/metrics`, e)),
		logs: new OTLPLogExporter(overHttp(`${e.otlpHttp}/v1/logs`, e)),
	};
}

interface Exporter<T> {
	export(items: T, done: (result: { code: number; error?: Error }) => void): void;
	shutdown(): Promise<void>;
}

/** Resolves once the receiver has acknowledged. */
export function acknowledged<T>(exporter: Exporter<T>, items: T): Promise<void> {
	return new Promise<void>((resolve, reject) => {
		exporter.export(items, ({ code, error }) => (code === 0 ? resolve() : reject(error ?? new Error("refused"))));
	});
}

/** Sends once, and closes the exporter. */
export async function send<T>(exporter: Exporter<T>, items: T): Promise<void> {
	try {
		await acknowledged(exporter, items);
	} finally {
		await exporter.shutdown();
	}
}

/**
 * Makes spans of a service, and keeps those that have ended.
 *
 * @param sampler All spans unless told, whatever OTEL_TRACES_SAMPLER says in this shell.
 */
export function recorder(service: string, sampler: Sampler = new AlwaysOnSampler()) {
	const exporter = new InMemorySpanExporter();
	const provider = new BasicTracerProvider({
		resource: resourceFromAttributes({ "service.name": service }),
		sampler,
		spanProcessors: [new SimpleSpanProcessor(exporter)],
	});
	return { tracer: provider.getTracer("tracestack"), finished: () => exporter.getFinishedSpans() };
}

/** Collects when asked, and exports nothing by itself. */
export class ReaderByHand extends MetricReader {
	protected override async onForceFlush(): Promise<void> {}
	protected override async onShutdown(): Promise<void> {}

	/**
	 * Everything as it stands.
	 *
	 * @param at When it stood so, in milliseconds since 1970: the SDK itself knows only now.
	 */
	async collectAt(at: number): Promise<ResourceMetrics> {
		const { resourceMetrics } = await this.collect();
		const endTime: [number, number] = [Math.floor(at / 1000), (at % 1000) * 1_000_000];
		for (const { metrics } of resourceMetrics.scopeMetrics)
			for (const { dataPoints } of metrics) for (const point of dataPoints) Object.assign(point, { endTime });
		return resourceMetrics;
	}
}
