// Numbers as metrics: sent over OTLP, or as text for node_exporter's textfile collector.

import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { exporters, type OtlpHttp, ReaderByHand, send } from "../otlp.ts";

/** A number with its metric's name and labels. */
export interface Sample {
	/** As it is called in Prometheus; a counter's name ends in `_total`. */
	name: string;
	kind: "gauge" | "counter";
	help: string;
	labels: Record<string, string>;
	value: number;
}

/**
 * Sends numbers as metrics.
 *
 * @param at Their time, in milliseconds since 1970. @default now
 * @returns how many were sent.
 */
export async function sendSamples(e: OtlpHttp, samples: Sample[], at = Date.now()): Promise<number> {
	const reader = new ReaderByHand();
	const resource = resourceFromAttributes({ "service.name": "tracestack-reports" });
	const meter = new MeterProvider({ resource, readers: [reader] }).getMeter("tracestack");
	for (const { name, kind, help: description, labels, value } of samples) {
		if (kind === "gauge") meter.createGauge(name, { description }).record(value, labels);
		// Prometheus itself appends `_total` to a counter.
		else meter.createCounter(name.replace(/_total$/, ""), { description }).add(value, labels);
	}
	const { metrics } = exporters(e);
	if (samples.length > 0) await send(metrics, await reader.collectAt(at));
	return samples.length;
}

/** Numbers in Prometheus's text format, without timestamps, which node_exporter's textfile collector refuses. */
export function exposition(samples: Sample[]): string {
	const lines = [...new Set(samples.map(({ name }) => name))].flatMap((name) => {
		const own = samples.filter((sample) => sample.name === name);
		const { help, kind } = own[0]!;
		return [
			`# HELP ${name} ${help}`,
			`# TYPE ${name} ${kind}`,
			...own.map(({ labels, value }) => `${name}${braced(labels)} ${value}`),
		];
	});
	return lines.map((line) => `${line}\n`).join("");
}

function braced(labels: Record<string, string>): string {
	const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value)}"`);
	return pairs.length > 0 ? `{${pairs.join(",")}}` : "";
}

function escaped(value: string): string {
	return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
