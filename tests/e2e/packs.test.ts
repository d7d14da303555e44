// Packs come alive: a demo runs as any application would, and no panel of any dashboard stays empty.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { AwsClient } from "aws4fetch";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { load } from "../../cli/demo/demo.ts";
import { mostMinutes } from "../../cli/demo/play.ts";
import { storeOf } from "../../cli/report/push.ts";
import type { Store } from "../../cli/report/store.ts";
import { type Endpoints, epoch, exemplars, grafana, json, until, withQuery } from "../../cli/verify/api.ts";
import { runPanels } from "../../cli/verify/panels.ts";
import { infinity, reportMetrics, uid } from "../../components/links.ts";
import { packNames, packs, packsDir } from "../../components/packs.ts";
import { trust } from "../../components/trust.ts";
import { Beside } from "./beside.ts";
import { soak } from "./soak.ts";
import { type Outcome, TestStack } from "./stack.ts";
import { looksAtTemporal, startTemporal, type Temporal } from "./temporal.ts";

const [kvonce] = packs(["kvonce"]);
const minutes = 10;
let stack: TestStack;
let e: Endpoints;
let store: Store;
let temporal: Temporal;
let demo: Outcome;
/** Of the newest run that a report names. */
let traceId: string;

interface Vector {
	data: { result: { metric: Record<string, string>; value: [number, string] }[] };
}

/** Whoever is told of alerts. */
const told = new Beside();

/** A pack that is nothing but a folder, while the stack comes up; nobody who runs at the same time shall see it for long. */
function addFolder(): () => void {
	const folder = join(packsDir, "e2e-added");
	const remove = () => rmSync(folder, { recursive: true, force: true });
	remove();
	const prometheus = { type: "prometheus", uid: uid.prometheus };
	const panel = { id: 1, type: "stat", title: "Up", datasource: prometheus, gridPos: { x: 0, y: 0, w: 24, h: 8 } };
	const targets = [{ refId: "A", datasource: prometheus, expr: 'up{job="added"}' }];
	const files = {
		"pack.yaml": 'title: Added\nowner: tests\nscrapes: [{ job: added, targets: ["prometheus:9090"], interval: 1s }]\n',
		"dashboards/added.json": JSON.stringify({
			uid: "added",
			title: "Added by a test",
			panels: [{ ...panel, targets }],
		}),
		"rules/added.yaml": 'groups: [{ name: added, rules: [{ record: "added:up:sum", expr: "sum(up)" }] }]\n',
	};
	for (const [path, text] of Object.entries(files)) {
		mkdirSync(dirname(join(folder, path)), { recursive: true });
		writeFileSync(join(folder, path), text);
	}
	return remove;
}

/** Series of an instant query over all that the demo's time holds. */
async function reported(selector: string): Promise<Vector["data"]["result"]> {
	const query = `last_over_time(${selector}[30m])`;
	return (await json<Vector>(withQuery(`${e.prometheus}/api/v1/query`, { query }))).data.result;
}

/** An object of the reports' folder. */
async function stored(key: string): Promise<Response> {
	const { url, region, accessKeyId, secretAccessKey } = store;
	return new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3" }).fetch(`${url}/${key}`);
}

/** All but the one that comes with a setting. */
const chosen = () => packNames().filter((name) => name !== "archive");

beforeAll(async () => {
	stack = await TestStack.create("e2e-packs", 20000);
	const removeFolder = addFolder();
	if (soak) await told.start();
	temporal = await startTemporal();
	stack.configure({
		size: "small",
		...(soak && { receivers: [{ type: "webhook", name: "audit", url: told.url }] }),
		packs: chosen(),
		temporal: temporal.setting,
		storage: { backend: "s3" },
		// What a demo sends is let in as everybody's is.
		access: { token: true, tls: "generated" },
	});
	const up = await stack.tracestack("up", "--no-verify").finally(removeFolder);
	if (up.code !== 0) throw new Error(up.all);
	const { reports, ...rest } = (await stack.endpoints()) as Endpoints & { reports: Store };
	e = rest;
	trust(`${e.ca}`);
	store = storeOf(reports, e)!;
	demo = await stack.tracestack("demo", "--minutes", `${minutes}`);
	if (demo.code !== 0) throw new Error(demo.all);
	traceId = await until(20, async () => {
		const [first] = await reported(`${reportMetrics.trace}{source="verify-lite"}`);
		if (!first) throw new Error("no report names a trace");
		return `${first.metric[reportMetrics.labels.traceId]}`;
	});
});

