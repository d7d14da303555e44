import type { Settings } from "../settings.ts";
import { traceIdLabel } from "./links.ts";
import { renderYaml } from "./render.ts";
import type { AddressOf, Workload } from "./workload.ts";

const owner = { uid: 10001, gid: 10001 };

/** Tempo's configuration for a stack: the file under configs/ with retention, addresses and the log level in place. */
export function tempoConfig(settings: Settings, at: AddressOf): string {
	const { patch } = settings.image("tempo");
	const retention = { block_retention: settings.tempo.retention };
	const prometheus = {
		url: `http://${at("prometheus", 9090)}/api/v1/write`,
		send_exemplars: true,
		send_native_histograms: true,
	};
	return renderYaml(
		"tempo/tempo.yaml",
		{
			server: { log_level: settings.logLevel },
			metrics_generator: { storage: { remote_write: [prometheus] } },
			// The one place where the 3.0 line and the 2.8 line both read retention.
			overrides: { defaults: { compaction: retention, metrics_generator: { trace_id_label_name: traceIdLabel } } },
		},
		patch,
	);
}

/** Grafana Tempo, monolithic: stores traces, and makes span metrics and the service graph from them. */
export function tempo(settings: Settings, at: AddressOf): Workload {
	return {
		name: "tempo",
		description: "traces, span metrics and service graph",
		image: settings.image("tempo").image,
		command: ["-config.file=/etc/tempo/tempo.yaml"],
		user: owner,
		files: { "/etc/tempo/tempo.yaml": { text: tempoConfig(settings, at) } },
		env: {},
		secrets: [],
		ports: [
			{ name: "tempo", number: 3200, protocol: "http", reach: "outside" },
			{ name: "otlp", number: 4317, protocol: "grpc", reach: "stack" },
		],
		volumes: [{ name: "data", path: "/var/tempo", sizeGiB: 50, owner, ownedByImage: true, keep: "replace", fs: "any" }],
		ready: { port: "tempo", path: "/ready", timeoutSeconds: 60 },
		size: { cpu: 1, memoryMiB: 2048 },
		// Two monolithic instances on one volume are not supported.
		scale: { min: 1, max: 1, deploy: "stop-first" },
		stopGraceSeconds: 30,
	};
}
