import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { reportMetrics } from "../../components/links.ts";
import { exporters, type OtlpHttp, ReaderByHand, send } from "../otlp.ts";
import { type Envelope, tracesOf, valuesOf } from "./envelope.ts";

/**
 * Sends an envelope's numbers and trace ids as metrics by run and branch.
 *
 * @param at When they held, in milliseconds since 1970.
 * @returns how many series.
 */
export async function sendReport(e: OtlpHttp, envelope: Envelope, at = Date.now()): Promise<number> {
	const reader = new ReaderByHand();
	const resource = resourceFromAttributes({ "service.name": "tracestack-reports" });
	const meter = new MeterProvider({ resource, readers: [reader] }).getMeter("tracestack");
	const values = valuesOf(envelope);
	const traces = tracesOf(envelope);
	for (const [metric, series] of [
		[reportMetrics.value, values],
		[reportMetrics.trace, traces],
	] as const) {
		// OpenTelemetry's name of what Prometheus calls so.
		const gauge = meter.createGauge(metric.replaceAll("_", "."));
		for (const { value, attributes } of series) gauge.record(value, attributes);
	}
	const { metrics } = exporters(e);
	if (values.length + traces.length > 0) await send(metrics, await reader.collectAt(at));
	return values.length + traces.length;
}
