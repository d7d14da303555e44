// The weekly report, from fixed data: what it says of a week, and of what there is no data of.

import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { renderWeek, valueInWords, type Week } from "../../cli/report/week.ts";
import { episodes, gatherWeek, joined } from "../../cli/report/weekly.ts";
import { endpointsOf } from "../../cli/verify/verify.ts";

const to = Date.UTC(2027, 0, 31, 5, 17) / 1000;

const week: Week = {
	stack: "prod",
	grafana: "https://grafana.example.com",
	from: to - 604_800,
	to,
	hours: { now: 168, before: 31 },
	packs: [
		{
			title: "Platform",
			kpis: [
				{
					name: "Requests",
					query: "",
					unit: "number",
					series: [
						{ labels: { service: "cart" }, now: 1_234_567.8, before: 1_000_000 },
						{ labels: { service: "a|b`c" }, now: 12 },
						{ labels: { service: "gone" }, before: 500 },
					],
				},
				{
					name: "Failed requests",
					query: "",
					unit: "ratio",
					better: "lower",
					series: [
						{ labels: { service: "cart" }, now: 0.0215, before: 0.01 },
						{ labels: { service: "pay" }, now: 0, before: 0 },
					],
				},
				{
					name: "p95 of requests",
					query: "",
					unit: "seconds",
					better: "lower",
					series: [{ labels: { service: "cart" }, now: 0.25, before: 0.5 }],
				},
			],
		},
		{
			title: "Shop",
			kpis: [
				{ name: "Coverage", query: "", unit: "ratio", better: "higher", series: [] },
				{ name: "Orders", query: "", unit: "number", series: [{ labels: {}, now: 5, before: 0 }] },
				{ name: "Broken", query: "", unit: "number", series: [], error: "422 from http://prometheus: parse error" },
				{
					name: "Many",
					query: "",
					unit: "number",
					series: Array.from({ length: 22 }, (_, i) => ({ labels: { n: `${i}` }, now: i })),
				},
			],
		},
	],
	alerts: [
		{ alert: "RequestsFailing", severity: "critical", service: "cart", minutes: 1565, times: 3, still: true },
		{ alert: "DiskFilling", severity: "warning", service: "", minutes: 1, times: 1, still: false },
	],
	operations: [
		{
			service: "cart",
			name: "GET /cart/{id} | all",
			requests: 900,
			p95Seconds: 2.5,
			query: '{ name = "GET" && (kind = server || kind = consumer) && duration >= 2500ms }',
			trace: { id: "5b8efff798038103d269b633813fc60c", seconds: 130 },
		},
		{ service: "cart", name: "old", requests: 1, p95Seconds: 1, query: "{ true }" },
		{ service: "cart", name: "away", requests: 1, p95Seconds: 1, query: "{ true }", error: "ECONNREFUSED" },
	],
};

