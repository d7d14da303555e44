// What the servers say of themselves.

import { execa } from "execa";
import { dataSources } from "../../components/links.ts";
import type { Context } from "../drift/finding.ts";
import { ask } from "../query/ask.ts";
import { asAdministrator, type Endpoints, epoch, grafana, text } from "../verify/api.ts";
import { errorsOf, todoOf } from "./causes.ts";
import type { Complaint } from "./complaint.ts";
import { services } from "./engine.ts";

/** Where each says that it does its job. */
const readiness: Partial<Record<keyof Endpoints, string>> = {
	tempo: "/ready",
	prometheus: "/-/ready",
	loki: "/ready",
	alertmanager: "/-/ready",
	grafana: "/api/health",
};

/** Servers that run, and do not answer as ready. */
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
					what: "it does not answer as ready",
					seen,
					todo: "see its log, below or by docker logs",
				},
			];
		}
	});
	return (await Promise.all(asked)).flat();
}

/** Whether Grafana reaches what its datasources name. */
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
						todo: `is ${name} up, and on the stack's network? ./tracestack drift; ./tracestack pulumi up --refresh puts the datasource back`,
					},
				];
			}
		});
	return (await Promise.all(asked)).flat();
}

/**
 * Errors in the logs of the last minutes, the same ones together, with their cause where it is known. What a server that
 * runs wrote while it started is over.
 */
export async function logged(context: Context): Promise<Complaint[]> {
	const asked = services(context).map(async ({ component, inputs: { name } }): Promise<Complaint[]> => {
		const [log, started] = await Promise.all([
			execa("docker", ["logs", "--timestamps", "--since", "15m", name], { reject: false, all: true }),
			execa("docker", ["inspect", "--format", startedAt, name], { reject: false }),
		]);
		if (log.exitCode !== 0) return []; // It is gone, which another check says.
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

/** When a container that runs was started; empty for one that does not, whose last words matter. */
const startedAt = "{{if .State.Running}}{{.State.StartedAt}}{{end}}";
/** By then a server is ready, or says why not again. */
const startMs = 30_000;

/** One error that does not come back is nothing that anybody could do something about. */
const leastErrors = 3;
/** Different errors of one service: more say nothing more. */
const mostErrors = 3;

/** What has been firing, with the page that says what to do. */
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
			what: `the alert ${labels.alertname} fires`,
			...(annotations.summary && { seen: annotations.summary }),
			todo: annotations.runbook_url ?? "docs/runbooks",
		}));
}

/** Ten minutes, in PromQL. */
export const recently = "600s";

/** The path of a span: what came, what was refused, what waits, what was thrown away. */
export async function path({ endpoints: e }: Context): Promise<Complaint[]> {
	const [came, refused, waits, discarded, clocks] = await Promise.all([
		sum(e, `increase(otelcol_receiver_accepted_spans[${recently}])`),
		sum(e, `increase(otelcol_receiver_refused_spans[${recently}])`),
		sum(e, "otelcol_exporter_queue_size / otelcol_exporter_queue_capacity > 0.1", "max"),
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
						"docs/runbooks: what stands behind it is slow, or its queue or memory is full",
					),
				]
			: []),
		...(waits > 0
			? [
					complaint(
						waits > 0.8 ? "broken" : "warning",
						"collector",
						`a queue is ${(waits * 100).toFixed(0)} % full: what it is for is away or slow`,
						"./tracestack status, and the errors of collector and of what it sends to",
					),
				]
			: []),
		...(discarded > 0
			? [
					complaint(
						"broken",
						"tempo",
						`it threw ${discarded.toFixed(0)} spans away in ten minutes`,
						"which limit: tempo_discarded_spans_total by reason in Grafana's Platform health",
					),
				]
			: []),
		...(clocks > 0
			? [
					complaint(
						"warning",
						"tempo",
						`${clocks.toFixed(0)} spans in ten minutes are not counted: they ended long ago, or have yet to`,
						"is an application's clock wrong, or did it send late? Searches find them at their own time",
					),
				]
			: []),
		...(traces.length === 0
			? [
					complaint(
						"warning",
						"tempo",
						came > 0 ? "spans came, and no search finds any" : "it has no trace of the last day: nobody has sent one",
						came > 0
							? "what waits or fails on the way is named above; ./tracestack verify follows one trace"
							: "./tracestack verify sends one; ./tracestack up says what to paste into an application",
					),
				]
			: []),
	];
}

/** Value of a query that yields one number; 0 without a series. */
export async function sum(e: Endpoints, query: string, how: "sum" | "max" = "sum"): Promise<number> {
	type Answer = { data: { result: { value: [number, string] }[] } };
	const { data } = await ask<Answer>(e, "prometheus", "/api/v1/query", { query: `${how}(${query})` });
	return Number(data.result[0]?.value[1] ?? 0);
}
