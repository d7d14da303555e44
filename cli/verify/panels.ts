// Runs every query of every dashboard as Grafana would.

import { postgresql, serviceGraph, uid } from "../../components/links.ts";
import { type Endpoints, epoch, grafana, withQuery } from "./api.ts";

interface Target {
	refId: string;
	datasource?: { uid?: string; type?: string };
	expr?: string;
	query?: string;
	/** SQL for PostgreSQL. Grafana itself expands its macros. */
	rawSql?: string;
	/** Address of an object in the object store. */
	url?: string;
	queryType?: string;
	/** Selectors of a service map; Grafana's frontend runs them against the metrics of the service graph. */
	serviceMapQuery?: string | string[];
	instant?: boolean;
	hide?: boolean;
}

interface Panel {
	title: string;
	type: string;
	datasource?: { uid?: string; type?: string };
	targets?: Target[];
	panels?: Panel[];
}

interface Model {
	title: string;
	panels: Panel[];
	annotations?: { list: { name: string; datasource?: Panel["datasource"]; expr?: string }[] };
	templating?: { list: { name: string; type: string; query?: unknown; current?: { value?: unknown } }[] };
}

/** The result of one query of a panel. */
export interface QueryResult {
	pack: string | undefined;
	/** Dashboard, panel and query, for people. */
	name: string;
	/** How much it returned: rows, series or spans. */
	rows: number;
	/** The server's error. */
	error?: string;
	/** Why it could not be run. */
	skipped?: string;
	/** Whether its panel is empty until applications send data. */
	needsSenders: boolean;
}

/**
 * Runs the queries of every dashboard that Grafana has, over the last 15 minutes.
 *
 * @param traceId Value of the dashboards' variable of this name.
 */
export async function runPanels(e: Endpoints, traceId: string): Promise<QueryResult[]> {
	const results: QueryResult[] = [];
	const plugins = await installed(e);
	for (const { uid: dashboard, pack, needsSenders = false } of e.dashboards) {
		const { dashboard: model } = await grafana<{ dashboard: Model }>(e, `/api/dashboards/uid/${dashboard}`);
		const fill = variables(model, traceId);
		for (const panel of [...model.panels.flatMap((p) => [p, ...(p.panels ?? [])]), ...annotations(model)]) {
			for (const target of panel.targets ?? []) {
				if (target.hide) continue;
				const name = `${model.title} / ${panel.title} / ${target.refId}`;
				const type = target.datasource?.type ?? panel.datasource?.type ?? "";
				const result = { pack, name, needsSenders, rows: 0 };
				if (!plugins.has(type)) results.push({ ...result, skipped: `Grafana has no plugin ${type}` });
				else
					results.push(
						await rows(e, panel, target, fill).then(
							(rows) => ({ ...result, rows }),
							(error: Error) => ({ ...result, error: error.message }),
						),
					);
			}
		}
	}
	return results;
}

/** A dashboard's annotations, as panels with the same queries. */
function annotations({ annotations }: Model): Panel[] {
	return (annotations?.list ?? []).flatMap(({ name: title, datasource, expr }) =>
		datasource && expr ? [{ title, type: "annotation", datasource, targets: [{ refId: "A", expr }] }] : [],
	);
}

/**
 * Checks every panel of the stack's dashboards, and returns a summary. Panels for data of applications may be empty, and
 * those whose plugin could not be downloaded are skipped.
 *
 * @throws with the panels that fail or have no data.
 */
export async function checkPanels(e: Endpoints, traceId: string): Promise<string> {
	const results = await runPanels(e, traceId);
	const asked = results.filter(({ skipped }) => !skipped);
	const problems = asked.flatMap(({ name, rows, error, needsSenders }) =>
		error ? [`${name}: ${error}`] : rows === 0 && !needsSenders ? [`${name}: no data`] : [],
	);
	if (problems.length > 0) throw new Error(`${problems.length} of ${asked.length} queries: ${problems.join("; ")}`);
	if (results.length === 0) throw new Error("there are no dashboards");
	const filled = asked.filter(({ rows }) => rows > 0).length;
	const empty = asked.length - filled;
	const lacking = results.length - asked.length;
	const waiting = empty > 0 ? `, ${empty} wait for senders` : "";
	return `${filled} queries return data${waiting}${lacking > 0 ? `, ${lacking} lack a plugin` : ""}`;
}

/** Types of datasources whose plugins are installed in Grafana. */
async function installed(e: Endpoints): Promise<Set<string>> {
	const plugins = await grafana<{ id: string }[]>(e, "/api/plugins?type=datasource&embedded=0");
	const ids = plugins.map(({ id }) => id);
	// Newer versions have another name for the plugin, and accept both.
	return new Set(ids.includes(`grafana-${postgresql}ql-datasource`) ? [...ids, postgresql] : ids);
}

/**
 * Replaces dashboard variables: with the run's trace id, with a pattern that matches everything, or with the default.
 */
function variables(model: Model, traceId: string): (text: string) => string {
	const values = new Map<string, string>();
	for (const variable of model.templating?.list ?? []) {
		const fallback = variable.current?.value ?? variable.query ?? "";
		if (variable.name === "traceId") values.set(variable.name, traceId);
		else values.set(variable.name, variable.type === "query" ? ".*" : String(fallback));
	}
	return (text) =>
		text.replaceAll(/\$\{(\w+)(?::(\w+))?\}|\$(\w+)/g, (whole, braced, format, plain) => {
			const value = values.get(braced ?? plain);
			return value !== undefined && format === "sqlstring" ? `'${value.replaceAll("'", "''")}'` : (value ?? whole);
		});
}

async function rows(e: Endpoints, panel: Panel, target: Target, fill: (text: string) => string): Promise<number> {
	const source = target.datasource?.uid ?? panel.datasource?.uid;
	if (source === uid.tempo) return tempoRows(e, target, fill);
	const url = target.url && { url: fill(target.url) };
	const sql = target.rawSql && { rawSql: fill(target.rawSql) };
	const asked = queryRows(e, { ...target, ...url, ...sql, datasource: { uid: source }, expr: fill(target.expr ?? "") });
	return source === uid.reports ? asked.catch(notStoredYet) : asked;
}

/** Before the first report the object store has no such object, which the plugin reports as an error. */
function notStoredYet(error: Error): number {
	if (/unsuccessful HTTP response[\s\S]*\b404\b/.test(error.message)) return 0;
	throw error;
}

/** Grafana's backend runs no TraceQL search: its frontend reaches Tempo through the datasource proxy. */
async function tempoRows(e: Endpoints, target: Target, fill: (text: string) => string): Promise<number> {
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
	if (/\|\s*(?:\w+_over_time|rate|compare)\s*\(/.test(q)) {
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
		// Grafana rounds the end down to a whole step of 15 s: the newest samples would be missing.
		to: "now+15s",
	};
	type Answer = { results: Record<string, { error?: string; frames?: { data: { values: unknown[][] } }[] }> };
	const { results } = await grafana<Answer>(e, "/api/ds/query", { method: "POST", body: JSON.stringify(body) });
	const result = results[target.refId];
	if (result?.error) throw new Error(result.error);
	return (result?.frames ?? []).reduce((sum, { data }) => sum + filled(data.values), 0);
}

/** The number of rows that have a value beside their time: NaN is null here. */
function filled([first = [], ...others]: unknown[][]): number {
	const columns = others.length > 0 ? others : [first];
	return first.filter((_, row) => columns.some((column) => column[row] !== null)).length;
}
