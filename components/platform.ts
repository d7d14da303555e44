import type { Input } from "@pulumi/pulumi";
import type { Settings } from "../settings.ts";
import { alertmanager } from "./alertmanager.ts";
import { collector } from "./collector.ts";
import { grafanaServer } from "./grafana.ts";
import { loki } from "./loki.ts";
import { prometheus } from "./prometheus.ts";
import { tempo } from "./tempo.ts";
import type { AddressOf, Workload } from "./workload.ts";

/** Everything that a stack runs. Add a service here, and targets, preflight and the linters have it. */
export function platform(settings: Settings, at: AddressOf, password: Input<string>): Workload[] {
	return [
		tempo(settings, at),
		collector(settings, at),
		prometheus(settings, at),
		loki(settings),
		alertmanager(settings),
		grafanaServer(settings, password),
	];
}
