// The whole stack, wired: settings -> target -> components -> outputs.

import "./quick-start.ts";
import * as pulumi from "@pulumi/pulumi";
import { makeAccess } from "./components/access.ts";
import { archiveSource, daysKept } from "./components/archive.ts";
import { GrafanaContent } from "./components/grafana.ts";
import { dataSources, longTermSource, uid } from "./components/links.ts";
import { dashboards, needsSenders } from "./components/packs.ts";
import { platform } from "./components/platform.ts";
import { reportSource, reportStore } from "./components/reports.ts";
import { metricsFrom } from "./components/sampling.ts";
import { RandomSecret } from "./components/secret.ts";
import { Service } from "./components/service.ts";
import { placeOf, storageOf } from "./components/storage.ts";
import { loadSettings, SettingsError } from "./settings.ts";
import { loadTarget } from "./targets/target.ts";

/** The engine runs this: people get the message of a wrong setting, not a stack trace. */
export default async function stack() {
	try {
		return await make();
	} catch (error) {
		throw error instanceof SettingsError ? new pulumi.RunError(error.message) : error;
	}
}

async function make() {
	const settings = loadSettings();
	const target = await loadTarget(settings);
	const { address: at, offers } = target;

	const problems = await target.preflight(platform(settings, at, { password: "", storeKey: "" }, offers));
	if (problems.length > 0) throw new pulumi.RunError(problems.join("\n"));

	const password = new RandomSecret("grafana-admin").value;
	const storeKey = new RandomSecret("objectstore-key").value;
	const database = offers.database && new RandomSecret("database").value;
	const access = await makeAccess(settings, at);
	const archive = {
		own: offers.database ? "" : new RandomSecret("archive").value,
		reader: settings.archive.enabled ? new RandomSecret("archive-reader").value : undefined,
	};
	const workloads = platform(settings, at, { password, storeKey, access, database, archive }, offers);

	const reports = reportStore(storageOf(settings, at, storeKey, offers.storage));
	const reportsInGrafana = reportSource(settings, reports);
	const archived = archiveSource(settings, at, { ...archive, offered: database }, offers);
	const sources = [
		...dataSources(at, settings.logs.enabled),
		...(offers.metrics ? [longTermSource(offers.metrics)] : []),
		...(reportsInGrafana ? [reportsInGrafana] : []),
		...(archived ? [archived] : []),
	];
	const present = sources.map(({ uid }) => uid);
	const absent = Object.values(uid).filter((one) => !present.includes(one));
	const shown = dashboards(settings.packs, absent);
	const waiting = new Set(settings.packs.filter(needsSenders).map(({ name }) => name));
	const running = Object.fromEntries(
		workloads.map((workload) => [workload.name, new Service({ workload, target }).running]),
	);
	new GrafanaContent("grafana-content", {
		settings,
		sources,
		packs: settings.packs,
		dashboards: shown,
		server: running.grafana!,
		password,
		resolve: target.resolve,
		ca: access.ca,
	});

	return {
		urls: Object.fromEntries(
			workloads.flatMap(({ name, ports }) =>
				ports.flatMap((port) => {
					const entrance = running[name]?.outside[port.name];
					if (!entrance) return [];
					const scheme = port.protocol !== "http" ? "" : entrance.tls ? "https://" : "http://";
					return [[port.name, pulumi.interpolate`${scheme}${entrance.address}`]];
				}),
			),
		),
		dashboards: shown.map(({ uid, title, pack }) => ({ uid, title, pack, needsSenders: waiting.has(pack) })),
		storage: placeOf(settings, offers),
		retention: {
			tempo: settings.tempo.retention,
			prometheus: settings.metrics.retention,
			...(settings.logs.enabled && { loki: settings.logs.retention }),
			...(settings.archive.enabled && { "otel-worker": `${daysKept(settings) * 24}h` }),
		},
		sampling: { metricsFrom: metricsFrom(settings), waitSeconds: settings.sampling.tail?.waitSeconds ?? 0 },
		alerts: {
			env: settings.alerts.env,
			receivers: settings.receivers.map(({ name, severities, envs, teams }) => ({ name, severities, envs, teams })),
		},
		grafanaUser: settings.grafana.adminUser,
		grafanaPassword: password,
		...(reports && { reports: pulumi.secret(pulumi.output(reports)) }),
		...(access.token && { otlpToken: access.token }),
		...(access.ca && { ca: access.ca }),
	};
}
