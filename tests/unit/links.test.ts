// The correlation contract: every link between signals leads somewhere, and by the names that the data really has.

import { expect, test } from "vitest";
import { dataSources, spanMetrics, traceIdLabel, uid } from "../../components/links.ts";

const sources = dataSources((name, port) => `${name}:${port}`);

function jsonData(of: string): Record<string, unknown> {
	const source = sources.find((source) => source.uid === of);
	if (!source) throw new Error(`no datasource ${of}`);
	return source.jsonData;
}

/** Every value under this key, however deep. */
function valuesOf(key: string, within: unknown): unknown[] {
	if (typeof within !== "object" || within === null) return [];
	return Object.entries(within).flatMap(([name, value]) => [...(name === key ? [value] : []), ...valuesOf(key, value)]);
}

test("every datasource has a uid of the contract, and every uid a datasource", () => {
	// Reports have theirs where there is an object store: report.test.ts; the long term where a target keeps it:
	// aws-state.test.ts; the archive where it is enabled: archive.test.ts.
	const { reports: _, longTerm: __, archive: ___, ...always } = uid;
	expect(sources.map((source) => source.uid).sort()).toEqual(Object.values(always).sort());
	expect(new Set(sources.map(({ name }) => name)).size).toBe(sources.length);
	expect(sources.filter(({ isDefault }) => isDefault).map((source) => source.uid)).toEqual([uid.prometheus]);
});

test("addresses are those that the target gives", () => {
	expect(Object.fromEntries(sources.map(({ uid, url }) => [uid, url]))).toEqual({
		tempo: "http://tempo:3200",
		prometheus: "http://prometheus:9090",
		loki: "http://loki:3100",
		alertmanager: "http://alertmanager:9093",
	});
});

test("every link leads to a datasource that exists", () => {
	const known = sources.map((source) => source.uid);
	const linked = sources.flatMap((source) => valuesOf("datasourceUid", source.jsonData));
	expect(linked.length).toBeGreaterThan(0);
	expect(linked.filter((target) => !known.includes(target as string))).toEqual([]);
});

test("traces lead to metrics by the names that Tempo writes", () => {
	const { tags, queries } = jsonData(uid.tempo).tracesToMetrics as {
		tags: { key: string; value: string }[];
		queries: { name: string; query: string }[];
	};
	expect(tags).toEqual([{ key: "service.name", value: spanMetrics.labels.service }]);
	for (const { query } of queries) {
		const metrics = query.match(/traces_\w+/g) ?? [];
		expect(metrics.length).toBeGreaterThan(0);
		for (const metric of metrics) expect([spanMetrics.calls, `${spanMetrics.latency}_bucket`]).toContain(metric);
		// What Grafana's trace view does with it. Only its provisioning files write `$$` for `$`: over the API a `$` too many stays.
		const shown = query.replace(/\$__tags/g, 'service="shop"');
		expect(shown).toContain('{service="shop"');
		expect(shown).not.toContain("$");
	}
});

test("an exemplar leads to its trace", () => {
	expect(jsonData(uid.prometheus).exemplarTraceIdDestinations).toMatchObject([
		{ name: traceIdLabel, datasourceUid: uid.tempo },
	]);
});

test("a log line leads to its trace, and a trace to its log lines", () => {
	expect(jsonData(uid.loki).derivedFields).toMatchObject([
		{ matcherType: "label", matcherRegex: traceIdLabel, datasourceUid: uid.tempo },
	]);
	expect(jsonData(uid.tempo).tracesToLogsV2).toMatchObject({
		datasourceUid: uid.loki,
		query: expect.stringContaining(`${traceIdLabel}="`),
	});
});

test("the service map is made from metrics", () => {
	expect(jsonData(uid.tempo)).toMatchObject({
		serviceMap: { datasourceUid: uid.prometheus },
		nodeGraph: { enabled: true },
	});
});
