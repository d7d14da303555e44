// Compares the configuration that servers report with the files that they read it from.

import { parse } from "yaml";
import { type Change, isObject } from "../../diff/change.ts";
import { compare } from "../../diff/compare.ts";
import { tempoConfig } from "../../kept.ts";
import { json, text, withQuery } from "../../verify/api.ts";
import type { Context } from "../finding.ts";
import { type Group, loadedGroups, ruleGroups } from "./rules.ts";

/** The configuration that a running server reports. */
export interface Reported {
	/** Paths of the files whose content it reports. */
	files: string[];
	/**
	 * The changes from a file's text to what runs, without the server's own defaults; none where it has loaded this
	 * text.
	 */
	differences(file: string, text: string): Change[];
}

/** Asks a running service; undefined for one that does not report its configuration (the collector, Grafana). */
export function reported(context: Context, service: string): Promise<Reported> | undefined {
	return reporters[service]?.(context);
}

const reporters: Record<string, (context: Context) => Promise<Reported>> = {
	tempo: async ({ endpoints }) => configured("/etc/tempo/tempo.yaml", await tempoConfig(endpoints.tempo)),
	loki: async ({ endpoints }) => configured("/etc/loki/loki.yaml", parse(await text(`${endpoints.loki}/config`))),
	alertmanager: async ({ endpoints }) => {
		const { config } = await json<{ config: { original: string } }>(`${endpoints.alertmanager}/api/v2/status`);
		return configured("/etc/alertmanager/alertmanager.yaml", parse(config.original));
	},
	prometheus: async ({ endpoints: { prometheus } }) => {
		const [status, groups] = await Promise.all([
			json<{ data: { yaml: string } }>(`${prometheus}/api/v1/status/config`),
			json<{ data: { groups: Group[] } }>(withQuery(`${prometheus}/api/v1/rules`, { exclude_alerts: "true" })),
		]);
		const main = configured("/etc/prometheus/prometheus.yaml", parse(status.data.yaml));
		const rules = loadedGroups(groups.data.groups);
		return {
			files: [...main.files, ...rules.keys()],
			differences: (file, content) =>
				main.files.includes(file)
					? main.differences(file, content)
					: compare(ruleGroups(content), rules.get(file) ?? {}),
		};
	},
};

/** Lists that a file need not have: without them, an element that was added by hand would pass for a default. */
const addable: Record<string, unknown> = {
	"/etc/alertmanager/alertmanager.yaml": {
		route: { routes: [] },
		receivers: [],
		inhibit_rules: [],
		time_intervals: [],
	},
	"/etc/prometheus/prometheus.yaml": { scrape_configs: [], remote_write: [], remote_read: [] },
};

function configured(path: string, running: unknown): Reported {
	return {
		files: [path],
		differences: (_, content) =>
			compare(sorted(withAddable(parse(content, { merge: true }), addable[path])), sorted(running), {
				keys: "declared",
				// Prometheus makes these paths absolute; the files are compared themselves.
				skip: (change) => change.path.startsWith("rule_files"),
			}),
	};
}

/** Tempo lists its generator's processors in any order; Alertmanager capitalises the headers of mails. */
function sorted(value: unknown, within = ""): unknown {
	if (isObject(value)) {
		const name = (key: string) => (within === "headers" ? key.toLowerCase() : key);
		return Object.fromEntries(Object.entries(value).map(([key, item]) => [name(key), sorted(item, key)]));
	}
	if (!Array.isArray(value)) return value;
	return value.some((item) => typeof item === "object") ? value.map((item) => sorted(item)) : value.toSorted();
}

function withAddable(declared: unknown, lists: unknown): unknown {
	if (!isObject(lists)) return declared ?? lists;
	const value = isObject(declared) ? declared : {};
	return {
		...value,
		...Object.fromEntries(Object.entries(lists).map(([key, inner]) => [key, withAddable(value[key], inner)])),
	};
}
