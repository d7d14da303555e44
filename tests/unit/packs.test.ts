// A folder is a pack: nothing else has to know of it.

import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { dashboards, needsSenders, packNames, packs } from "../../components/packs.ts";
import { platform } from "../../components/platform.ts";
import { SettingsError } from "../../settings/error.ts";
import { parseSettings } from "../../settings.ts";

const stack = { project: "tracestack", name: "dev" };

/** A folder of packs. */
function folder(files: Record<string, string>): string {
	const dir = mkdtempSync(join(tmpdir(), "tracestack-packs-"));
	for (const [path, text] of Object.entries(files)) {
		mkdirSync(dirname(join(dir, path)), { recursive: true });
		writeFileSync(join(dir, path), text);
	}
	return dir;
}

function refusal(act: () => unknown): string {
	try {
		act();
	} catch (error) {
		if (error instanceof SettingsError) return error.message;
		throw error;
	}
	return "";
}

const shop = {
	"README.md": "how to add one",
	"shop/pack.yaml": `
title: Web shop
owner: web
attributes: [span.order.id]
scrapes:
  - { job: shop, targets: ["host.docker.internal:8080"] }
plugins: [grafana-clock-panel@2.1.8]
demo: demo.ts
`,
	"shop/demo.ts": "export {};",
	"shop/dashboards/orders.json": JSON.stringify({
		id: 7,
		version: 3,
		uid: "orders",
		title: "Orders",
		panels: [{ datasource: { uid: "loki" } }, { panels: [{ datasource: { uid: "loki" } }] }],
	}),
	"shop/rules/orders.yaml": "groups: []\n",
	"shop/rules/orders.test.yaml": "tests: []\n",
};

describe("a folder with a pack.yaml", () => {
	const packsDir = folder(shop);

	it("is a pack, with what lies in it", () => {
		expect(packNames(packsDir)).toEqual(["shop"]);
		const [pack] = packs(["shop"], packsDir);
		expect(pack).toMatchObject({ title: "Web shop", owner: "web", demo: "demo.ts" });
		expect(pack && needsSenders(pack)).toBe(true);
		expect(pack?.rules).toEqual([{ name: "shop-orders.yaml", text: "groups: []\n" }]);
		expect(pack?.dashboards.map(({ uid, title }) => ({ uid, title }))).toEqual([{ uid: "orders", title: "Orders" }]);
		expect(pack?.dashboards[0]?.json).not.toMatch(/"id"|"version"/);
	});

	it("is in a stack that lists it: its rules, its scrapes, its plugins", () => {
		const settings = parseSettings({ packs: ["shop"] }, { ...stack, packsDir });
		const workloads = platform(settings, (service, port) => `${service}:${port}`, { password: "", storeKey: "" });
		const { files } = workloads.find(({ name }) => name === "prometheus")!;
		expect(Object.keys(files)).toContain("/etc/prometheus/rules/shop-orders.yaml");
		expect(Object.keys(files)).not.toContain("/etc/prometheus/rules/platform-requests.yaml");
		expect(files["/etc/prometheus/prometheus.yaml"]?.text).toContain("host.docker.internal:8080");
		const { env } = workloads.find(({ name }) => name === "grafana")!;
		expect(env.GF_PLUGINS_PREINSTALL).toBe("grafana-clock-panel@2.1.8");
	});

	it("shows no panel of a datasource that the stack does not have", () => {
		const [shown] = dashboards(packs(["shop"], packsDir), ["loki"]);
		expect(JSON.parse(shown?.json ?? "").panels).toEqual([{ panels: [] }]);
	});

	it("can't scrape a job that there is already", () => {
		const scrapes = [{ job: "shop", targets: ["a:1"] }];
		const said = refusal(() => parseSettings({ packs: ["shop"], scrapes }, { ...stack, packsDir }));
		expect(said).toContain('tracestack:packs[0] scrapes the job "shop", which another job is called already');
	});
});

test.each([
	["titel: Shop\nowner: web", ["titel is no setting", "did you mean title?", "title is missing"]],
	["title: 3\nowner: ''", ["title is 3", 'owner is ""', "has 2 mistakes"]],
	["title: S\nowner: w\ndemo: gone.ts", ['demo is "gone.ts", and there is no such file']],
	["title: S\nowner: w\nattributes: [order.id]", ['attributes[0] is "order.id"', "span.NAME or resource.NAME"]],
	["title: S\nowner: w\nscrapes: [{ job: a, target: [x] }]", ["scrapes[0].target is no setting", "did you mean"]],
	["title: S\nowner: w\nkpis: [{ name: a, query: 'x[$range]' }]", ["kpis[0].query is", "only variable is $__range"]],
	["title: S\nowner: w\nkpis: [{ name: a, query: x, better: up }]", ['kpis[0].better is "up"', "higher, lower"]],
	["title: [", ["can't be read"]],
	["", ["title is missing", "owner is missing"]],
])("%j is refused, all mistakes at once", (text, said) => {
	const packsDir = folder({ "shop/pack.yaml": text });
	const message = refusal(() => packs(["shop"], packsDir));
	for (const words of ["configs/packs/shop/pack.yaml", ...said]) expect(message).toContain(words);
});

test("a folder without pack.yaml, and a dashboard that is no JSON, are named", () => {
	const packsDir = folder({ "a/README.md": "", "b/pack.yaml": "title: B\nowner: b", "b/dashboards/x.json": "{" });
	expect(refusal(() => packs(["a"], packsDir))).toContain("configs/packs/a/pack.yaml is missing");
	expect(packNames(packsDir)).toEqual(["b"]);
	const said = refusal(() => parseSettings({ packs: ["a"] }, { ...stack, packsDir }));
	expect(said).toContain('tracestack:packs[0] is "a", and that folder has no pack.yaml');
	expect(refusal(() => packs(["b"], packsDir))).toContain("configs/packs/b/dashboards/x.json is no JSON");
});
