// Rules that every dashboard of every pack must comply with. Some are those of Grafana's own dashboard-linter, which is not
// used itself: docs/decisions/0022-dashboard-linter.md.

import {
	dataSources,
	infinity,
	postgresql,
	reportMetrics,
	serviceGraph,
	spanMetrics,
	uid,
} from "../../components/links.ts";
import type { Pack } from "../../components/packs.ts";

interface Source {
	type: string;
	uid: string;
}

interface Target {
	datasource: Source;
	refId: string;
	expr?: string;
	query?: string;
	rawSql?: string;
	serviceMapQuery?: string | string[];
	exemplar?: boolean;
}

interface Panel {
	id: number;
	type: string;
	title: string;
	description?: string;
	datasource: Source;
	gridPos: { x: number; y: number; w: number; h: number };
	fieldConfig?: { defaults: { unit?: string }; overrides: { properties: { id: string; value: unknown }[] }[] };
	targets?: Target[];
	panels?: Panel[];
}

/** The parts of a dashboard's JSON that the rules read. */
export interface Model {
	uid: string;
	title: string;
	tags: string[];
	panels: Panel[];
	templating: { list: { name: string; type?: string; datasource?: Source }[] };
}

/** A dashboard with its pack, and what rules need to know of the other dashboards. */
export interface Linted {
	pack: Pack;
	model: Model;
	/** Its JSON as text. */
	json: string;
	/** The uids of all dashboards. */
	uids: string[];
}