afterAll(async () => {
	told.server?.close();
	temporal?.server.close();
	await stack.takeDown();
	await stack.remove();
});

describe("the demo", () => {
	it("says what it sent, and where it shows", () => {
		expect(demo.all).toMatch(/kvonce: \d+ conformance runs/);
		expect(demo.all).toMatch(/\d+ reports, in the object store as well/);
		expect(demo.all).toContain(`KvOnce Trace Overview: ${e.grafana}/d/kvonce-trace-overview`);
	});

	it("has a history at once: its first runs are as old as it was asked for, and each is counted", async () => {
		const [, traces] = demo.all.match(/kvonce: .*\n\s+(\d+) traces/) ?? [];
		const q = "{ nestedSetParent < 0 && span.kvonce_run_id =~ `.*` } | count_over_time() by (span.kvonce_branch)";
		const range = { q, start: epoch(-60 * mostMinutes), end: epoch(), step: "15s" };
		const path = withQuery(`/api/datasources/proxy/uid/${uid.tempo}/api/metrics/query_range`, range);
		type Answer = { series?: { samples: { timestampMs: string; value?: number }[] }[] };
		const counted = await until(30, async () => {
			const { series = [] } = await grafana<Answer>(e, path);
			const samples = series.flatMap(({ samples }) => samples).filter(({ value = 0 }) => value > 0);
			const sum = samples.reduce((sum, { value = 0 }) => sum + value, 0);
			if (sum !== Number(traces)) throw new Error(`${sum} of ${traces} traces are counted`);
			return samples;
		});
		const oldest = Math.min(...counted.map(({ timestampMs }) => Number(timestampMs)));
		expect((Date.now() - oldest) / 60_000).toBeGreaterThan(minutes - 3);
	});

	it("sets the attributes that the pack asks for on every span: attributes check", async () => {
		const names = kvonce?.attributes ?? [];
		const where = ["--where", 'resource.service.name =~ "kvonce.*"', "--json"];
		const { code, stdout } = await stack.tracestack(
			"attributes",
			"check",
			"--require",
			[...names, "nope"].join(),
			...where,
		);
		expect(code).toBe(1);
		const { spans, lacks } = JSON.parse(stdout) as { spans: number; lacks: { attribute: string }[] };
		expect(spans).toBeGreaterThan(100);
		expect(new Set(lacks.map(({ attribute }) => attribute))).toEqual(new Set(["nope"]));
	});

	it("gives the variable of runs its values: those of the envelopes", async () => {
		const path = `/api/datasources/proxy/uid/${uid.tempo}/api/v2/search/tag/span.kvonce_run_id/values`;
		const { tagValues } = await grafana<{ tagValues: { value: string }[] }>(e, path);
		const runs = new Set((await reported(reportMetrics.trace)).map(({ metric }) => metric.run_id));
		expect(new Set(tagValues.map(({ value }) => value))).toEqual(runs);
	});
});

describe("every panel of every dashboard", () => {
	it("has data", async () => {
		const results = await until(60, async () => {
			const all = await runPanels(e, traceId);
			const empty = all.filter(({ rows, skipped }) => rows === 0 && !skipped);
			if (empty.length > 0)
				throw new Error(empty.map(({ name, error }) => `${name}: ${error ?? "no data"}`).join("; "));
			return all;
		});
		for (const name of chosen()) expect(results.filter(({ pack }) => pack === name).length, name).toBeGreaterThan(10);
		// A Grafana that could not download the plugin says so in the panel; what it would read is looked at below.
		for (const { skipped } of results) if (skipped) expect(skipped).toContain(infinity);
	});
});

test("a pack that was added as a folder is there: its dashboard in its folder, its rules, its scrapes", async () => {
	type Shown = { meta: { folderTitle: string } };
	expect((await grafana<Shown>(e, "/api/dashboards/uid/added")).meta.folderTitle).toBe("Added");
	await until(30, async () => {
		for (const selector of ['up{job="added"} == 1', "added:up:sum"]) {
			const query = withQuery(`${e.prometheus}/api/v1/query`, { query: selector });
			if ((await json<Vector>(query)).data.result.length === 0) throw new Error(`${selector} has no data`);
		}
	});
});

test("a metric of an application's own leads to the trace behind it", async () => {
	const seen = await exemplars(e.prometheus, 'nl2api_eval_test_duration_ms_bucket{stage="total"}');
	expect(seen.length).toBeGreaterThan(10);
	const { trace } = await json<{ trace?: unknown }>(`${e.tempo}/api/v2/traces/${seen.at(-1)?.traceId}`);
	expect(JSON.stringify(trace)).toContain("evaluator.evaluate");
});

