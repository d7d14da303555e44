// Which traces are kept. Span metrics are made before sampling: rates, errors and durations are those of every request.

import type { Settings } from "../settings.ts";
import { sizeOf } from "./sizes.ts";

/** An attribute of spans that SDKs and gateways set: with a value of 1 or more the trace is kept, whatever the policies say. */
export const keepAttribute = "sampling.priority";

/**
 * Who makes span metrics and the service graph: Tempo, from what it stores; or the collector, from what arrives, where not
 * everything is stored. Their names and labels are the same.
 */
export function metricsFrom({ sampling: { percent, tail } }: Settings): "tempo" | "collector" {
	return percent < 100 || tail ? "collector" : "tempo";
}

/** What sampling adds to the collector. */
export interface Sampling {
	config: { connectors?: Record<string, unknown>; processors: Record<string, unknown> };
	/** Pipelines behind the one that receives. */
	pipelines: Record<string, unknown>;
	/** Exporters of the pipeline that receives traces, instead of `exporters`. */
	exporters: string[];
}

/** Buckets of Tempo's own histograms, so that quantiles do not move when sampling begins. */
const buckets = {
	spans: Array.from({ length: 14 }, (_, i) => `${2 ** (i + 1)}ms`),
	edges: Array.from({ length: 8 }, (_, i) => `${100 * 2 ** i}ms`),
};

/**
 * Connectors that count, and samplers behind them.
 *
 * @param exporters Of traces, and of metrics.
 */
export function sampling(settings: Settings, exporters: { traces: string[]; metrics: string[] }): Sampling {
	if (metricsFrom(settings) === "tempo")
		return { config: { processors: {} }, pipelines: {}, exporters: exporters.traces };
	const { dimensions } = settings.spanMetrics;
	const samplers = { ...head(settings), ...tail(settings) };
	const counters = {
		span_metrics: {
			namespace: "traces.spanmetrics",
			...(dimensions.length > 0 && { dimensions: dimensions.map((name) => ({ name })) }),
			histogram: { unit: "s", explicit: { buckets: buckets.spans } },
			exemplars: { enabled: true, max_per_data_point: 5 },
			metrics_flush_interval: "5s",
			// As Tempo's generator: a service that says nothing for a quarter of an hour has no series any more.
			metrics_expiration: "15m",
			aggregation_cardinality_limit: sizeOf(settings, "tempo").memoryMiB,
			// One set of series for each service, not for each of its processes.
			resource_metrics_key_attributes: ["service.name"],
		},
		service_graph: {
			latency_histogram_buckets: buckets.edges,
			metrics_flush_interval: "5s",
			store: { ttl: "10s", max_items: 10_000 },
		},
	};
	return {
		config: {
			connectors: { ...counters, "forward/sampled": {} },
			processors: { ...samplers, "transform/span_metrics": renamed },
		},
		pipelines: {
			"traces/sampled": {
				receivers: ["forward/sampled"],
				processors: Object.keys(samplers),
				exporters: exporters.traces,
			},
			"metrics/spans": {
				receivers: Object.keys(counters),
				processors: ["transform/span_metrics"],
				exporters: exporters.metrics,
			},
		},
		exporters: [...Object.keys(counters), "forward/sampled"],
	};
}

/** To the names that Tempo writes: see spanMetrics in links.ts. */
const renamed = {
	// A metric without its name is worse than none.
	error_mode: "propagate",
	metric_statements: [
		{
			context: "metric",
			conditions: ['metric.name == "traces.spanmetrics.duration"'],
			// With a unit, Prometheus would add it to the name.
			statements: ['set(metric.unit, "")', 'set(metric.name, "traces.spanmetrics.latency")'],
		},
		{
			context: "datapoint",
			conditions: ['datapoint.attributes["service.name"] != nil'],
			statements: [
				'set(datapoint.attributes["service"], datapoint.attributes["service.name"])',
				'delete_key(datapoint.attributes, "service.name")',
			],
		},
	],
};

function head({ sampling: { percent } }: Settings): Record<string, unknown> {
	if (percent === 100) return {};
	// By the trace's id: every collector, and every stack with the same share, keeps the same traces.
	return { probabilistic_sampler: { mode: "hash_seed", hash_seed: 1, sampling_percentage: percent } };
}

function tail(settings: Settings): Record<string, unknown> {
	const { tail } = settings.sampling;
	if (!tail) return {};
	const slow = tail.slowerThan ? [{ name: "slow", type: "latency", latency: { threshold_ms: tail.slowerThan } }] : [];
	const errors = tail.errors ? [{ name: "errors", type: "status_code", status_code: { status_codes: ["ERROR"] } }] : [];
	const attributes = tail.attributes.map(({ name, values }) => ({
		name: `attribute ${name}`,
		type: "string_attribute",
		string_attribute:
			values.length > 0 ? { key: name, values } : { key: name, values: [".*"], enabled_regex_matching: true },
	}));
	const rest =
		tail.percent > 0
			? [{ name: "rest", type: "probabilistic", probabilistic: { sampling_percentage: tail.percent } }]
			: [];
	const { memoryMiB } = sizeOf(settings, "collector");
	return {
		tail_sampling: {
			decision_wait: `${tail.waitSeconds}s`,
			// Traces that wait for their decision. A sender is kept waiting rather than one of them thrown away.
			num_traces: memoryMiB * 100,
			block_on_overflow: true,
			// Spans that come after their trace's decision follow it.
			decision_cache: { sampled_cache_size: memoryMiB * 200, non_sampled_cache_size: memoryMiB * 200 },
			policies: [
				{
					name: "asked for",
					type: "numeric_attribute",
					numeric_attribute: { key: keepAttribute, min_value: 1, max_value: 1_000_000 },
				},
				...errors,
				...slow,
				...attributes,
				...rest,
			],
		},
	};
}
