// Dashboards between files and Grafana: what an edit is, and how it is written.

import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { arranged, dashboardChanges, format, type Model } from "../../cli/dashboards/model.ts";
import { root } from "../../cli/paths.ts";

const paths = globSync("configs/packs/*/dashboards/*.json", { cwd: root });

const read = (path: string): Model => JSON.parse(readFileSync(join(root, path), "utf8"));

interface Panel extends Model {
	id: number;
	title: string;
	options: Model;
	fieldConfig: { defaults: Model };
}

const services = () => read("configs/packs/platform/dashboards/services.json") as Model & { panels: Panel[] };

/** As Grafana gives it back. */
const shown = (model: Model): Model => ({ id: 7, version: 3, ...model });

it.each(paths)("%s is written as export writes it", (path) => {
	const text = readFileSync(join(root, path), "utf8");
	const normal = format(read(path));
	if (process.env.UPDATE_GOLDENS) writeFileSync(join(root, path), normal);
	else expect(text).toBe(normal);
});

it.each(paths)("%s comes back byte by byte after nobody edited it", (path) => {
	const file = read(path);
	const reordered = JSON.parse(JSON.stringify(shown(file)), (_, value) =>
		value && typeof value === "object" && !Array.isArray(value)
			? Object.fromEntries(Object.entries(value).reverse())
			: value,
	);
	expect(dashboardChanges(file, reordered)).toEqual([]);
	expect(format(arranged(reordered, file))).toBe(format(file));
});

describe("a dashboard saved by Grafana's editor", () => {
	/** What it adds to a panel of time series that has none of it. */
	const custom = {
		axisBorderShow: false,
		axisCenteredZero: false,
		axisColorMode: "text",
		axisLabel: "",
		axisPlacement: "auto",
		barAlignment: 0,
		barWidthFactor: 0.6,
		drawStyle: "line",
		fillOpacity: 0,
		gradientMode: "none",
		hideFrom: { legend: false, tooltip: false, viz: false },
		insertNulls: false,
		lineInterpolation: "linear",
		lineWidth: 1,
		pointSize: 5,
		scaleDistribution: { type: "linear" },
		showPoints: "auto",
		spanNulls: false,
		stacking: { group: "A", mode: "none" },
		thresholdsStyle: { mode: "off" },
	};
	const saved = (): Model & { panels: Panel[] } => {
		const model = services();
		for (const panel of model.panels) {
			if (panel.type !== "timeseries") continue;
			const { defaults } = panel.fieldConfig;
			panel.pluginVersion = "13.2.1";
			panel.fieldConfig.defaults = { mappings: [], ...defaults, custom: { ...custom, ...(defaults.custom as Model) } };
		}
		const builtIn = { builtIn: 1, datasource: { type: "grafana", uid: "-- Grafana --" }, enable: true, hide: true };
		const annotations = { list: [{ ...builtIn, name: "Annotations & Alerts", type: "dashboard" }] };
		return { ...model, annotations, schemaVersion: 42, weekStart: "", fiscalYearStartMonth: 0, preload: false };
	};

	it("was not edited, and its file does not change", () => {
		expect(dashboardChanges(services(), saved())).toEqual([]);
		expect(format(arranged(shown(saved()), services()))).toBe(format(services()));
	});

	it("tells the one edit among it all, and its file gets no more than that", () => {
		const edited = saved();
		const panel = edited.panels.find(({ title }) => title === "Request rate")!;
		panel.fieldConfig.defaults.unit = "cps";
		panel.fieldConfig.defaults.max = 100;
		expect(dashboardChanges(services(), edited)).toEqual([
			{ path: 'panel "Request rate".fieldConfig.defaults.unit', from: "reqps", to: "cps" },
			{ path: 'panel "Request rate".fieldConfig.defaults.max', to: 100 },
		]);
		const before = format(services()).split("\n");
		const added = format(arranged(edited, services()))
			.split("\n")
			.filter((line) => !before.includes(line))
			.map((line) => line.trim());
		expect(added).toEqual(expect.arrayContaining(['"unit": "cps",', '"max": 100']));
		expect(added.filter((line) => /Default|custom|pluginVersion|weekStart|mappings/.test(line))).toEqual([]);
	});
});

describe("an edit", () => {
	it("of a panel is told by the panel's title, wherever it was moved to", () => {
		const edited = services();
		edited.panels = edited.panels.filter(({ title }) => title !== "Error ratio").reverse();
		edited.panels.push({ id: 99, type: "stat", title: "Mine", options: {}, fieldConfig: { defaults: {} } });
		expect(dashboardChanges(services(), edited)).toEqual([
			{ path: 'panel "Error ratio"', from: "timeseries" },
			{ path: 'panel "Mine"', to: "stat" },
		]);
	});

	it("of a variable is told by its name; what was last chosen in it is written in two ways", () => {
		const edited = services() as Model as Model & { templating: { list: Model[] } };
		const [variable] = edited.templating.list;
		variable!.current = { text: "All", value: "$__all" };
		expect(dashboardChanges(services(), edited)).toEqual([]);
		variable!.multi = false;
		expect(dashboardChanges(services(), edited)).toEqual([{ path: 'variable "service".multi', from: true, to: false }]);
	});

	it("is told of panels without ids, too, as the provider hands them on", () => {
		const without = (model: { panels: Panel[] }) => ({
			...model,
			panels: model.panels.map(({ id: _, ...panel }) => panel),
		});
		expect(dashboardChanges(services(), without(services()))).toEqual([]);
		const edited = services();
		edited.panels = edited.panels.filter(({ title }) => title !== "Error ratio");
		expect(dashboardChanges(services(), without(edited))).toEqual([
			{ path: 'panel "Error ratio"', from: "timeseries" },
		]);
	});
});
