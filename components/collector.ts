import type { Settings } from "../settings.ts";
import { type Added, destinations } from "./destinations.ts";
import { receivers } from "./receivers.ts";
import { redaction } from "./redaction.ts";
import { parseConfig, renderYaml } from "./render.ts";
import { sizeOf } from "./sizes.ts";
import type { AddressOf, Workload } from "./workload.ts";

const owner = { uid: 10001, gid: 10001 };

/** The collector's configuration for a stack: the file under configs/ with addresses, redaction and destinations in place. */
function collectorConfig(settings: Settings, at: AddressOf, added: Added): string {
	const { patch } = settings.image("collector");
	const logs = settings.logs.enabled;
	const sending_queue = { queue_size: settings.collector.queueMiB * 2 ** 20 };
	const { pipelines } = parseConfig("collector/collector.yaml").service;
	const { processors, of } = redaction(settings);
	const further = receivers(settings).config;
	const pipeline = (signal: keyof typeof of) => ({
		processors: [...pipelines[signal].processors, ...of[signal]],
		exporters: [...pipelines[signal].exporters, ...added.forwards[signal]],
	});
	return renderYaml(
		"collector/collector.yaml",
		{
			receivers: further,
			processors,
			exporters: {
				"otlp_grpc/tempo": { endpoint: at("tempo", 4317), sending_queue },
				"otlp_http/prometheus": { endpoint: `http://${at("prometheus", 9090)}/api/v1/otlp`, sending_queue },
				"otlp_http/loki": logs ? { endpoint: `http://${at("loki", 3100)}/otlp`, sending_queue } : null,
			},
			service: {
				telemetry: { logs: { level: settings.logLevel } },
				pipelines: {
					traces: {
						...pipeline("traces"),
						receivers: [...pipelines.traces.receivers, ...Object.keys(further)],
					},
					metrics: pipeline("metrics"),
					// Without a pipeline a sender of logs is told that they are not taken.
					logs: logs ? pipeline("logs") : null,
					...added.pipelines,
				},
			},
		},
		added.config,
		patch,
	);
}

/** The OpenTelemetry Collector: what applications send to. It acknowledges what it has on disk. */
export function collector(settings: Settings, at: AddressOf): Workload {
	const added = destinations(settings);
	return {
		name: "collector",
		description: "receives traces, metrics and logs by OTLP",
		image: settings.image("collector").image,
		command: ["--config=/etc/otelcol-contrib/config.yaml"],
		user: owner,
		files: { "/etc/otelcol-contrib/config.yaml": { text: collectorConfig(settings, at, added) } },
		env: {},
		secrets: added.secrets,
		ports: [
			{ name: "otlpGrpc", number: 4317, protocol: "grpc", reach: "outside" },
			{ name: "otlpHttp", number: 4318, protocol: "http", reach: "outside" },
			{ name: "collectorHealth", number: 13133, protocol: "http", reach: "outside" },
			{
				name: "collectorMetrics",
				number: 8888,
				protocol: "http",
				reach: settings.ports.collectorMetrics ? "outside" : "stack",
			},
			...receivers(settings).ports,
		],
		volumes: [
			// The image is built FROM scratch and has no such directory; the queue's database is a mapped file.
			{
				name: "queue",
				path: "/var/lib/otelcol",
				sizeGiB: 10,
				owner,
				ownedByImage: false,
				keep: "replace",
				fs: "posix",
			},
		],
		ready: { port: "collectorHealth", path: "/", timeoutSeconds: 60 },
		size: sizeOf(settings, "collector"),
		scale: { min: 1, max: 1, deploy: "stop-first" },
		stopGraceSeconds: 30,
	};
}
