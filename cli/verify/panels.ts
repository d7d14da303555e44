// Every query of every dashboard, run as Grafana would run it.

import { postgresql, serviceGraph, uid } from "../../components/links.ts";
import { type Endpoints, epoch, grafana, withQuery } from "./api.ts";

interface Target {
	refId: string;
	datasource?: { uid?: string; type?: string };
	expr?: string;
	query?: string;
	/** Of PostgreSQL, where Grafana's own macros stay. */
	rawSql?: string;
	/** Of an object in a store. */
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

/** What became of one query of a panel. */
export interface QueryResult {
	pack: string | undefined;
	/** Dashboard, panel and query, for people. */
	name: string;
	/** How much it returned: rows, series or spans. */
	rows: number;
	/** What the server said instead. */
	error?: string;
	/** Why it could not be asked. */
	skipped?: string;
	/** Its panel waits for what applications send. */
	needsSenders: boolean;
}

/**
 * Runs every panel's queries over the last 15 minutes against the dashboards that Grafana has now.
 *
 * @param traceId What the variable of that name is.
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

/** What is drawn across panels, as panels that ask the same. */
function annotations({ annotations }: Model): Panel[] {
	return (annotations?.list ?? []).flatMap(({ name: title, datasource, expr }) =>
		datasource && expr ? [{ title, type: "annotation", datasource, targets: [{ refId: "A", expr }] }] : [],
	);
}

/**
 * Every panel of the stack's dashboards, in a sentence. A panel that waits for applications may be empty, and one may lack
 * a plugin that could not be downloaded.
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

/** Types of datasources that Grafana knows. */
async function installed(e: Endpoints): Promise<Set<string>> {
	const plugins = await grafana<{ id: string }[]>(e, "/api/plugins?type=datasource&embedded=0");
	const ids = plugins.map(({ id }) => id);
	// Newer versions call the plugin otherwise, and take both names.
	return new Set(ids.includes(`grafana-${postgresql}ql-datasource`) ? [...ids, postgresql] : ids);
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

/** Before the first report the object store has no such object, which the plugin calls an error. */
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
		// Grafana cuts the end down to a whole step of 15 s: what was counted since then would not be seen.
		to: "now+15s",
	};
	type Answer = { results: Record<string, { error?: string; frames?: { data: { values: unknown[][] } }[] }> };
	const { results } = await grafana<Answer>(e, "/api/ds/query", { method: "POST", body: JSON.stringify(body) });
	const result = results[target.refId];
	if (result?.error) throw new Error(result.error);
	return (result?.frames ?? []).reduce((sum, { data }) => sum + filled(data.values), 0);
}

/** Rows with something beside their time: what is no number is null there. */
function filled([first = [], ...others]: unknown[][]): number {
	const columns = others.length > 0 ? others : [first];
	return first.filter((_, row) => columns.some((column) => column[row] !== null)).length;
}
