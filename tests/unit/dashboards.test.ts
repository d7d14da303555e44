// The linter of dashboards: what every panel of every pack owes to whoever reads it.

import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { dataSources, infinity, serviceGraph, spanMetrics, uid } from "../../components/links.ts";
import { dashboards, packs } from "../../components/packs.ts";

interface Source {
	type: string;
	uid: string;
}

interface Target {
	datasource: Source;
	refId: string;
	expr?: string;
	query?: string;
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

interface Model {
	uid: string;
	title: string;
	tags: string[];
	panels: Panel[];
	templating: { list: { name: string; datasource?: Source }[] };
}

const withUnit = ["timeseries", "heatmap", "histogram", "stat", "gauge", "bargauge", "barchart", "piechart", "table"];
const metricNames: string[] = [
	spanMetrics.calls,
	spanMetrics.latency,
	serviceGraph.requests,
	serviceGraph.failed,
	serviceGraph.serverSeconds,
];

const all = dashboards(packs()).map(({ pack, json }) => ({ pack, json, model: JSON.parse(json) as Model }));

// packs.ts drops `id` and `version`: what must not be in the file is looked for in the file.
const packsDir = join(import.meta.dirname, "../../configs/packs");
const files = readdirSync(packsDir, { recursive: true, encoding: "utf8" }).filter((path) =>
	/[\\/]dashboards[\\/][^\\/]+\.json$/.test(path),
);

/** Panels within collapsed rows too. */
function panels(of: { panels?: Panel[] }): Panel[] {
	return (of.panels ?? []).flatMap((panel) => [panel, ...panels(panel)]);
}

/** `title: complaint` for every panel that the check complains about; rows hold no data and are let off. */
function complaints(model: Model, check: (panel: Panel) => string | false): string[] {
	return panels(model)
		.filter(({ type }) => type !== "row")
		.flatMap((panel) => {
			const complaint = check(panel);
			return complaint ? [`${panel.title}: ${complaint}`] : [];
		});
}

function queries(target: Target): string {
	return [target.expr, target.query, target.serviceMapQuery].flat().join(" ");
}

function overlap(a: Panel, b: Panel): boolean {
	const [p, q] = [a.gridPos, b.gridPos];
	return p.x < q.x + q.w && q.x < p.x + p.w && p.y < q.y + q.h && q.y < p.y + p.h;
}

function repeated<T>(values: T[]): T[] {
	return values.filter((value, i) => values.indexOf(value) !== i);
}

test("uids and titles are unique", () => {
	expect(all.length).toBe(files.length);
	expect(repeated(all.map(({ model }) => model.uid))).toEqual([]);
	expect(repeated(all.map(({ model }) => model.title))).toEqual([]);
});

test.each(files)("%s is stable: its uid is its name, and it carries no number of one Grafana", (path) => {
	const model = JSON.parse(readFileSync(join(packsDir, path), "utf8"));
	expect(model.uid).toBe(basename(path, ".json"));
	expect(Object.keys(model)).not.toContain("id");
	expect(Object.keys(model)).not.toContain("version");
});

describe.each(all)("$model.title ($pack)", ({ model, json }) => {
	test("belongs to tracestack", () => {
		expect(model.tags).toContain("tracestack");
	});

	test("panels have ids and titles of their own", () => {
		expect(panels(model).filter(({ id }) => !Number.isInteger(id))).toEqual([]);
		expect(repeated(panels(model).map(({ id }) => id))).toEqual([]);
		expect(complaints(model, ({ title }) => !title && "no title")).toEqual([]);
		expect(repeated(panels(model).map(({ title }) => title))).toEqual([]);
	});

	test("every panel says which question it answers", () => {
		expect(complaints(model, ({ description }) => !description && "no description")).toEqual([]);
	});

	test("numbers have a unit", () => {
		const unitless = (panel: Panel) => {
			if (!withUnit.includes(panel.type) || panel.fieldConfig?.defaults.unit) return false;
			// A table's columns have their own.
			const own = panel.fieldConfig?.overrides.some(({ properties }) => properties.some(({ id }) => id === "unit"));
			return !(panel.type === "table" && own) && "no unit";
		};
		expect(complaints(model, unitless)).toEqual([]);
	});

	test("everything reads a datasource of links.ts", () => {
		const known = dataSources((name, port) => `${name}:${port}`).map(({ type, uid }) => `${type} ${uid}`);
		known.push(`${infinity} ${uid.reports}`);
		const unknown = (source?: Source) => !known.includes(`${source?.type} ${source?.uid}`);
		expect(complaints(model, ({ datasource }) => unknown(datasource) && "datasource")).toEqual([]);
		expect(
			complaints(model, ({ targets }) => (targets ?? []).some(({ datasource }) => unknown(datasource)) && "target"),
		).toEqual([]);
		expect(model.templating.list.filter(({ datasource }) => datasource && unknown(datasource))).toEqual([]);
	});

	test("metric names are those of links.ts", () => {
		const names = json.match(/traces_(spanmetrics|service_graph)_\w+/g) ?? [];
		expect(names.filter((name) => !metricNames.some((known) => name.startsWith(known)))).toEqual([]);
	});

	test("graphs of durations show exemplars", () => {
		const latency = (target: Target) =>
			target.datasource.uid === uid.prometheus && /_bucket\b|_latency|histogram_quantile/.test(target.expr ?? "");
		const without = ({ type, targets }: Panel) =>
			["timeseries", "heatmap"].includes(type) &&
			(targets ?? []).some((target) => latency(target) && target.exemplar !== true) &&
			"exemplar is not true";
		expect(complaints(model, without)).toEqual([]);
	});

	test("queries have names of their own", () => {
		const refIds = ({ targets }: Panel) => repeated((targets ?? []).map(({ refId }) => refId));
		expect(complaints(model, (panel) => refIds(panel).length > 0 && "refId")).toEqual([]);
	});

	test("variables that are used exist", () => {
		const declared = model.templating.list.map(({ name }) => name);
		const used = (target: Target) => [...queries(target).matchAll(/\$\{?(\w+)/g)].map(([, name]) => name ?? "");
		const missing = ({ targets }: Panel) =>
			(targets ?? [])
				.flatMap(used)
				.filter((name) => !/^(__|\d)/.test(name) && !declared.includes(name))
				.join(", ");
		expect(complaints(model, missing)).toEqual([]);
	});

	test("no panel covers another", () => {
		const tops = model.panels;
		const pairs = tops.flatMap((a, i) => tops.slice(i + 1).map((b) => [a, b] as const));
		expect(pairs.filter(([a, b]) => overlap(a, b)).map(([a, b]) => `${a.title} and ${b.title}`)).toEqual([]);
		expect(tops.filter(({ gridPos: { x, w } }) => x < 0 || x + w > 24).map(({ title }) => title)).toEqual([]);
	});

	test("names no host, and links only to dashboards that exist", () => {
		expect(json.match(/https?:|\blocalhost\b|\b\d{1,3}(\.\d{1,3}){3}\b|"[\w.-]+:\d{4,5}\b/g)).toBeNull();
		const linked = [...json.matchAll(/"\/d\/([\w-]+)/g)].map(([, target]) => target);
		expect(linked.filter((target) => !all.some((other) => other.model.uid === target))).toEqual([]);
	});
});
