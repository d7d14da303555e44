// What sampling changes in the collector and in Tempo.

import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { platform } from "../../components/platform.ts";
import { metricsFrom } from "../../components/sampling.ts";
import { parseSettings } from "../../settings.ts";

function settings(raw: Record<string, unknown>) {
	return parseSettings(raw, { project: "tracestack", name: "dev" });
}

function workload(service: string, raw: Record<string, unknown>) {
	const all = platform(settings(raw), (name, port) => `${name}:${port}`, { password: "", storeKey: "" });
	return all.find(({ name }) => name === service)!;
}

function configOf(service: string, raw: Record<string, unknown>) {
	const path = { collector: "/etc/otelcol-contrib/config.yaml", tempo: "/etc/tempo/tempo.yaml" }[service] ?? "";
	return parse(workload(service, raw).files[path]?.text ?? "");
}

const tail = { percent: 10, slowerThan: "2s", attributes: [{ name: "run.id" }, { name: "tier", values: ["gold"] }] };

describe("without sampling", () => {
	it("Tempo makes the metrics, and nothing stands between receiver and queue", () => {
		expect(metricsFrom(settings({}))).toBe("tempo");
		const { connectors, service } = configOf("collector", {});
		expect(connectors).toBeUndefined();
		expect(service.pipelines.traces.exporters).toEqual(["otlp_grpc/tempo"]);
		expect(configOf("tempo", {}).metrics_generator.storage.remote_write).toHaveLength(1);
	});
});

describe.each([
	["head", { percent: 25 }, ["probabilistic_sampler"]],
	["tail", { tail }, ["tail_sampling"]],
	["head and tail", { percent: 25, tail }, ["probabilistic_sampler", "tail_sampling"]],
])("%s sampling", (_, sampling, samplers) => {
	const { service, processors } = configOf("collector", { sampling });

	it("counts before it drops", () => {
		expect(metricsFrom(settings({ sampling }))).toBe("collector");
		expect(service.pipelines.traces.exporters).toEqual(["span_metrics", "service_graph", "forward/sampled"]);
		expect(service.pipelines["traces/sampled"]).toEqual({
			receivers: ["forward/sampled"],
			processors: samplers,
			exporters: ["otlp_grpc/tempo"],
		});
		expect(service.pipelines["metrics/spans"].exporters).toEqual(["otlp_http/prometheus"]);
		expect(Object.keys(processors)).toEqual(expect.arrayContaining(samplers));
	});

	it("is the only one that counts", () => {
		const { metrics_generator, overrides } = configOf("tempo", { sampling });
		expect(metrics_generator.storage.remote_write).toEqual([]);
		expect(overrides.defaults.metrics_generator.processors).toEqual([]);
	});

	it("masks secrets before anything is counted, and sends further destinations everything", () => {
		const destinations = [{ name: "far", endpoint: "http://far:4318" }];
		const { service } = configOf("collector", { sampling, destinations });
		expect(service.pipelines.traces.processors).toEqual(["memory_limiter", "redaction", "transform/redaction"]);
		expect(service.pipelines.traces.exporters).toContain("forward/far");
	});
});

describe("tail sampling", () => {
	const { policies, decision_wait, block_on_overflow } = configOf("collector", { sampling: { tail } }).processors
		.tail_sampling;

	it("keeps what is asked for, and a share of the rest", () => {
		expect(policies.map(({ name }: { name: string }) => name)).toEqual([
			"asked for",
			"errors",
			"slow",
			"attribute run.id",
			"attribute tier",
			"rest",
		]);
		expect(policies[2].latency).toEqual({ threshold_ms: 2000 });
		expect(policies[3].string_attribute).toMatchObject({ values: [".*"], enabled_regex_matching: true });
		expect(policies[4].string_attribute).toEqual({ key: "tier", values: ["gold"] });
		expect(policies[5].probabilistic).toEqual({ sampling_percentage: 10 });
	});

	it("waits ten seconds, and lets senders wait rather than lose a trace", () => {
		expect(decision_wait).toBe("10s");
		expect(block_on_overflow).toBe(true);
	});

	it("sees all spans of a trace: there is one collector", () => {
		expect(workload("collector", { sampling: { tail } }).scale).toMatchObject({ min: 1, max: 1 });
	});

	it("can keep nothing but what is asked for", () => {
		const only = { percent: 0, errors: false };
		const { policies } = configOf("collector", { sampling: { tail: only } }).processors.tail_sampling;
		expect(policies.map(({ name }: { name: string }) => name)).toEqual(["asked for"]);
	});
});
