// What the servers' own APIs, metrics and logs say is wrong.

import { execa } from "execa";
import { dataSources } from "../../components/links.ts";
import type { Context } from "../drift/finding.ts";
import { ask } from "../query/ask.ts";
import { asAdministrator, type Endpoints, epoch, grafana, text } from "../verify/api.ts";
import { fillingQueues } from "../verify/backlog.ts";
import { errorsOf, todoOf } from "./causes.ts";
import type { Complaint } from "./complaint.ts";
import { services } from "./engine.ts";

/** Path at which each server says whether it is ready. */
const readiness: Partial<Record<keyof Endpoints, string>> = {
	tempo: "/ready",
	prometheus: "/-/ready",
	loki: "/ready",
	alertmanager: "/-/ready",
	grafana: "/api/health",
};

/** Servers that are not ready. */
export async function ready({ endpoints }: Context): Promise<Complaint[]> {
	const asked = Object.entries(readiness).map(async ([name, path]): Promise<Complaint[]> => {
		const address = endpoints[name as keyof Endpoints];
		if (!address) return [];
		try {
			await text(`${address}${path}`);
			return [];
		} catch (error) {
			const seen = (error as Error).message;
			return [
				{
					severity: "broken",
					about: name,
					what: "it is not ready",
					seen,
					todo: "see its log: errors are listed below, docker logs has all of it",
				},
			];
		}
	});
	return (await Promise.all(asked)).flat();
}

/** Datasources of the stack that Grafana can't reach. */
export async function reached({ endpoints }: Context): Promise<Complaint[]> {
	const known = await grafana<{ uid: string; name: string; url: string }[]>(endpoints, "/api/datasources");
	const probes: Record<string, string> = {
		tempo: "/api/echo",
		prometheus: "/-/ready",
		loki: "/ready",
		alertmanager: "/-/ready",
	};
	const ours = new Set(dataSources((name) => name).map(({ uid }) => uid));
	const asked = known
		.filter(({ uid }) => ours.has(uid))
		.map(async ({ uid, name, url }): Promise<Complaint[]> => {
			try {
				// Some of them answer no JSON.
				const url = `${endpoints.grafana}/api/datasources/proxy/uid/${uid}${probes[uid] ?? "/"}`;
				await text(url, { headers: asAdministrator(endpoints) });
				return [];
			} catch (error) {
				return [
					{
						severity: "broken",
						about: "grafana",
						what: `it does not reach ${name} at ${url}`,
						seen: (error as Error).message,
						todo: `is ${name} up, and on the stack's network? ./tracestack drift; ./tracestack pulumi up --refresh restores the datasource`,
					},
				];
			}
		});
	return (await Promise.all(asked)).flat();
}

/**
 * Errors in the logs of the last 15 minutes, with their cause where it is known. What a running server logged while it
 * started is left out: it has passed.
 */
export async function logged(context: Context): Promise<Complaint[]> {
	const asked = services(context).map(async ({ component, inputs: { name } }): Promise<Complaint[]> => {
		const [log, started] = await Promise.all([
			execa("docker", ["logs", "--timestamps", "--since", "15m", name], { reject: false, all: true }),
			execa("docker", ["inspect", "--format", startedAt, name], { reject: false }),
		]);
		if (log.exitCode !== 0) return []; // The container is gone, which another check reports.
		const settled = Date.parse(started.stdout) + startMs;
		return errorsOf(log.all, settled || 0)
			.filter(({ count, cause }) => cause || count >= leastErrors)
			.slice(0, mostErrors)
			.map(({ line, count, cause }) => ({
				severity: cause?.always ? "broken" : "warning",
				about: component,
				what: `${cause?.what ?? "its log has errors"} (${count} in 15 minutes)`,
				seen: line,
				todo: cause ? todoOf(cause, name) : `docker logs --since 15m ${name}`,
			}));
	});
	return (await Promise.all(asked)).flat();
}

/** When a running container was started; empty for a stopped one, all of whose last lines matter. */
const startedAt = "{{if .State.Running}}{{.State.StartedAt}}{{end}}";
/** After so long a server is ready, or logs again why not. */
const startMs = 30_000;

