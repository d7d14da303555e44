import type { Settings } from "../settings.ts";
import { type Access, certificateFiles, speaksTls } from "./access.ts";
import { callTo } from "./calls.ts";
import { type Added, destinations } from "./destinations.ts";
import { formats } from "./formats.ts";
import { redaction } from "./redaction.ts";
import { type Patch, parseConfig, renderYaml } from "./render.ts";
import { sampling } from "./sampling.ts";
import { sizeOf } from "./sizes.ts";
import type { AddressOf, Workload } from "./workload.ts";

const secrets = "/etc/otelcol-contrib/secrets";
const tokenFile = `${secrets}/otlp-token`;
const owner = { uid: 10001, gid: 10001 };

/** The collector's configuration for a stack: the file under configs/ with addresses, redaction and destinations in place. */
function collectorConfig(settings: Settings, at: AddressOf, added: Added): string {
	const { patch } = settings.image("collector");
	const logs = settings.logs.enabled;
	const sending_queue = { queue_size: settings.collector.queueMiB * 2 ** 20 };
	const { extensions, pipelines } = parseConfig("collector/collector.yaml").service;
	const { processors, of } = redaction(settings);
	const sampled = sampling(settings, { traces: pipelines.traces.exporters, metrics: pipelines.metrics.exporters });
	// A browser asks first whether it may show the token.
	const cors = settings.access.token ? { cors: { allowed_headers: ["*"] } } : {};
	// A gRPC client stays with the collector that it found first: sent away now and then, it finds those that came since.
	const age = { keepalive: { server_parameters: { max_connection_age: "5m", max_connection_age_grace: "30s" } } };
	const several = settings.collector.instances.max > 1 ? age : {};
	const further = formats(settings).config;
	const pipeline = (signal: keyof typeof of, exporters = pipelines[signal].exporters) => ({
		processors: [...pipelines[signal].processors, ...of[signal]],
		exporters: [...exporters, ...added.forwards[signal]],
	});
	return renderYaml(
		"collector/collector.yaml",
		{
			...(settings.access.token && { extensions: { bearertokenauth: { filename: tokenFile } } }),
			receivers: {
				otlp: { protocols: { grpc: { ...guard(settings), ...several }, http: { ...guard(settings), ...cors } } },
				...further,
			},
			processors: { memory_limiter: memoryLimits(settings), ...processors },
			exporters: {
				"otlp_grpc/tempo": {
					endpoint: at("tempo", 4317),
					sending_queue: { ...sending_queue, num_consumers: atOnce(settings) },
				},
				"otlp_http/prometheus": { endpoint: `http://${at("prometheus", 9090)}/api/v1/otlp`, sending_queue },
				"otlp_http/loki": logs ? { endpoint: `http://${at("loki", 3100)}/otlp`, sending_queue } : null,
			},
			service: {
				...(settings.access.token && { extensions: [...extensions, "bearertokenauth"] }),
				telemetry: { logs: { level: settings.logLevel } },
				pipelines: {
					traces: {
						...pipeline("traces", sampled.exporters),
						receivers: [...pipelines.traces.receivers, ...Object.keys(further)],
					},
					metrics: pipeline("metrics"),
					// Without a pipeline a sender of logs is told that they are not taken.
					logs: logs ? pipeline("logs") : null,
					...sampled.pipelines,
					...added.pipelines,
				},
			},
		},
		sampled.config,
		added.config,
		patch,
	);
}

/** 80 and 20 % of the collector's memory, as upstream advises: https://github.com/open-telemetry/opentelemetry-collector/tree/main/processor/memorylimiterprocessor */
function memoryLimits(settings: Settings): Patch {
	const { memoryMiB } = sizeOf(settings, "collector");
	return { limit_mib: Math.floor(memoryMiB * 0.8), spike_limit_mib: Math.floor(memoryMiB * 0.2) };
}

/** What a receiver that others reach asks for and shows. Its configuration names files: secrets are in none. */
function guard(settings: Settings): Patch {
	const { files } = certificateFiles(settings, secrets, {});
	return {
		...(settings.access.token && { auth: { authenticator: "bearertokenauth" } }),
		...(files && { tls: { cert_file: files.certificate, key_file: files.key } }),
	};
}

/**
 * Messages to Tempo at the same time. One of 2 MiB takes it about 35 MB of memory while it is decoded (measured): eight of
 * them had a Tempo of 1 GiB killed that drained a queue for minutes.
 */
function atOnce(settings: Settings): number {
	return Math.min(8, Math.max(2, sizeOf(settings, "tempo").memoryMiB / 512));
}

/** What all queues take on disk when they are full, and a quarter more: a page of their database is rarely full. At least 10. */
function queuesGiB({ collector, logs, archive, destinations }: Settings): number {
	const backends = 2 + (logs.enabled ? 1 : 0) + (archive.enabled ? 1 : 0);
	// An exporter has a queue for each signal.
	const further = destinations.reduce((sum, { signals, queueMiB }) => sum + signals.length * queueMiB, 0);
	return Math.max(10, Math.ceil(((backends * collector.queueMiB + further) / 1024) * 1.25));
}

/** The OpenTelemetry Collector: what applications send to. It acknowledges what it has on disk. */
export function collector(settings: Settings, at: AddressOf, access: Access = {}): Workload {
	const added = destinations(settings, at);
	const tls = speaksTls(settings);
	const token = settings.access.token ? [{ value: access.token ?? "", as: { file: tokenFile } }] : [];
	return {
		name: "collector",
		description: "receives traces, metrics and logs by OTLP",
		image: settings.image("collector").image,
		command: ["--config=/etc/otelcol-contrib/config.yaml"],
		user: owner,
		files: { "/etc/otelcol-contrib/config.yaml": { text: collectorConfig(settings, at, added) } },
		env: {},
		secrets: [...token, ...certificateFiles(settings, secrets, access).secrets, ...added.secrets],
		ports: [
			{ name: "otlpGrpc", number: 4317, protocol: "grpc", tls, reach: "outside", audience: "applications" },
			{ name: "otlpHttp", number: 4318, protocol: "http", tls, reach: "outside", audience: "applications" },
			{ name: "collectorHealth", number: 13133, protocol: "http", reach: "host" },
			{
				name: "collectorMetrics",
				number: 8888,
				protocol: "http",
				reach: settings.ports.collectorMetrics ? "host" : "stack",
			},
			...formats(settings).ports,
		],
		calls: settings.destinations.map(({ endpoint }) => callTo(endpoint)),
		volumes: [
			// The image is built FROM scratch and has no such directory; the queue's database is a mapped file.
			{
				name: "queue",
				path: "/var/lib/otelcol",
				sizeGiB: queuesGiB(settings),
				owner,
				ownedByImage: false,
				keep: "replace",
				fs: "posix",
			},
		],
		ready: { port: "collectorHealth", path: "/", timeoutSeconds: 60 },
		size: sizeOf(settings, "collector"),
		// Each has a queue of its own.
		scale: { ...settings.collector.instances, deploy: "rolling" },
		stopGraceSeconds: 30,
	};
}