/** Faults whose description ends with the alert that they are for. */
const faults = packs().map(async ({ name, demo }) => ({
	name,
	alerting: Object.entries(demo ? (await load(name, demo)).faults : {}).flatMap(([fault, what]) => {
		const [, alert] = what.match(/: ([A-Z]\w+)$/) ?? [];
		return alert ? [{ fault, alert }] : [];
	}),
}));
const alerting = (await Promise.all(faults)).filter(({ alerting }) => alerting.length > 0);

if (soak)
	describe.concurrent.each(alerting)("the faults of $name", ({ name, alerting }) => {
		it("each make their alert fire, and somebody is told", { timeout: 3_600_000 }, async () => {
			for (const { fault, alert } of alerting) {
				// The fault before may have made it fire as well: what breaks a judge fails evaluations.
				await until(600, async () => {
					if (told.told({ alertname: alert })?.status === "firing") throw new Error(`${alert} fires before ${fault}`);
				});
				const begun = Date.now();
				const played = await stack.tracestack("demo", name, "--fault", fault);
				expect(played.code, played.all).toBe(0);
				const { at, annotations } = await until(300, async () => {
					const last = told.told({ alertname: alert });
					if (last?.status !== "firing" || last.at < begun)
						throw new Error(`nobody is told of ${alert} under ${fault}`);
					return last;
				});
				console.log(`${alert} after ${((at - begun) / 1000).toFixed(0)} s: ${annotations.summary}`);
			}
		});
	});

describe("report push", () => {
	const run = "run 8123";
	const envelope = {
		source: "nightly",
		correlation: { runId: run, branch: "main", traceIds: ["5b8efff798038103d269b633813fc60c"] },
		summary: { mutation: { score: 71.5 }, steps: { lint: { status: "failure" } } },
		extra: ["kept"],
	};

	it("stores the envelope and what belongs to it, and makes series of its numbers", async () => {
		const dir = mkdtempSync(join(tmpdir(), "tracestack-report-"));
		const files = [join(dir, "envelope.json"), join(dir, "verify-lite-run-summary.json")];
		writeFileSync(files[0]!, JSON.stringify(envelope));
		writeFileSync(files[1]!, JSON.stringify(envelope.summary));
		const pushed = await stack.tracestack("report", "push", ...files);
		expect(pushed.code, pushed.all).toBe(0);
		for (const folder of [encodeURIComponent(run), "latest"])
			expect(await (await stored(`nightly/${folder}/envelope.json`)).json()).toMatchObject(envelope);
		expect(await (await stored("nightly/latest/verify-lite-run-summary.json")).json()).toEqual(envelope.summary);
		const values = await until(20, async () => {
			const found = await reported(`${reportMetrics.value}{source="nightly"}`);
			if (found.length < 2) throw new Error("its numbers are not there");
			return found;
		});
		expect(values.map(({ metric: { field, run_id, branch }, value }) => [field, run_id, branch, value[1]])).toEqual([
			["mutation.score", run, "main", "71.5"],
			["steps.lint.status", run, "main", "0"],
		]);
	});

	it("keeps the demo's envelopes where Grafana's datasource looks, for its key only", async () => {
		const latest = await (await stored("verify-lite/latest/envelope.json")).json();
		expect(Object.keys((latest as typeof envelope).summary.steps)).toContain("mutationQuick");
		const source = await grafana<{ url: string; type: string; secureJsonFields: object }>(
			e,
			`/api/datasources/uid/${uid.reports}`,
		);
		expect(source).toMatchObject({ type: infinity, secureJsonFields: { awsAccessKey: true, awsSecretKey: true } });
		expect(new URL(source.url).pathname).toBe(new URL(store.url).pathname);
		expect((await fetch(`${store.url}/verify-lite/latest/envelope.json`)).status).toBe(403);
	});
});

