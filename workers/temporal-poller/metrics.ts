// What looks have seen, as metrics of the OpenTelemetry SDK. Dots become underscores in Prometheus, a unit of seconds becomes a suffix.

import { readFileSync } from "node:fs";
import { checkServerIdentity } from "node:tls";
import { type Attributes, ValueType } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import type { Config } from "./config.ts";
import type { Look } from "./look.ts";

/** Seconds: of what answers a request, up to what a person has to approve. */
const durations = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 86_400, 7 * 86_400];

/** `temporal_poll_closed_until_seconds`, by which a poller that starts again knows what its predecessor has counted. */
export const closedUntilMetric = "temporal_poll_closed_until_seconds";

/** Collects when asked, and exports nothing by itself. */
class Reader extends MetricReader {
	protected override async onForceFlush(): Promise<void> {}
	protected override async onShutdown(): Promise<void> {}
}

/** What was seen last, by namespace. Gauges of a namespace that could not be asked are not reported: nobody knows them. */
export class Metrics {
	readonly #looks = new Map<string, Look | undefined>();
	readonly #closedUntil = new Map<string, number>();
	readonly #reader = new Reader();
	readonly #duration;
	readonly #failures;

	constructor(namespaces: string[]) {
		const resource = resourceFromAttributes({ "service.name": "temporal-poller" });
		const meter = new MeterProvider({ resource, readers: [this.#reader] }).getMeter("temporal-poller");
		this.#duration = meter.createHistogram("temporal.workflow.duration", {
			description: "How long closed workflow executions took",
			unit: "s",
			advice: { explicitBucketBoundaries: durations },
		});
		this.#failures = meter.createCounter("temporal.poll.failures", {
			description: "Looks at a namespace that failed",
			valueType: ValueType.INT,
		});
		// A counter that is there from the beginning shows its first increase.
		for (const namespace of namespaces) this.#failures.add(0, { namespace });

		const gauge = (name: string, description: string, values: (look: Look) => [value: number, labels: Attributes][]) =>
			meter.createObservableGauge(name, { description }).addCallback((result) => {
				for (const [namespace, look] of this.#looks)
					for (const [value, labels] of look ? values(look) : []) result.observe(value, { namespace, ...labels });
			});
		gauge("temporal.workflow.executions", "Workflow executions that Temporal has", ({ executions }) =>
			executions.map(({ type, status, count }) => [count, { workflow_type: type, status }]),
		);
		gauge("temporal.activity.retries", "Attempts beyond the first of pending activities", ({ retries }) =>
			retries.map(({ type, count }) => [count, { workflow_type: type }]),
		);
		gauge("temporal.poll.capped", "1 where there was more than one look may ask for", ({ capped }) =>
			Object.entries(capped).map(([what, more]) => [Number(more), { what }]),
		);
		meter
			.createObservableGauge("temporal.up", { description: "Whether the last look at a namespace succeeded" })
			.addCallback((result) => {
				for (const [namespace, look] of this.#looks) result.observe(Number(look !== undefined), { namespace });
			});
		meter
			.createObservableGauge("temporal.poll.closed_until", { description: "What closed before is counted", unit: "s" })
			.addCallback((result) => {
				for (const [namespace, ms] of this.#closedUntil) result.observe(ms / 1000, { namespace });
			});
	}

	/** A look that succeeded. */
	saw(namespace: string, look: Look): void {
		this.#looks.set(namespace, look);
		this.#closedUntil.set(namespace, look.closedUntil);
		for (const { type, status, seconds } of look.closed)
			this.#duration.record(seconds, { namespace, workflow_type: type, status });
	}

	/** A look that failed. */
	failed(namespace: string): void {
		this.#looks.set(namespace, undefined);
		this.#failures.add(1, { namespace });
	}

	/** Everything as it stands, as one message: what was counted goes with how far it was counted, or neither does. */
	async collect() {
		const { resourceMetrics, errors } = await this.#reader.collect();
		if (errors.length > 0) throw errors[0];
		return resourceMetrics;
	}
}

/** Sends to the collector. Rejects with its reason when it is not taken; a later message has the same counts, and more. */
export function sender({ url, tokenFile, tls }: Config["otlp"]): (metrics: Metrics) => Promise<void> {
	const exporter = new OTLPMetricExporter({
		url,
		timeoutMillis: 10_000,
		...(tokenFile && { headers: { authorization: `Bearer ${readFileSync(tokenFile, "utf8")}` } }),
		...(tls && {
			httpAgentOptions: {
				...(tls.caFile && { ca: readFileSync(tls.caFile) }),
				// Within the stack it has another name than the one that its certificate is for.
				checkServerIdentity: (_: string, certificate) => checkServerIdentity(tls.name, certificate),
			},
		}),
	});
	return async (metrics) => {
		const message = await metrics.collect();
		await new Promise<void>((resolve, reject) => {
			exporter.export(message, ({ code, error }) => (code === 0 ? resolve() : reject(error ?? new Error("refused"))));
		});
	};
}
