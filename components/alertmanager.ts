import type { Settings } from "../settings.ts";
import { renderYaml } from "./render.ts";
import { sizeOf } from "./sizes.ts";
import type { Workload } from "./workload.ts";

const nobody = { uid: 65534, gid: 65534 };

/** Alertmanager: groups, routes and silences alerts. Its volume holds silences and what was already sent. */
export function alertmanager(settings: Settings): Workload {
	const { image, patch } = settings.image("alertmanager");
	return {
		name: "alertmanager",
		description: "groups, routes and silences alerts",
		image,
		command: [
			"--config.file=/etc/alertmanager/alertmanager.yaml",
			"--storage.path=/alertmanager",
			// Silences and what was notified are written this often and at the end: what is younger goes with a crash.
			"--data.maintenance-interval=10s",
			// One instance: nothing to gossip with.
			"--cluster.listen-address=",
			`--log.level=${settings.logLevel}`,
		],
		user: nobody,
		files: { "/etc/alertmanager/alertmanager.yaml": { text: renderYaml("alertmanager/alertmanager.yaml", patch) } },
		env: {},
		secrets: [],
		ports: [{ name: "alertmanager", number: 9093, protocol: "http", reach: "host" }],
		volumes: [
			{
				name: "data",
				path: "/alertmanager",
				sizeGiB: 1,
				owner: nobody,
				ownedByImage: true,
				keep: "replace",
				fs: "any",
			},
		],
		ready: { port: "alertmanager", path: "/-/ready", timeoutSeconds: 60 },
		size: sizeOf(settings, "alertmanager"),
		scale: { min: 1, max: 1, deploy: "stop-first" },
		stopGraceSeconds: 10,
	};
}
