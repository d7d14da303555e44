// Numbers that a command knows: as metrics over OTLP, and as text for whoever scrapes files.

import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { exporters, type OtlpHttp, ReaderByHand, send } from "../otlp.ts";

/** One number under its labels. */
export interface Sample {
	/** As Prometheus has it; a counter's ends in `_total`. */
	name: string;
	kind: "gauge" | "counter";
	help: string;
	labels: Record<string, string>;
	value: number;
}

/**
 * Sends numbers as metrics.
 *
 * @param at When they held, in milliseconds since 1970.
 * @returns how many.
 */
export async function sendSamples(e: OtlpHttp, samples: Sample[], at = Date.now()): Promise<number> {
	const reader = new ReaderByHand();
	const resource = resourceFromAttributes({ "service.name": "tracestack-reports" });
	const meter = new MeterProvider({ resource, readers: [reader] }).getMeter("tracestack");
	for (const { name, kind, help: description, labels, value } of samples) {
		if (kind === "gauge") meter.createGauge(name, { description }).record(value, labels);
		// Prometheus adds the ending to what OpenTelemetry calls a counter.
		else meter.createCounter(name.replace(/_total$/, ""), { description }).add(value, labels);
	}
	const { metrics } = exporters(e);
	if (samples.length > 0) await send(metrics, await reader.collectAt(at));
	return samples.length;
}

/** Prometheus's text format. Without times: node_exporter's textfile collector refuses a file that has any. */
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
