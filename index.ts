// The whole stack, wired: settings -> target -> components -> outputs.

import * as pulumi from "@pulumi/pulumi";
import { alertmanager } from "./components/alertmanager.ts";
import { collector } from "./components/collector.ts";
import { AdminPassword, GrafanaContent, grafanaServer } from "./components/grafana.ts";
import { uid } from "./components/links.ts";
import { loki } from "./components/loki.ts";
import { dashboards, packs } from "./components/packs.ts";
import { prometheus } from "./components/prometheus.ts";
import { Service } from "./components/service.ts";
import { tempo } from "./components/tempo.ts";
import type { Workload } from "./components/workload.ts";
import { loadSettings, SettingsError } from "./settings.ts";
import { loadTarget } from "./targets/target.ts";

export default async function stack() {
	const settings = orExplain(loadSettings);
	const target = await loadTarget(settings);
	const at = target.address;

	const plan = (password: pulumi.Input<string>): Workload[] => [
		tempo(settings, at),
		collector(settings, at),
		prometheus(settings, at),
		loki(settings),
		alertmanager(settings),
		grafanaServer(settings, password),
	];
	const problems = await target.preflight(orExplain(() => plan("")));
	if (problems.length > 0) throw new pulumi.RunError(problems.join("\n"));

	const password = new AdminPassword("grafana-admin").value;
	const workloads = plan(password);

	const absent = settings.logs.enabled ? undefined : uid.loki;
	const shown = dashboards(settings.packs, absent);
	const running = Object.fromEntries(
		workloads.map((workload) => [workload.name, new Service({ workload, target }).running]),
	);
	new GrafanaContent("grafana-content", {
		settings,
		at,
		packs: packs(settings.packs),
		dashboards: shown,
		server: running.grafana!,
		password,
	});

	return {
		urls: Object.fromEntries(
			workloads.flatMap(({ name, ports }) =>
				ports
					.filter((port) => running[name]?.outside[port.name])
					.map((port) => [
						port.name,
						pulumi.interpolate`${port.protocol === "grpc" ? "" : "http://"}${running[name]?.outside[port.name]}`,
					]),
			),
		),
		dashboards: shown.map(({ uid, title }) => ({ uid, title })),
		grafanaUser: settings.grafana.adminUser,
		grafanaPassword: password,
	};
}

/** People get the message of a wrong setting, not a stack trace. */
function orExplain<T>(make: () => T): T {
	try {
		return make();
	} catch (error) {
		throw error instanceof SettingsError ? new pulumi.RunError(error.message) : error;
	}
}
