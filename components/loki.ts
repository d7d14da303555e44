import type { Settings } from "../settings.ts";
import { renderYaml } from "./render.ts";
import { sizeOf } from "./sizes.ts";
import type { Workload } from "./workload.ts";

const owner = { uid: 10001, gid: 10001 };

/** Loki's configuration for a stack: the file under configs/ with retention and the log level in place. */
function lokiConfig(settings: Settings): string {
	const { patch } = settings.image("loki");
	return renderYaml(
		"loki/loki.yaml",
		{
			server: { log_level: settings.logLevel },
			limits_config: { retention_period: settings.logs.retention },
		},
		patch,
	);
}

/** Grafana Loki, monolithic: logs with the trace id of each line. */
export function loki(settings: Settings): Workload {
	const instances = settings.logs.enabled ? 1 : 0;
	return {
		name: "loki",
		description: "logs",
		image: settings.image("loki").image,
		command: ["-config.file=/etc/loki/loki.yaml"],
		user: owner,
		files: { "/etc/loki/loki.yaml": { text: lokiConfig(settings) } },
		env: {},
		secrets: [],
		ports: [{ name: "loki", number: 3100, protocol: "http", reach: "outside" }],
		volumes: [{ name: "data", path: "/loki", sizeGiB: 20, owner, ownedByImage: true, keep: "replace", fs: "any" }],
		ready: { port: "loki", path: "/ready", timeoutSeconds: 90 },
		size: sizeOf(settings, "loki"),
		// Switched off, its volume stays, and with it what was logged before.
		scale: { min: instances, max: instances, deploy: "stop-first" },
		stopGraceSeconds: 30,
	};
}