/** Every rule in words, with a function that returns its violations. */
export const rules: Record<string, (dashboard: Linted) => string[]> = {
	"belongs to tracestack": ({ model }) => (model.tags.includes("tracestack") ? [] : ["has no tag tracestack"]),

	"panels have ids and titles of their own": ({ model }) => {
		const all = panels(model);
		return [
			...complaints(model, ({ id }) => !Number.isInteger(id) && "has no id"),
			...repeated(all.map(({ id }) => id)).map((id) => `two panels have the id ${id}`),
			...complaints(model, ({ title }) => !title && "has no title"),
			...repeated(all.map(({ title }) => title)).map((title) => `two panels are called ${title}`),
		];
	},

	"every panel says which question it answers": ({ model }) =>
		complaints(model, ({ description }) => !description && "has no description"),

	"every panel asks something": ({ model }) =>
		complaints(model, ({ type, targets = [] }) => type !== "text" && targets.length === 0 && "has no query"),

	"numbers have a unit": ({ model }) =>
		complaints(model, (panel) => {
			if (!withUnit.includes(panel.type) || panel.fieldConfig?.defaults.unit) return false;
			// A table's columns have their own.
			const own = panel.fieldConfig?.overrides.some(({ properties }) => properties.some(({ id }) => id === "unit"));
			return !(panel.type === "table" && own) && "has no unit";
		}),

	"everything reads a datasource of links.ts": ({ model }) => {
		const known = dataSources((name, port) => `${name}:${port}`).map(({ type, uid }) => `${type} ${uid}`);
		known.push(`${infinity} ${uid.reports}`, `${postgresql} ${uid.archive}`);
		const unknown = (source?: Source) => !known.includes(`${source?.type} ${source?.uid}`);
		const variables = model.templating.list.filter(({ datasource }) => datasource && unknown(datasource));
		return [
			...complaints(model, ({ datasource }) => unknown(datasource) && "reads an unknown datasource"),
			...complaints(
				model,
				({ targets = [] }) => targets.some(({ datasource }) => unknown(datasource)) && "asks an unknown datasource",
			),
			...variables.map(({ name }) => `the variable ${name} reads an unknown datasource`),
		];
	},

	"names of shared metrics are those of links.ts": ({ json }) =>
		[...new Set(json.match(/\b(?:traces_(?:spanmetrics|service_graph)|report)_\w+/g))]
			.filter((name) => !shared.some((known) => name === known || name.startsWith(`${known}_`)))
			.map((name) => `${name} is no metric of links.ts`),

	"graphs of durations show exemplars": ({ model }) => {
		const latency = ({ datasource, expr = "" }: Target) =>
			datasource.uid === uid.prometheus && /_bucket\b|_latency|histogram_quantile/.test(expr);
		return complaints(
			model,
			({ type, targets = [] }) =>
				["timeseries", "heatmap"].includes(type) &&
				targets.some((target) => latency(target) && target.exemplar !== true) &&
				"shows no exemplars",
		);
	},

	"queries have names of their own": ({ model }) =>
		complaints(
			model,
			({ targets = [] }) => repeated(targets.map(({ refId }) => refId)).length > 0 && "has a refId twice",
		),

	"variables that are used exist": ({ model }) => {
		const declared = model.templating.list.map(({ name }) => name);
		return complaints(model, ({ targets = [] }) => {
			const used = targets.flatMap((target) =>
				[...queries(target).matchAll(/\$\{?(\w+)/g)].map(([, name]) => name ?? ""),
			);
			const missing = used.filter((name) => !/^(__|\d)/.test(name) && !declared.includes(name));
			return missing.length > 0 && `uses ${missing.join(", ")}, which is no variable`;
		});
	},

	// Grafana writes a dot as \., which is an escape of PromQL and LogQL nowhere but in backticks.
	"variables in regular expressions stand in backticks": ({ json }) =>
		[...new Set(json.match(/(?<=\\")\$\{\w+:regex\}/g))].map(
			(name) => `${name} in quotes breaks with a dot in its value`,
		),

	"variables are those of pack.yaml": ({ model, pack }) =>
		model.templating.list
			.filter(({ name }) => !(name in pack.variables))
			.map(({ name }) => `the variable ${name} is not in configs/packs/${pack.name}/pack.yaml`),

	"no panel covers another": ({ model: { panels: tops } }) => [
		...tops.flatMap((a, i) =>
			tops
				.slice(i + 1)
				.filter((b) => overlap(a, b))
				.map((b) => `${a.title} and ${b.title} cover each other`),
		),
		...tops
			.filter(({ gridPos: { x, w } }) => x < 0 || x + w > 24)
			.map(({ title }) => `${title} is wider than the dashboard`),
	],

	// The default of a text box may be a host: users can change it.
	"names no host": ({ model }) =>
		(withoutBoxes(model).match(/https?:|\blocalhost\b|\b\d{1,3}(\.\d{1,3}){3}\b|"[\w.-]+:\d{4,5}\b/g) ?? []).map(
			(host) => `names ${host}: a stack elsewhere has others`,
		),

	"links only to dashboards that exist": ({ json, uids }) =>
		[...json.matchAll(/"\/d\/([\w-]+)/g)]
			.filter(([, target]) => !uids.includes(`${target}`))
			.map(([, target]) => `links to ${target}, which is no dashboard`),
};

const withUnit = ["timeseries", "heatmap", "histogram", "stat", "gauge", "bargauge", "barchart", "piechart", "table"];

const shared: string[] = [
	spanMetrics.calls,
	spanMetrics.latency,
	serviceGraph.requests,
	serviceGraph.failed,
	serviceGraph.serverSeconds,
	reportMetrics.value,
	reportMetrics.trace,
];

/** All panels, those within collapsed rows as well. */
export function panels(of: { panels?: Panel[] }): Panel[] {
	return (of.panels ?? []).flatMap((panel) => [panel, ...panels(panel)]);
}

/** `title: complaint` for every panel that the check complains about. Rows are left out: they show no data. */
function complaints(model: Model, check: (panel: Panel) => string | false): string[] {
	return panels(model)
		.filter(({ type }) => type !== "row")
		.flatMap((panel) => {
			const complaint = check(panel);
			return complaint ? [`${panel.title}: ${complaint}`] : [];
		});
}

/** A dashboard's JSON without text boxes. */
function withoutBoxes(model: Model): string {
	const list = model.templating.list.filter(({ type }) => type !== "textbox");
	return JSON.stringify({ ...model, templating: { ...model.templating, list } });
}

function queries(target: Target): string {
	return [target.expr, target.query, target.rawSql, target.serviceMapQuery].flat().join(" ");
}

function overlap(a: Panel, b: Panel): boolean {
	const [p, q] = [a.gridPos, b.gridPos];
	return p.x < q.x + q.w && q.x < p.x + p.w && p.y < q.y + q.h && q.y < p.y + p.h;
}

function repeated<T>(values: T[]): T[] {
	return values.filter((value, i) => values.indexOf(value) !== i);
}
