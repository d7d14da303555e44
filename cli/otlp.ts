// Sending OTLP over HTTP, as every command does: with the stack's credentials, and until it is acknowledged.

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

/** The credentials that a sender needs. */
export type Shown = Pick<Endpoints, "otlpToken" | "ca">;

/** The address for OTLP over HTTP, and the credentials. */
export type OtlpHttp = Pick<Endpoints, "otlpHttp" | "otlpToken" | "ca">;

/** How long an exporter tries to send. */
export const timeoutMillis = 10_000;

/**
 * Options of an exporter. The stack's certificate authority is no option: the whole process trusts it
 * (components/trust.ts).
 */
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

/** Sends, and resolves once the receiver has acknowledged. @throws what it answered instead. */
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
 * A tracer of a service, and the spans of it that have ended.
 *
 * @param sampler Which spans are kept. @default all, whatever OTEL_TRACES_SAMPLER says in this shell
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

/** A metric reader that collects when it is told to, and exports nothing by itself. */
export class ReaderByHand extends MetricReader {
	protected override async onForceFlush(): Promise<void> {}
	protected override async onShutdown(): Promise<void> {}

	/**
	 * All metrics, with a time of their own.
	 *
	 * @param at Milliseconds since 1970; the SDK itself knows only the present.
	 */
	async collectAt(at: number): Promise<ResourceMetrics> {
		const { resourceMetrics } = await this.collect();
		const endTime: [number, number] = [Math.floor(at / 1000), (at % 1000) * 1_000_000];
		for (const { metrics } of resourceMetrics.scopeMetrics)
			for (const { dataPoints } of metrics) for (const point of dataPoints) Object.assign(point, { endTime });
		return resourceMetrics;
	}
}
