// Alertmanager's API: sends alerts, and checks the path of an alert with one that notifies nobody.

import { parse } from "yaml";
import { smokeAlert } from "../../components/receivers.ts";
import { type Endpoints, json, text, until, withQuery } from "./api.ts";
import type { Link } from "./links.ts";

/** Alerts to send, all with the same annotations. */
interface Sent {
	labels: Record<string, string>[];
	annotations: Record<string, string>;
	/** Milliseconds since 1970. An end in the past resolves an alert that was sent before. */
	from: number;
	to: number;
}

/** Sends alerts to Alertmanager, as Prometheus does. @throws with Alertmanager's answer when it refuses them. */
export async function postAlerts(alertmanager: string, { labels: all, annotations, from, to }: Sent): Promise<void> {
	const [startsAt, endsAt] = [new Date(from).toISOString(), new Date(to).toISOString()];
	const alerts = all.map((labels) => ({ labels, annotations, startsAt, endsAt }));
	const headers = { "content-type": "application/json" };
	try {
		await text(`${alertmanager}/api/v2/alerts`, { method: "POST", headers, body: JSON.stringify(alerts) });
	} catch (error) {
		throw new Error(`Alertmanager did not take the alerts: ${(error as Error).message}`);
	}
}

/** When Alertmanager resolves the alert by itself, in case this process is killed before it does. */
const endsAfterSeconds = 300;

/**
 * The link that alerts take: Alertmanager accepts an alert that its routes send to nobody, shows it and resolves it, and
 * Prometheus knows Alertmanager and can evaluate its rules. Only `alert test` covers receivers, because it notifies people.
 *
 * @param run Label that distinguishes this alert from another run's.
 */
export function alertPath(
	{ alertmanager, prometheus }: Endpoints,
	run: string,
	within: (usual: number) => number,
): Link {
	const labels = { alertname: smokeAlert, service: "smoke", severity: "info", run };
	const annotations = { summary: "this is a test", description: "Sent by ./tracestack smoke. Nothing is wrong." };
	const from = Date.now();
	const held = () => {
		const filter = `run=${JSON.stringify(run)}`;
		return json<{ receivers: { name: string }[] }[]>(withQuery(`${alertmanager}/api/v2/alerts`, { filter }));
	};
	return {
		name: "alert taken and routed",
		hint: "Alertmanager's log, and Status > Rules and targets in Prometheus; ./tracestack alert test tells the receivers",
		check: async () => {
			refuseLoud(await until(within(20), () => configOf(alertmanager)));
			await postAlerts(alertmanager, { labels: [labels], annotations, from, to: from + endsAfterSeconds * 1000 });
			try {
				await until(within(20), async () => {
					const [alert] = await held();
					if (!alert) throw new Error("Alertmanager accepted an alert, and does not show it");
				});
			} finally {
				await postAlerts(alertmanager, { labels: [labels], annotations, from, to: Date.now() });
			}
			await until(within(20), async () => {
				if ((await held()).length > 0) throw new Error("a resolved alert is still active");
			});
			await until(within(20), () => sends(prometheus));
			return "accepted and resolved; Prometheus sends to Alertmanager";
		},
	};
}

async function configOf(alertmanager: string): Promise<string> {
	const { config } = await json<{ config: { original: string } }>(`${alertmanager}/api/v2/status`);
	return config.original;
}

/** Refuses where the alert would notify somebody: a stack that an earlier version deployed has no route for it. */
function refuseLoud(config: string): void {
	if (!isQuiet(config))
		throw new Error("no alert was sent: it would notify somebody. ./tracestack up adds a route that notifies nobody");
}

/** Whether a configuration of Alertmanager notifies nobody of the smoke test's alert. */
export function isQuiet(config: string): boolean {
	type Route = { receiver?: string; matchers?: string[]; continue?: boolean; routes?: Route[] };
	const { route } = parse(config) as { route: Route };
	const first = route.routes?.[0];
	const own =
		first?.matchers?.length === 1 && new RegExp(`^alertname="?${smokeAlert}"?$`).test(first.matchers[0] ?? "");
	// Without further routes everything goes to the default receiver, which is nobody.
	return first ? own && first.receiver === "none" && !first.continue : route.receiver === "none";
}

/** Checks Prometheus. @throws where it knows no Alertmanager, or can't evaluate a rule. */
async function sends(prometheus: string): Promise<void> {
	type Managers = { data: { activeAlertmanagers: unknown[] } };
	const { data: managers } = await json<Managers>(`${prometheus}/api/v1/alertmanagers`);
	if (managers.activeAlertmanagers.length === 0) throw new Error("Prometheus knows no Alertmanager to send to");
	type Rules = { data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] } };
	const { data } = await json<Rules>(`${prometheus}/api/v1/rules?type=alert`);
	const failing = data.groups.flatMap(({ rules }) => rules).find(({ health }) => health === "err");
	if (failing) throw new Error(`Prometheus can't evaluate ${failing.name}: ${failing.lastError ?? "no reason given"}`);
}
