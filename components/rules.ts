// Alert rules as a stack gets them: those of its packs, and its thresholds as series that they compare with.

import { parse, stringify } from "yaml";
import type { Settings } from "../settings.ts";

interface Rule {
	annotations?: { runbook_url?: string };
}

interface RuleFile {
	groups: { name: string; rules: Rule[] }[];
}

/** Every rule file of a stack, by name. */
export function ruleFiles(settings: Settings): { name: string; text: string }[] {
	const { runbooks } = settings.alerts;
	const ofPacks = settings.packs
		.flatMap(({ rules }) => rules)
		.map(({ name, text }) => ({ name, text: runbooks ? located(text, runbooks) : text }));
	return [...ofPacks, { name: "thresholds.yaml", text: stringify(thresholds(settings), { lineWidth: 0 }) }];
}

/** Runbooks where a browser finds them. */
function located(text: string, base: string): string {
	const file = parse(text, { merge: true }) as RuleFile;
	for (const { annotations } of file.groups.flatMap((group) => group.rules))
		if (annotations?.runbook_url) annotations.runbook_url = `${base.replace(/\/$/, "")}/${annotations.runbook_url}`;
	return stringify(file, { aliasDuplicateObjects: false, lineWidth: 0 });
}

/**
 * What is too much, as series: without a label for all services, with the label `service` for one of them. So the rules are
 * the same files in every stack, and a graph can show the line that an alert compares with.
 */
function thresholds({ alerts, services, temporal }: Settings) {
	const series = (name: string, value: number | undefined, labels?: Record<string, string>) =>
		value === undefined
			? []
			: [{ record: `tracestack_threshold_${name}`, expr: `vector(${value})`, ...(labels && { labels }) }];
	const of = (
		{ errorRatio, p95Seconds, trafficDrop }: Partial<Pick<typeof alerts, "errorRatio" | "p95Seconds" | "trafficDrop">>,
		labels?: Record<string, string>,
	) => [
		...series("error_ratio", errorRatio, labels),
		...series("p95_seconds", p95Seconds, labels),
		...series("traffic_drop", trafficDrop, labels),
	];
	const silence = alerts.silence && Number.parseInt(alerts.silence, 10) * 60;
	const own = services.flatMap(({ name, team, ...given }) =>
		// Whoever has a team has all thresholds: the label comes with them.
		of({ ...alerts, ...given }, { service: name, ...(team && { team }) }),
	);
	const rules = [
		...of(alerts),
		...series("requests_per_second", alerts.minRequestsPerSecond),
		...series("silence_seconds", silence || undefined),
		...own,
		// What is asked for, so that what does not come is missed.
		...(temporal?.namespaces ?? []).map((namespace) => ({
			record: "tracestack_temporal_namespace",
			expr: "vector(1)",
			labels: { namespace },
		})),
	];
	return { groups: [{ name: "thresholds", rules }] };
}