/** An error of unknown cause is reported when it is there so often: a single one needs no action. */
const leastErrors = 3;
/** How many different errors of one service are reported. */
const mostErrors = 3;

/** Alerts that are firing, each with its runbook. */
export async function firing({ endpoints }: Context): Promise<Complaint[]> {
	interface Alert {
		state: string;
		labels: Record<string, string>;
		annotations: Record<string, string>;
	}
	const { data } = await ask<{ data: { alerts: Alert[] } }>(endpoints, "prometheus", "/api/v1/alerts");
	return data.alerts
		.filter(({ state }) => state === "firing")
		.map(({ labels, annotations }) => ({
			severity: labels.severity === "critical" ? "broken" : "warning",
			about: labels.service ?? labels.job ?? "stack",
			what: `the alert ${labels.alertname} is firing`,
			...(annotations.summary && { seen: annotations.summary }),
			todo: annotations.runbook_url ?? "docs/runbooks",
		}));
}

/** Ten minutes, in PromQL. */
export const recently = "600s";

/** Whether spans are refused, queued, discarded or never found on their way from the collector to a search. */
export async function path({ endpoints: e }: Context): Promise<Complaint[]> {
	const [came, refused, waits, discarded, clocks] = await Promise.all([
		sum(e, `increase(otelcol_receiver_accepted_spans[${recently}])`),
		sum(e, `increase(otelcol_receiver_refused_spans[${recently}])`),
		sum(e, fillingQueues, "max"),
		sum(e, `increase(tempo_discarded_spans_total[${recently}])`),
		sum(
			e,
			`increase(tempo_metrics_generator_spans_discarded_total{reason="outside_metrics_ingestion_slack"}[${recently}])`,
		),
	]);
	const { traces = [] } = await ask<{ traces?: unknown[] }>(e, "tempo", "/api/search", {
		q: "{}",
		limit: 1,
		start: epoch(-86_400),
		end: epoch(),
	});
	const complaint = (severity: Complaint["severity"], about: string, what: string, todo: string): Complaint => ({
		severity,
		about,
		what,
		todo,
	});
	return [
		...(refused > 0
			? [
					complaint(
						"broken",
						"collector",
						`it refused ${refused.toFixed(0)} spans in ten minutes; senders try again`,
						"a destination is slow, or its queue or memory is full: docs/runbooks",
					),
				]
			: []),
		...(waits > 0
			? [
					complaint(
						waits > 0.8 ? "broken" : "warning",
						"collector",
						`a queue is ${(waits * 100).toFixed(0)} % full: its destination is down or slow`,
						"./tracestack status, and the errors of the collector and of the destination",
					),
				]
			: []),
		...(discarded > 0
			? [
					complaint(
						"broken",
						"tempo",
						`it discarded ${discarded.toFixed(0)} spans in ten minutes`,
						"the dashboard Platform health shows which limit they exceeded: tempo_discarded_spans_total by reason",
					),
				]
			: []),
		...(clocks > 0
			? [
					complaint(
						"warning",
						"tempo",
						`${clocks.toFixed(0)} spans of ten minutes are not in span metrics: their times are long past, or in the future`,
						"is an application's clock wrong, or did it send late? A search finds them at their own time",
					),
				]
			: []),
		...(traces.length === 0
			? [
					complaint(
						"warning",
						"tempo",
						came > 0
							? "spans arrived, but no search finds any"
							: "it has no trace of the last day: nobody has sent one",
						came > 0
							? "see the queues and errors that are named above; ./tracestack verify follows one trace"
							: "./tracestack verify sends one; ./tracestack up says what to paste into an application",
					),
				]
			: []),
	];
}

/** The sum or the maximum of the series of an instant query; 0 without any. */
export async function sum(e: Endpoints, query: string, how: "sum" | "max" = "sum"): Promise<number> {
	type Answer = { data: { result: { value: [number, string] }[] } };
	const { data } = await ask<Answer>(e, "prometheus", "/api/v1/query", { query: `${how}(${query})` });
	return Number(data.result[0]?.value[1] ?? 0);
}
