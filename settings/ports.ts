// Settings about published ports.

import { z } from "zod";
import type { Conflict } from "./explain.ts";
import { objectAt, type Raw } from "./raw.ts";

/** Ports published where nothing says otherwise, by preset. A service that is in none is not published. */
export const portPresets = {
	/** The upstream defaults, which SDKs assume. */
	default: {
		grafana: 3000,
		otlpGrpc: 4317,
		otlpHttp: 4318,
		tempo: 3200,
		prometheus: 9090,
		loki: 3100,
		alertmanager: 9093,
		collectorHealth: 13133,
		objectStore: 7070,
		postgres: 15432,
		otelWorker: 13234,
		temporalPoller: 13233,
		jaegerGrpc: 14250,
		jaegerThriftHttp: 14268,
		zipkin: 9411,
	},
	/** A running Jaeger holds the ports for OTLP, its own formats and Zipkin's; its second version 8888 and 13133 as well. */
	"beside-jaeger": {
		grafana: 3000,
		otlpGrpc: 4320,
		otlpHttp: 4319,
		tempo: 3200,
		prometheus: 9090,
		loki: 3100,
		alertmanager: 9093,
		collectorHealth: 13134,
		collectorMetrics: 8890,
		objectStore: 7070,
		postgres: 15432,
		otelWorker: 13234,
		temporalPoller: 13233,
		jaegerGrpc: 14350,
		jaegerThriftHttp: 14368,
		zipkin: 9511,
	},
} as const satisfies Record<string, Record<string, number>>;

/** A published port; its default is the preset's. */
function port(name: string, purpose: string) {
	const [plain, jaeger] = [portPresets.default, portPresets["beside-jaeger"]].map(
		(preset: Record<string, number>) => preset[name] ?? "not published",
	);
	return z
		.int()
		.min(1)
		.max(65535)
		.optional()
		.meta({
			description: purpose,
			allowed: "a port from 1 to 65535",
			defaultInWords: plain === jaeger ? `${plain}` : `${plain}; beside-jaeger: ${jaeger}`,
		});
}

/** Published ports. */
export const ports = z
	.strictObject({
		preset: z
			.enum(Object.keys(portPresets) as (keyof typeof portPresets)[])
			.default("default")
			.meta({ description: "Defaults of the ports below." }),
		grafana: port("grafana", "Grafana."),
		otlpGrpc: port("otlpGrpc", "OTLP over gRPC: where applications send."),
		otlpHttp: port("otlpHttp", "OTLP over HTTP: where applications send."),
		tempo: port("tempo", "Tempo's API."),
		tempoOtlpHttp: port("tempoOtlpHttp", "Tempo's own OTLP over HTTP, bypassing the collector and its queue on disk."),
		prometheus: port("prometheus", "Prometheus."),
		loki: port("loki", "Loki's API."),
		alertmanager: port("alertmanager", "Alertmanager."),
		collectorHealth: port("collectorHealth", "The collector's health check."),
		collectorMetrics: port("collectorMetrics", "The collector's own metrics."),
		objectStore: port("objectStore", "The stack's own S3 server, with `storage: { backend: s3 }`."),
		postgres: port("postgres", "The archive's PostgreSQL, if `archive` is on."),
		otelWorker: port("otelWorker", "otel-worker, which stores spans in PostgreSQL, if `archive` is on."),
		temporalPoller: port("temporalPoller", "Status of the Temporal poller, if `temporal` is set."),
		jaegerGrpc: port("jaegerGrpc", "Jaeger's format over gRPC, if `collector.jaeger` is on."),
		jaegerThriftHttp: port("jaegerThriftHttp", "Jaeger's Thrift over HTTP, if `collector.jaeger` is on."),
		zipkin: port("zipkin", "Zipkin's API, if `collector.zipkin` is on."),
	})
	.prefault({})
	.meta({ description: "Published ports, on 127.0.0.1; those of Grafana and OTLP on `bindAddress`." });

/** Two ports with one number, of those that something listens on. */
export function portConflicts(raw: Raw): Conflict[] {
	const { preset, ...given } = objectAt(raw, "ports");
	const defaults = portPresets[preset as keyof typeof portPresets] ?? portPresets.default;
	const { backend, endpoint } = objectAt(raw, "storage");
	const absent = new Set<string>();
	if (objectAt(raw, "logs").enabled === false) absent.add("loki");
	if (backend !== "s3" || endpoint !== undefined) absent.add("objectStore");
	const { jaeger, zipkin } = objectAt(raw, "collector");
	if (jaeger !== true) for (const name of ["jaegerGrpc", "jaegerThriftHttp"]) absent.add(name);
	if (zipkin !== true) absent.add("zipkin");
	if (raw.temporal === undefined) absent.add("temporalPoller");
	const archive = objectAt(raw, "archive");
	if (archive.enabled !== true) absent.add("otelWorker");
	if (archive.enabled !== true || archive.database !== undefined) absent.add("postgres");
	const ports = Object.entries({ ...defaults, ...given }).filter(([name]) => !absent.has(name));
	return ports.flatMap(([name, number], i) =>
		ports
			.slice(i + 1)
			.filter(([, other]) => other === number)
			.map(([other]) => ({ path: ["ports"], problem: `has ${number} for both ${name} and ${other}` })),
	);
}
