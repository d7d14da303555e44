// `./tracestack alert test`: alerts that reach every receiver, followed until Alertmanager has notified each.

import { setTimeout as sleep } from "node:timers/promises";
import type { Receiver } from "../components/receivers.ts";
import { outputs, prepare, type StackOptions } from "./engine.ts";
import { folded, paint, progress, seconds, UserError } from "./output.ts";
import { postAlerts } from "./verify/alerts.ts";
import { epoch, text } from "./verify/api.ts";
import { endpointsOf } from "./verify/verify.ts";

/** What a stack's output says about alerts. */
export interface Alerts {
	env: string;
	receivers: Pick<Receiver, "name" | "severities" | "envs" | "teams">[];
}

/** What became of a receiver's notification. */
interface Delivery {
	receiver: string;
	ok: boolean;
	seconds: number;
	detail: string;
}

/** Alertmanager waits ten seconds for more alerts of a group, then tries for a minute. */
const limitSeconds = 60;

/** Returns the exit code: 1 when a receiver was not notified. */
export async function alertTestCommand(options: StackOptions & { json?: boolean }): Promise<number> {
	const now = await outputs(await prepare(options, "look"), options.stack);
	const { alertmanager } = endpointsOf(options.stack, now);
	const { receivers = [], env = "" } = now.alerts ?? {};
	if (receivers.length === 0)
		throw new UserError(`The stack ${options.stack} has no receivers of alerts: see receivers in docs/settings.md.`);
	const deliveries = await alertTest(alertmanager, { receivers, env });
	if (options.json)
		process.stdout.write(`${JSON.stringify({ stack: options.stack, receivers: deliveries }, null, 2)}\n`);
	return deliveries.every(({ ok }) => ok) ? 0 : 1;
}

/** The labels of the fewest alerts of which every receiver wants one. */
export function testAlerts({ receivers, env }: Alerts): Record<string, string>[] {
	const wanted = receivers.map(({ severities, envs, teams }) => {
		const severity = severities[0] ?? "critical";
		// Under one name the critical one would inhibit the warning.
		const alertname = `Test${severity[0]?.toUpperCase()}${severity.slice(1)}`;
		return { alertname, service: "alert-test", severity, env: envs[0] ?? env, ...(teams[0] && { team: teams[0] }) };
	});
	return [...new Map(wanted.map((labels) => [JSON.stringify(labels), labels])).values()];
}

/** Sends the alerts, and waits for Alertmanager to notify every receiver or to run out of time. */
export async function alertTest(alertmanager: string, alerts: Alerts): Promise<Delivery[]> {
	const started = Date.now();
	const names = alerts.receivers.map(({ name }) => name);
	const before = await requests(alertmanager);
	const labels = testAlerts(alerts);
	const annotations = {
		summary: "this is a test",
		description: `Sent by ./tracestack alert test at ${new Date(epoch() * 1000).toISOString()}. Nothing is wrong.`,
	};
	const sent = { labels, annotations, from: started };
	await postAlerts(alertmanager, { ...sent, to: started + 2 * limitSeconds * 1000 });
	const what = labels.length === 1 ? "one alert" : `${labels.length} alerts`;
	progress(folded(`sent ${what}; waiting for ${names.join(", ")} (up to ${limitSeconds} s)`));
	const deliveries = new Map<string, Delivery>();
	for (;;) {
		const now = await requests(alertmanager);
		const over = Date.now() - started > limitSeconds * 1000;
		for (const name of names.filter((name) => !deliveries.has(name))) {
			const since = (of: Count) => {
				const [was, is] = [before.get(name)?.[of] ?? 0, now.get(name)?.[of] ?? 0];
				// A counter that is smaller than before was reset, by a restart.
				return is < was ? is : is - was;
			};
			const taken = since("made") - since("failed");
			if (taken <= 0 && !over) continue;
			const detail =
				taken > 0
					? "delivered"
					: since("failed") > 0
						? `refused ${since("failed")} times: Alertmanager's log says why`
						: "no notification was sent: is it silenced, or inhibited? Alertmanager's own page shows it";
			const took = Number(((Date.now() - started) / 1000).toFixed(1));
			deliveries.set(name, { receiver: name, ok: taken > 0, seconds: took, detail });
			const mark = taken > 0 ? paint("green", "✓", process.stderr) : paint("red", "✗", process.stderr);
			progress(`  ${mark} ${name.padEnd(20)} ${seconds(started).padStart(6)}${taken > 0 ? `  ${detail}` : ""}`);
			if (taken <= 0) progress(folded(`      ${detail}`));
		}
		if (deliveries.size === names.length) break;
		await sleep(500);
	}
	await postAlerts(alertmanager, { ...sent, to: Date.now() });
	return names.flatMap((name) => deliveries.get(name) ?? []);
}

type Count = "made" | "failed";

/** Requests that Alertmanager made for each receiver. */
async function requests(alertmanager: string): Promise<Map<string, Record<Count, number>>> {
	const metrics = await text(`${alertmanager}/metrics`);
	const counts = new Map<string, Record<Count, number>>();
	const line = /^alertmanager_notification_requests_(failed_)?total\{(.*)\} (\S+)$/gm;
	for (const [, failed, labels = "", value] of metrics.matchAll(line)) {
		const name = /receiver_name="([^"]*)"/.exec(labels)?.[1];
		if (name === undefined) continue;
		const count = counts.get(name) ?? { made: 0, failed: 0 };
		count[failed ? "failed" : "made"] += Number(value);
		counts.set(name, count);
	}
	return counts;
}
