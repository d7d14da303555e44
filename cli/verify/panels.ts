// Every query of every dashboard, run as Grafana would run it.

import { serviceGraph, uid } from "../../components/links.ts";
import { type Endpoints, epoch, grafana, withQuery } from "./api.ts";

interface Target {
	refId: string;
	datasource?: { uid?: string };
	expr?: string;
	query?: string;
	queryType?: string;
	/** Selectors of a service map; Grafana's frontend runs them against the metrics of the service graph. */
	serviceMapQuery?: string | string[];
	instant?: boolean;
	hide?: boolean;
}

interface Panel {
	title: string;
	type: string;
	datasource?: { uid?: string };
	targets?: Target[];
	panels?: Panel[];
}

interface Model {
	title: string;
	panels: Panel[];
	templating?: { list: { name: string; type: string; query?: unknown; current?: { value?: unknown } }[] };
}

/**
 * Runs every panel's queries over the last 15 minutes against the dashboards that Grafana has now.
 *
 * @throws with the panels that fail or have no data.
 */
export async function checkPanels(e: Endpoints, traceId: string): Promise<string> {
	const problems: string[] = [];
	let queries = 0;
	for (const { uid: dashboard } of e.dashboards) {
		const { dashboard: model } = await grafana<{ dashboard: Model }>(e, `/api/dashboards/uid/${dashboard}`);
		const fill = variables(model, traceId);
		for (const panel of model.panels.flatMap((p) => [p, ...(p.panels ?? [])])) {
			for (const target of panel.targets ?? []) {
				if (target.hide) continue;
				queries++;
				const name = `${model.title} / ${panel.title} / ${target.refId}`;
				try {
					if ((await rows(e, panel, target, fill)) === 0) problems.push(`${name}: no data`);
				} catch (error) {
					problems.push(`${name}: ${(error as Error).message}`);
				}
			}
		}
	}
	if (problems.length > 0) throw new Error(`${problems.length} of ${queries} queries: ${problems.join("; ")}`);
	if (queries === 0) throw new Error("there are no dashboards");
	return `${queries} queries return data`;
}

/** Puts values in the place of dashboard variables: the run's trace id, everything for what can be everything, else the default. */
function variables(model: Model, traceId: string): (text: string) => string {
	const values = new Map<string, string>();
	for (const variable of model.templating?.list ?? []) {
		const fallback = variable.current?.value ?? variable.query ?? "";
		if (variable.name === "traceId") values.set(variable.name, traceId);
		else values.set(variable.name, variable.type === "query" ? ".*" : String(fallback));
	}
	return (text) =>
		text.replaceAll(/\$\{(\w+)(?::\w+)?\}|\$(\w+)/g, (whole, braced, plain) => values.get(braced ?? plain) ?? whole);
}

async function rows(e: Endpoints, panel: Panel, target: Target, fill: (text: string) => string): Promise<number> {
	const source = target.datasource?.uid ?? panel.datasource?.uid;
	if (source === uid.tempo) return tempoRows(e, panel, target, fill);
	return queryRows(e, { ...target, datasource: { uid: source }, expr: fill(target.expr ?? "") });
}

/** Grafana's backend runs no TraceQL search: its frontend reaches Tempo through the datasource proxy. */
async function tempoRows(e: Endpoints, panel: Panel, target: Target, fill: (text: string) => string): Promise<number> {
	if (target.queryType === "serviceMap") {
		const selectors = [target.serviceMapQuery ?? ""].flat();
		const expr = selectors.map((selector) => fill(serviceGraph.requests + selector)).join(" or ");
		return queryRows(e, { refId: target.refId, datasource: { uid: uid.prometheus }, expr, instant: true });
	}
	const proxy = `/api/datasources/proxy/uid/${uid.tempo}`;
	const q = fill(target.query ?? "");
	if (/^[0-9a-f]{32}$/.test(q)) {
		const { trace } = await grafana<{ trace?: { resourceSpans?: unknown[] } }>(e, `${proxy}/api/v2/traces/${q}`);
		return trace?.resourceSpans?.length ?? 0;
	}
	const range = { q, start: epoch(-900), end: epoch() };
	if (panel.type === "timeseries" || panel.type === "heatmap") {
		const { series = [] } = await grafana<{ series?: unknown[] }>(
			e,
			withQuery(`${proxy}/api/metrics/query_range`, { ...range, step: "15s" }),
		);
		return series.length;
	}
	const { traces = [] } = await grafana<{ traces?: unknown[] }>(e, withQuery(`${proxy}/api/search`, range));
	return traces.length;
}

async function queryRows(e: Endpoints, target: Target): Promise<number> {
	const body = {
		queries: [{ ...target, intervalMs: 15_000, maxDataPoints: 300, ...(!target.instant && { range: true }) }],
		from: "now-15m",
		// Grafana cuts the end down to a whole step of 15 s: what was counted since then would not be seen.
		to: "now+15s",
	};
	type Answer = { results: Record<string, { error?: string; frames?: { data: { values: unknown[][] } }[] }> };
	const { results } = await grafana<Answer>(e, "/api/ds/query", { method: "POST", body: JSON.stringify(body) });
	const result = results[target.refId];
	if (result?.error) throw new Error(result.error);
	return (result?.frames ?? []).reduce((sum, frame) => sum + (frame.data.values[0]?.length ?? 0), 0);
}