describe("metrics push", () => {
	const run = "RUN-2026-0042";
	const examples = join(packsDir, "gazeqa/examples");
	let text: string;

	it("makes series of a run's files under their own names, and stores the list of artifacts", async () => {
		const output = join(mkdtempSync(join(tmpdir(), "tracestack-metrics-")), "latest.prom");
		const files = ["checklist.json", "metrics.json", "index.json", "run_summary.json"].map((name) =>
			join(examples, name),
		);
		const [checklist = "", metrics = "", index = "", summary = ""] = files;
		const options = ["--checklist", checklist, "--observability", metrics, "--artifacts", index, "--output", output];
		const pushed = await stack.tracestack("metrics", "push", summary, ...options);
		expect(pushed.code, pushed.all).toBe(0);
		text = readFileSync(output, "utf8");
		const written = text.split("\n").filter((line) => line.includes(run)).length;
		await until(20, async () => {
			const series = await reported(`{__name__=~"gazeqa_.+", run_id="${run}"}`);
			if (series.length !== written) throw new Error(`${series.length} of ${written} series are there`);
		});
		const values = await reported(`{__name__=~"gazeqa_(tests|artifact_upload)_total", run_id="${run}"}`);
		expect(new Set(values.map(({ metric: { status = "" }, value }) => `${status} ${value[1]}`))).toEqual(
			new Set([" 4", "success 27", "failure 1"]),
		);
		for (const folder of [run, "latest"])
			expect(await (await stored(`gazeqa/${folder}/index.json`)).json()).toMatchObject({ run_id: run });
	});

	it("writes what Prometheus reads; it would only rename what has had its name for long", async () => {
		const command = ["exec", "-i", `tracestack-${stack.name}-prometheus`, "/bin/promtool", "check", "metrics"];
		const { all } = await execa("docker", command, { input: text, reject: false, all: true });
		const kept =
			/^gazeqa_(tests|criteria|requirements|checklist_criteria)_total non-counter|^gazeqa_story_count non-hist/;
		expect(all.split("\n").filter((line) => !kept.test(line))).toEqual([]);
	});
});

describe("report weekly", () => {
	it("has numbers of every KPI and none of the week before, and leads to traces that are there", async () => {
		const file = join(mkdtempSync(join(tmpdir(), "tracestack-weekly-")), "reports/week.md");
		const { code, all } = await stack.tracestack("report", "weekly", "--out", file);
		expect(code, all).toBe(0);
		const text = readFileSync(file, "utf8");
		const rows = text.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
		for (const { name } of packs().flatMap(({ kpis }) => kpis)) {
			const [, , , now, before] = rows.find((cells) => cells[1] === name) ?? [];
			expect([now, before], name).toEqual([expect.stringMatching(/^[\d.,]+/), "no data"]);
		}
		expect(text).toContain("no data of the week before");
		const [, link = ""] = text.match(/## Slowest operations[\s\S]*?\]\((https:[^)]+)\)/) ?? [];
		const [{ query: id }] = JSON.parse(`${new URL(link).searchParams.get("panes")}`).traces.queries;
		const { trace } = await json<{ trace?: unknown }>(`${e.tempo}/api/v2/traces/${id}`);
		expect(trace).toBeDefined();
	});
});

describe("logs check", () => {
	it("says what lines lack, and nothing of one that has it all", async () => {
		const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
		const own = { run_id: "r-1", organization_slug: "acme", component: "crawler", env: "test" };
		const logRecords = [
			{
				timeUnixNano: `${Date.now()}000000`,
				severityText: "INFO",
				body: { stringValue: "a page" },
				attributes: Object.entries(own).map(([key, value]) => attribute(key, value)),
			},
		];
		const resource = { attributes: [attribute("service.name", "structured")] };
		const sent = await fetch(`${e.otlpHttp}/v1/logs`, {
			method: "POST",
			headers: { "content-type": "application/json", authorization: `Bearer ${e.otlpToken}` },
			body: JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] }),
		});
		expect(sent.status).toBe(200);
		const lacking = ["component", "env", "organization_slug", "run_id"].map((name) => `lacks ${name}`);
		type Verdict = { lines: number; wrong: number; mistakes: { what: string; at: string[] }[] };
		await until(20, async () => {
			const where = ["--where", '{service_name=~"kvonce-runner|structured"}', "--json"];
			const { code, stdout } = await stack.tracestack("logs", "check", "--pack", "gazeqa", ...where);
			const { lines, wrong, mistakes }: Verdict = JSON.parse(stdout);
			if (wrong !== lines - 1) throw new Error(`${wrong} of ${lines} lines are wrong: all but one should be`);
			expect(code).toBe(1);
			expect(mistakes.map(({ what }) => what).sort()).toEqual(lacking);
			for (const { at } of mistakes) expect(new Set(at)).toEqual(new Set(["kvonce-runner"]));
		});
	});
});

describe("of a Temporal beside the stack,", () => {
	looksAtTemporal(() => ({ stack, e, temporal: temporal.at }));
});
