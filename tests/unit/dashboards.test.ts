// The linter of dashboards: nothing is wrong with ours, and it finds what is wrong with others.

import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { filesAmiss, lint, linted, promqlAsRules } from "../../cli/dashboards/lint.ts";
import { type Linted, type Model, rules } from "../../cli/dashboards/rules.ts";

const all = linted();

test("uids are the names of the files, and nothing is a number of one Grafana", () => {
	expect(filesAmiss()).toEqual([]);
	expect(all.length).toBeGreaterThan(4);
});

test.each([
	["orders", '{"uid":"orders"}', []],
	["orders", '{"uid":"sales"}', ["its uid is sales, not its name"]],
	["orders", '{"uid":"orders","id":7,"version":3}', ["has id, which Grafana sets", "has version, which Grafana sets"]],
	["orders", "{", ["is no JSON"]],
])("a file %s.json of %s: %j", (name, text, said) => {
	const dir = mkdtempSync(join(tmpdir(), "tracestack-files-"));
	mkdirSync(join(dir, "shop/dashboards"), { recursive: true });
	writeFileSync(join(dir, `shop/dashboards/${name}.json`), text);
	writeFileSync(join(dir, "shop/other.json"), '{"id":1}');
	const path = `configs/packs/shop/dashboards/${name}.json: `;
	expect(filesAmiss(dir)).toEqual(said.map((words) => expect.stringContaining(`${path}${words}`)));
});

describe.each(all.map((dashboard) => ({ title: dashboard.model.title, dashboard })))("$title", ({ dashboard }) => {
	test.each(Object.entries(rules))("%s", (_, rule) => {
		expect(rule(dashboard)).toEqual([]);
	});
});

/** A dashboard with two panels, which nothing is wrong with but what is changed. */
function changed(change: (model: Model) => void): Linted {
	const pack = all[0]!.pack;
	const source = { type: "prometheus", uid: "prometheus" };
	const panel = (id: number) => ({
		id,
		type: "timeseries",
		title: `Panel ${id}`,
		description: "Why?",
		datasource: source,
		gridPos: { x: 0, y: id, w: 24, h: 1 },
		fieldConfig: { defaults: { unit: "s" }, overrides: [] },
		targets: [{ refId: "A", datasource: source, expr: "rate(x[$__rate_interval])" }],
	});
	const model: Model = {
		uid: "x",
		title: "X",
		tags: ["tracestack"],
		panels: [panel(1), panel(2)],
		templating: { list: [] },
	};
	change(model);
	return { pack: { ...pack, variables: { known: "typed in" } }, model, json: JSON.stringify(model), uids: ["x"] };
}

const broken: [what: string, change: (model: Model) => void, said: string][] = [
	["no tag", (m) => m.tags.pop(), "has no tag"],
	["no id", (m) => Reflect.deleteProperty(m.panels[0]!, "id"), "Panel 1: has no id"],
	["an id twice", (m) => Object.assign(m.panels[0]!, { id: 2 }), "two panels have the id 2"],
	["a title twice", (m) => Object.assign(m.panels[0]!, { title: "Panel 2" }), "two panels are called Panel 2"],
	["no description", (m) => Object.assign(m.panels[0]!, { description: "" }), "Panel 1: has no description"],
	[
		"a regular expression in quotes",
		(m) => Object.assign(m.panels[0]!.targets![0]!, { expr: `x{a=~"\${__from:regex}", b=~\`\${__to:regex}\`}` }),
		`\${__from:regex} in quotes breaks with a dot in its value`,
	],
	["no query", (m) => Object.assign(m.panels[0]!, { targets: [] }), "Panel 1: has no query"],
	["no unit", (m) => Object.assign(m.panels[0]!, { fieldConfig: undefined }), "Panel 1: has no unit"],
	[
		"in a row, no unit",
		(m) =>
			m.panels.push({
				...m.panels[0]!,
				type: "row",
				gridPos: { x: 0, y: 9, w: 24, h: 1 },
				id: 3,
				title: "Row",
				panels: [{ ...m.panels[0]!, id: 4, title: "Within", fieldConfig: undefined as never }],
			}),
		"Within: has no unit",
	],
	[
		"another datasource",
		(m) => Object.assign(m.panels[0]!, { datasource: { type: "mysql", uid: "m" } }),
		"reads an unknown datasource",
	],
	[
		"another datasource in a query",
		(m) => Object.assign(m.panels[0]!.targets![0]!, { datasource: { type: "tempo", uid: "t" } }),
		"asks an unknown datasource",
	],
	[
		"a variable of another datasource",
		(m) => m.templating.list.push({ name: "known", datasource: { type: "tempo", uid: "t" } }),
		"the variable known reads",
	],
	[
		"a metric that nobody writes",
		(m) => Object.assign(m.panels[0]!.targets![0]!, { expr: "traces_spanmetrics_duration_bucket" }),
		"traces_spanmetrics_duration_bucket is no metric",
	],
	[
		"durations without exemplars",
		(m) => Object.assign(m.panels[0]!.targets![0]!, { expr: "histogram_quantile(0.9, x_bucket)" }),
		"shows no exemplars",
	],
	["a refId twice", (m) => m.panels[0]!.targets!.push({ ...m.panels[0]!.targets![0]! }), "has a refId twice"],
	["a variable that is none", (m) => Object.assign(m.panels[0]!.targets![0]!, { expr: 'x{a="$nope"}' }), "uses nope"],
	[
		"a variable that the pack does not name",
		(m) => m.templating.list.push({ name: "mine" }),
		"the variable mine is not in configs/packs/",
	],
	["a panel over another", (m) => Object.assign(m.panels[0]!.gridPos, { h: 2 }), "cover each other"],
	["a panel beyond the edge", (m) => Object.assign(m.panels[0]!.gridPos, { x: 1 }), "wider than the dashboard"],
	["a host", (m) => Object.assign(m.panels[0]!, { description: "see http://grafana" }), "names http:"],
	[
		"a host that nobody can change",
		(m) => m.templating.list.push({ name: "known", type: "constant", query: "http://grafana" } as never),
		"names http:",
	],
	["a link to nowhere", (m) => Object.assign(m, { links: [{ url: "/d/gone" }] }), "links to gone"],
];

describe("the linter", () => {
	it("has nothing to say of a dashboard that is right", () => {
		expect(lint([changed(() => {})])).toEqual([]);
	});

	it("lets a box have the address that most will type into it", () => {
		const box = { name: "known", type: "textbox", query: "http://localhost:8233" };
		expect(lint([changed((m) => m.templating.list.push(box))])).toEqual([]);
	});

	test.each(broken)("finds %s", (_, change, said) => {
		expect(lint([changed(change)]).join("\n")).toContain(said);
	});

	it("finds two dashboards of one uid", () => {
		expect(lint([changed(() => {}), changed(() => {})])).toContain("two dashboards have the uid x");
	});

	it("hands every PromQL query to promtool, without variables", () => {
		const text = JSON.stringify(promqlAsRules(all));
		expect(text).not.toContain("$");
		expect(text.match(/"expr"/g)?.length).toBeGreaterThan(40);
	});
});
