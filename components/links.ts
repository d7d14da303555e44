// The names that make correlation work. Everything that links one signal to another takes them from here: datasources,
// verify, and the linter that holds every dashboard against them.

import type { Input } from "@pulumi/pulumi";
import type { AddressOf, Offers } from "./workload.ts";

/** Datasource uids. Dashboards and saved links contain them: changing one breaks links that people have shared. */
export const uid = {
	tempo: "tempo",
	prometheus: "prometheus",
	loki: "loki",
	alertmanager: "alertmanager",
	/** What outlives Prometheus; only where the target has a store for it. */
	longTerm: "prometheus-long-term",
	/** What `report push` has stored; only where there is an object store. */
	reports: "reports",
	/** Spans in PostgreSQL; only where `archive` is on. */
	archive: "archive",
} as const;

/** Grafana's plugin that reads JSON out of an object store. A pack whose panels do so lists it in its pack.yaml. */
export const infinity = "yesoreyeram-infinity-datasource";

/** Grafana's datasource of PostgreSQL, by the name that each of its versions knows. */
export const postgresql = "postgres";

/** Grafana's plugin for Amazon Managed Prometheus: its own Prometheus datasource no longer signs requests. */
export const amazonPrometheus = {
	type: "grafana-amazonprometheus-datasource",
	plugin: "grafana-amazonprometheus-datasource@3.3.5",
} as const;

/** What marks our versions of a dashboard in Grafana's history: any other was made by hand. */
export const dashboardMessage = "tracestack";

/** The label of an exemplar, and the structured metadata of a log line, that holds a trace id. */
export const traceIdLabel = "trace_id";

/** What Tempo's span-metrics processor writes. */
export const spanMetrics = {
	calls: "traces_spanmetrics_calls_total",
	/** Classic histogram: add `_bucket`, `_count`, `_sum`. Seconds. */
	latency: "traces_spanmetrics_latency",
	labels: { service: "service", spanName: "span_name", spanKind: "span_kind", statusCode: "status_code" },
	error: "STATUS_CODE_ERROR",
} as const;

/** What Tempo's service-graphs processor writes. */
export const serviceGraph = {
	requests: "traces_service_graph_request_total",
	failed: "traces_service_graph_request_failed_total",
	serverSeconds: "traces_service_graph_request_server_seconds",
	labels: { client: "client", server: "server" },
} as const;

/** What `report push` makes of an envelope's numbers and trace ids. */
export const reportMetrics = {
	value: "report_value",
	trace: "report_trace",
	labels: { source: "source", runId: "run_id", branch: "branch", field: "field", traceId: "trace_id" },
} as const;

/** Loki's label for a span's `service.name`. */
export const logServiceLabel = "service_name";

/**
 * A link into Grafana's Explore.
 *
 * @param query TraceQL, or a trace's id.
 * @param range Of time, in milliseconds since 1970.
 */
export function exploreTraces(grafana: string, query: string, range: { from: number; to: number }): string {
	const datasource = { type: "tempo", uid: uid.tempo };
	const pane = {
		datasource: uid.tempo,
		queries: [{ refId: "A", datasource, queryType: "traceql", query }],
		range: { from: String(range.from), to: String(range.to) },
	};
	const panes = encodeURIComponent(JSON.stringify({ traces: pane }));
	// In Markdown a bracket would end the link.
	return `${grafana}/explore?schemaVersion=1&panes=${panes.replaceAll("(", "%28").replaceAll(")", "%29")}`;
}

/** A Grafana datasource as data. */
export interface DataSource {
	uid: string;
	name: string;
	type: string;
	url: string;
	isDefault: boolean;
	/** Who asks, where that is no part of `jsonData`. @default nobody */
	username?: string;
	jsonData: Record<string, unknown>;
	/** JSON that is never shown. */
	secrets?: Input<string>;
}

/**
 * Every datasource with the links that lead out of it.
 *
 * @param logs False where no Loki runs: then nothing leads there.
 */
export function dataSources(at: AddressOf, logs = true): DataSource[] {
	// Clocks of services differ, and a metric is scraped after the span that it counts.
	const around = { spanStartTimeShift: "-5m", spanEndTimeShift: "5m" };
	const serviceTag = [{ key: "service.name", value: spanMetrics.labels.service }];
	const sources = [
		{
			uid: uid.tempo,
			name: "Tempo",
			type: "tempo",
			url: `http://${at("tempo", 3200)}`,
			isDefault: false,
			jsonData: {
				...(logs && {
					tracesToLogsV2: {
						datasourceUid: uid.loki,
						...around,
						tags: [{ key: "service.name", value: logServiceLabel }],
						customQuery: true,
						query: `{\${__tags}} | ${traceIdLabel}="\${__span.traceId}"`,
					},
				}),
				tracesToMetrics: {
					datasourceUid: uid.prometheus,
					...around,
					tags: serviceTag,
					queries: [
						{ name: "Request rate", query: `sum by (span_name) (rate(${spanMetrics.calls}{$__tags}[5m]))` },
						{
							name: "Error rate",
							query: `sum by (span_name) (rate(${spanMetrics.calls}{$__tags, ${spanMetrics.labels.statusCode}="${spanMetrics.error}"}[5m]))`,
						},
						{
							name: "p95 duration",
							query: `histogram_quantile(0.95, sum by (le, span_name) (rate(${spanMetrics.latency}_bucket{$__tags}[5m])))`,
						},
					],
				},
				serviceMap: { datasourceUid: uid.prometheus },
				nodeGraph: { enabled: true },
				search: { hide: false },
				traceQuery: { timeShiftEnabled: true, spanStartTimeShift: "-1h", spanEndTimeShift: "1h" },
				spanBar: { type: "Duration" },
				streamingEnabled: { search: true, metrics: true },
			},
		},
		{
			uid: uid.prometheus,
			name: "Prometheus",
			type: "prometheus",
			url: `http://${at("prometheus", 9090)}`,
			isDefault: true,
			jsonData: {
				httpMethod: "POST",
				prometheusType: "Prometheus",
				timeInterval: "15s",
				exemplarTraceIdDestinations: [{ name: traceIdLabel, datasourceUid: uid.tempo, urlDisplayLabel: "View trace" }],
			},
		},
		{
			uid: uid.loki,
			name: "Loki",
			type: "loki",
			url: `http://${at("loki", 3100)}`,
			isDefault: false,
			jsonData: {
				derivedFields: [
					{
						name: traceIdLabel,
						matcherType: "label",
						matcherRegex: traceIdLabel,
						// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own variable
						url: "${__value.raw}",
						urlDisplayLabel: "View trace",
						datasourceUid: uid.tempo,
					},
				],
			},
		},
		{
			uid: uid.alertmanager,
			name: "Alertmanager",
			type: "alertmanager",
			url: `http://${at("alertmanager", 9093)}`,
			isDefault: false,
			jsonData: { implementation: "prometheus", handleGrafanaManagedAlerts: false },
		},
	];
	return logs ? sources : sources.filter((source) => source.uid !== uid.loki);
}

/** The datasource of what outlives Prometheus. It has no exemplars: from there no link leads to a trace. */
export function longTermSource({ url, region }: NonNullable<Offers["metrics"]>): DataSource {
	return {
		uid: uid.longTerm,
		name: "Prometheus (long term)",
		type: amazonPrometheus.type,
		url,
		isDefault: false,
		// The task's role signs: the SDK's own chain finds it.
		jsonData: { httpMethod: "POST", sigV4Auth: true, sigV4AuthType: "default", sigV4Region: region },
	};
}