describe("a week", () => {
	const text = renderWeek(week);

	it("is told as its golden has it", () => {
		const file = join(import.meta.dirname, "goldens/weekly.md");
		if (process.env.UPDATE_GOLDENS === "1") writeFileSync(file, text);
		if (!existsSync(file)) throw new Error("there is no golden weekly.md; UPDATE_GOLDENS=1 writes it");
		expect(text, "if that is meant, UPDATE_GOLDENS=1 writes it").toBe(readFileSync(file, "utf8"));
	});

	it("has a row for each series, and every row of a table as many cells as its head", () => {
		for (const table of text.split("\n\n").filter((part) => part.startsWith("|"))) {
			const cells = table
				.trim()
				.split("\n")
				.map((line) => line.match(/(?<!\\)\|/g)?.length);
			expect(new Set(cells).size, table).toBe(1);
		}
		expect(text.match(/^\| Many /gm)).toHaveLength(21);
		expect(text).toContain("… and 2 more");
	});

	it("says no data where there was none, and which way is worse", () => {
		expect(text).toMatch(/Coverage .*\| no data \| no data \| {2}\|/);
		expect(text).toMatch(/`gone` \| no data \| 500 \| {2}\|/);
		expect(text).toMatch(/Failed requests \| `cart` \| 2.15 % \| 1 % \| \+1.15 points, \*\*worse\*\*/);
		expect(text).toMatch(/p95 of requests .*-50 %, better/);
		expect(text).toContain("data of 168 of 168 hours of this week, and data of 31 of 168 hours of the week before");
	});

	it("that nobody saw is no week without alerts", () => {
		const unseen = renderWeek({ ...week, hours: { now: 0, before: 0 }, alerts: [], operations: [] });
		expect(unseen).toContain("Prometheus has no data of this week, and no data of the week before.");
		expect(unseen).toMatch(/## Alerts that fired\n\nThere is no data\.\n/);
		expect(renderWeek({ ...week, alerts: [] })).toMatch(/## Alerts that fired\n\nNone\.\n/);
	});

	it("leads to the very trace, and to others, whatever the query has in it", () => {
		const links = [...text.matchAll(/\]\((https:[^)]*\/explore[^)]*)\)/g)].map(([, url]) => new URL(url!));
		const asked = links.map(({ searchParams }) => JSON.parse(searchParams.get("panes")!).traces);
		expect(asked.map(({ queries }) => queries[0].query)).toEqual([
			"5b8efff798038103d269b633813fc60c",
			week.operations[0]?.query,
			"{ true }",
			"{ true }",
		]);
		expect(asked[0]).toMatchObject({ datasource: "tempo", range: { from: `${week.from}000`, to: `${to}000` } });
	});
});

test.each([
	[0.0331, "seconds", "33.1 ms"],
	[1.5, "seconds", "1.5 s"],
	[600, "seconds", "10 min"],
	[12_345.6, "number", "12,346"],
	[0, "ratio", "0 %"],
	[0.973, "ratio", "97.3 %"],
	[undefined, "ratio", "no data"],
] as const)("%j in %s is %j", (value, unit, words) => {
	expect(valueInWords(value, unit)).toBe(words);
});

test("series of two weeks are one by their labels, in whatever order those are", () => {
	const now: Parameters<typeof joined>[0] = [
		{ metric: { __name__: "x", a: "1", b: "2" }, value: 5 },
		{ metric: { a: "new" }, value: 1 },
	];
	const before: Parameters<typeof joined>[0] = [
		{ metric: { b: "2", a: "1" }, value: 4 },
		{ metric: { a: "gone" }, value: 3 },
	];
	expect(joined(now, before)).toEqual([
		{ labels: { a: "1", b: "2" }, now: 5, before: 4 },
		{ labels: { a: "new" }, now: 1 },
		{ labels: { a: "gone" }, before: 3 },
	]);
});

test("minutes of an alert are counted, and how often it began", () => {
	expect(episodes([60, 120, 600, 660, 720], 720)).toEqual({ minutes: 5, times: 2, still: true });
	expect(episodes([60], 720)).toEqual({ minutes: 1, times: 1, still: false });
});

test("a stack of which nobody reaches more than Grafana is asked through it", async () => {
	const asked: string[] = [];
	const server = createServer(({ url = "", headers }, response) => {
		const { pathname, searchParams } = new URL(url, "http://grafana");
		asked.push(`${headers.authorization} ${pathname}`);
		const alerts = searchParams.get("query")?.includes("ALERTS");
		const series = { metric: {}, value: [to, "7"], values: [[to, "7"]] };
		response.end(JSON.stringify({ data: { result: alerts ? [] : [series] }, traces: [] }));
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	const grafana = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const e = endpointsOf("prod", {
		urls: { grafana },
		grafanaUser: "a",
		grafanaPassword: "b",
		dashboards: [{ uid: "x", title: "X", pack: "platform" }],
	});
	const found = await gatherWeek(e, "prod", to);
	server.close();
	expect(found.hours).toEqual({ now: 1, before: 0 });
	expect(found.packs[0]?.kpis.map(({ error, series }) => [error, series[0]?.now])).toContainEqual([undefined, 7]);
	expect(found.operations[0]?.error).toBeUndefined();
	const proxy = "Basic YTpi /api/datasources/proxy/uid";
	expect(asked).toContain(`${proxy}/prometheus/api/v1/query_range`);
	expect(asked).toContain(`${proxy}/tempo/api/search`);
});
