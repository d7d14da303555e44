import { grafanaUrl, serverUrl } from "../settings/access.ts";
import type { Settings } from "../settings.ts";
import { callsOfReceivers, integration, quietRoute, routesOf, secretsOf } from "./receivers.ts";
import { renderYaml } from "./render.ts";
import { sizeOf } from "./sizes.ts";
import type { Workload } from "./workload.ts";

const nobody = { uid: 65534, gid: 65534 };

/** Alertmanager's configuration for a stack: the file under configs/ with its receivers and who wants what. */
function alertmanagerConfig({ receivers, image }: Settings): string {
	const { patch } = image("alertmanager");
	const base = {
		receivers: [{ name: "none" }, ...receivers.map(integration)],
		route: { routes: [quietRoute, ...routesOf(receivers)] },
	};
	return renderYaml("alertmanager/alertmanager.yaml", receivers.length > 0 ? base : undefined, patch);
}

/** What links in notifications begin with: its own page, or Grafana's page of alerts where others don't reach its own. */
function linkedUrl(settings: Settings): string {
	return serverUrl(settings, "alertmanager") ?? `${grafanaUrl(settings)}/alerting/groups`;
}

/** Alertmanager: groups, routes and silences alerts. Its volume holds silences and what was already sent. */
export function alertmanager(settings: Settings): Workload {
	return {
		name: "alertmanager",
		description: "groups, routes and silences alerts",
		image: settings.image("alertmanager").image,
		command: [
			"--config.file=/etc/alertmanager/alertmanager.yaml",
			"--storage.path=/alertmanager",
			// Silences and what was notified are written this often and at the end: what is younger goes with a crash.
			"--data.maintenance-interval=10s",
			`--web.external-url=${linkedUrl(settings)}`,
			// Or it would answer below the path of that URL only.
			"--web.route-prefix=/",
			// One instance: nothing to gossip with.
			"--cluster.listen-address=",
			// Which receiver a notification failed for is in the metrics, and so in the alert about it.
			"--enable-feature=receiver-name-in-metrics",
			`--log.level=${settings.logLevel}`,
		],
		user: nobody,
		files: { "/etc/alertmanager/alertmanager.yaml": { text: alertmanagerConfig(settings) } },
		env: {},
		secrets: secretsOf(settings.receivers),
		ports: [{ name: "alertmanager", number: 9093, protocol: "http", reach: "host" }],
		calls: callsOfReceivers(settings.receivers),
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
		ready: {
			port: "alertmanager",
			path: "/-/ready",
			timeoutSeconds: 60,
			ask: ["/bin/amtool", "cluster", "show", "--alertmanager.url=http://127.0.0.1:9093"],
		},
		size: sizeOf(settings, "alertmanager"),
		scale: { min: 1, max: 1, deploy: "stop-first" },
		stopGraceSeconds: 10,
	};
}
