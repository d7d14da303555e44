// Metrics with exemplars. The JavaScript SDK, unlike those of other languages, sends none: a demo's are kept beside its
// instruments, and are added to the request that the SDK makes.

import type { Attributes } from "@opentelemetry/api";
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import { JsonMetricsSerializer } from "@opentelemetry/otlp-transformer";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { type OtlpHttp, overHttp } from "../otlp.ts";

/** A value that was recorded within a span. */
export interface Exemplar {
	/** The instrument's name. */
	metric: string;
	/** Attributes of the data point that the value belongs to. */
	attributes: Attributes;
	value: number;
	/** When, in milliseconds since 1970. */
	at: number;
	traceId: string;
	spanId: string;
}

/** The metrics of one service, and their exemplars. */
export interface Measured {
	metrics: ResourceMetrics;
	exemplars: Exemplar[];
}

interface Point {
	exemplars?: unknown[];
}

interface Metric {
	histogram?: { dataPoints: Point[] };
	sum?: { dataPoints: Point[] };
	gauge?: { dataPoints: Point[] };
}

/** An OTLP request as JSON, with each exemplar at its data point. */
export function request({ metrics, exemplars }: Measured): string {
	const made = JSON.parse(Buffer.from(JsonMetricsSerializer.serializeRequest(metrics) ?? []).toString());
	metrics.scopeMetrics.forEach((scope, i) => {
		scope.metrics.forEach(({ descriptor, dataPoints }, j) => {
			const { histogram, sum, gauge }: Metric = made.resourceMetrics[0].scopeMetrics[i].metrics[j];
			const points = (histogram ?? sum ?? gauge)?.dataPoints;
			const own = exemplars.filter(({ metric }) => metric === descriptor.name);
			dataPoints.forEach(({ attributes }, k) => {
				const of = own.filter((exemplar) => key(exemplar.attributes) === key(attributes));
				// Prometheus refuses an exemplar that is older than the one before.
				if (points?.[k]) points[k].exemplars = of.sort((a, b) => a.at - b.at).map(written);
			});
		});
	});
	return JSON.stringify(made);
}

/** An exporter for metrics with exemplars. */
export function metricsExporter(e: OtlpHttp) {
	const options = convertLegacyHttpOptions(overHttp(`${e.otlpHttp}/v1/metrics`, e), "METRICS", "v1/metrics", {
		"Content-Type": "application/json",
	});
	return createOtlpHttpExportDelegate(options, {
		serializeRequest: (measured: Measured) => Buffer.from(request(measured)),
		deserializeResponse: (answer) => JsonMetricsSerializer.deserializeResponse(answer),
	});
}

function written({ value, at, traceId, spanId }: Exemplar) {
	return { timeUnixNano: `${Math.floor(at)}000000`, asDouble: value, traceId, spanId, filteredAttributes: [] };
}

function key(attributes: Attributes): string {
	return JSON.stringify(Object.entries(attributes).sort());
}
