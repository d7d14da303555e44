// Something breaks, and somebody is told: faults in a real stack, followed to a real webhook, and back.

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Batch, post } from "../../cli/load/batch.ts";
import { postAlerts } from "../../cli/verify/alerts.ts";
import { type Endpoints, json, until, withQuery } from "../../cli/verify/api.ts";
import { dashboards, packs } from "../../components/packs.ts";
import { smokeAlert } from "../../components/receivers.ts";
import { ruleFiles } from "../../components/rules.ts";
import { parseSettings } from "../../settings.ts";
import { Beside } from "./beside.ts";
import { Example } from "./contract.ts";
import { mailServer } from "./mail.ts";
import { sendRequests } from "./sender.ts";
import { soak } from "./soak.ts";
import { TestStack } from "./stack.ts";

const token = "of good: news";
const tempoOtlpHttp = 32519;
let stack: TestStack;
let e: Endpoints;

const audit = new Beside();
const payments = new Beside();
const broken = new Beside();
const destination = new Beside();
const target = new Beside();
const slack = new Beside();
const pagerduty = new Beside();
const beside = [audit, payments, broken, destination, target, slack, pagerduty];
let mail: Awaited<ReturnType<typeof mailServer>>;

beforeAll(async () => {
	await Promise.all(beside.map((server) => server.start()));
	pagerduty.answers = 202;
	slack.says = "ok";
	mail = await mailServer();
	stack = await TestStack.create("e2e-alerts", 32500);
	stack.configure({
		size: "small",
		ports: { ...stack.ports, tempoOtlpHttp },
		collector: { queueMiB: 1 },
		destinations: [{ name: "far", endpoint: destination.url, queueMiB: 1 }],
		scrapes: [{ job: "app", targets: [target.url.replace("http://", "")] }],
		alerts: { env: "test" },
		services: [{ name: "pay", team: "payments" }],
		receivers: [
			{ type: "webhook", name: "audit", url: audit.url, token },
			{ type: "webhook", name: "payments", url: payments.url, teams: ["payments"] },
			{ type: "webhook", name: "broken", url: broken.url },
			{ type: "slack", name: "chat", webhookUrl: `${slack.url}/services/hush`, channel: "#alerts" },
			{ type: "pagerduty", name: "oncall", routingKey: "hush-hush", url: pagerduty.url, severities: ["critical"] },
			{
				type: "email",
				name: "mail",
				to: "team@example.com",
				from: "alerts@example.com",
				smarthost: `host.docker.internal:${mail.port}`,
				requireTls: false,
				severities: ["warning"],
			},
		],
	});
	const up = await stack.tracestack("up", "--no-verify");
	if (up.code !== 0) throw new Error(up.all);
	e = await stack.endpoints();
	// Something of everything: a metric of nothing does not appear.
	await Example.sent(e);
});

afterAll(async () => {
	for (const { server } of beside) server?.close();
	mail.server.close();
	await stack.remove();
});

/** About 100 KiB of log lines. */
async function lines(): Promise<void> {
	const timeUnixNano = String(BigInt(Date.now()) * 1_000_000n);
	const body = { stringValue: randomBytes(500).toString("hex") };
	const logRecords = Array.from({ length: 100 }, () => ({ timeUnixNano, body }));
	const payload = JSON.stringify({ resourceLogs: [{ resource: {}, scopeLogs: [{ logRecords }] }] });
	const headers = { "content-type": "application/json" };
	await (await fetch(`${e.otlpHttp}/v1/logs`, { method: "POST", headers, body: payload })).text();
}

const huge = {
	batch: new Batch("huge", 1, { spans: 12_000, attributes: { filler: "x".repeat(1000) } }),
	id: randomBytes(16),
};

/** 13 MB more of one trace, past the collector. Tempo takes 50. */
async function moreOfOneTrace(): Promise<void> {
	const { body, ids } = huge.batch.next();
	const own = Buffer.from(ids[0] ?? "", "hex");
	for (let at = body.indexOf(own); at >= 0; at = body.indexOf(own, at + 16)) huge.id.copy(body, at);
	const headers = { "content-type": "application/x-protobuf" };
	const answer = await fetch(`http://127.0.0.1:${tempoOtlpHttp}/v1/traces`, { method: "POST", headers, body });
	expect(answer.status, await answer.text()).toBe(200);
}

/** As much as makes the queue of a destination that takes nothing run over after half a minute. */
const bulk = new Batch("bulk", 1000, { attributes: { filler: "x".repeat(100) } });

describe("the receivers", () => {
	it("each get a test, and nothing of a smoke test", async () => {
		// Its own alert ends before anybody could be told of it; this one waits as long as those of the other test.
		const labels = [{ alertname: smokeAlert, severity: "critical", env: "test", team: "payments" }];
		const sent = { labels, annotations: {}, from: Date.now() };
		await postAlerts(e.alertmanager, { ...sent, to: Date.now() + 3_600_000 });
		const [{ code, all }, smoke] = await Promise.all([
			stack.tracestack("alert", "test"),
			stack.tracestack("smoke", "--json", "--timeout", "180"),
		]);
		expect(code, all).toBe(0);
		expect(smoke.code, smoke.all).toBe(0);
		expect(JSON.parse(smoke.stdout)).toMatchObject({ archive: "not enabled", warnings: [] });
		for (const link of ["trace by id", "exemplar that names the trace", "alert taken and routed"])
			expect(smoke.all).toContain(`✓ ${link}`);
		for (const { bodies } of beside) expect(bodies.join()).not.toContain(smokeAlert);
		expect(mail.letters.join()).not.toContain(smokeAlert);
		await postAlerts(e.alertmanager, { ...sent, to: Date.now() });
		for (const name of ["audit", "payments", "broken", "chat", "oncall", "mail"]) expect(all).toContain(`✓ ${name} `);
		expect([...audit.authorization]).toEqual([`Bearer ${token}`]);
		expect(JSON.parse(audit.bodies[0] ?? "")).toMatchObject({ externalURL: e.alertmanager });
		expect(payments.told({ alertname: "TestCritical", team: "payments", env: "test" })).toBeDefined();
		expect(slack.bodies[0]).toContain("FIRING test: this is a test");
		expect(JSON.parse(pagerduty.bodies[0] ?? "")).toMatchObject({ routing_key: "hush-hush", event_action: "trigger" });
		expect(mail.letters[0]).toContain("FIRING test: this is a test");
		const config = await stack.read("alertmanager", "/etc/alertmanager/alertmanager.yaml");
		expect(config).toContain("receiver: oncall");
		for (const secret of [token, "hush"]) expect(config).not.toContain(secret);
	});
});

/** Alerts of Alertmanager's own API: what the rules of the stack would need hours and a full disk for. */
const byHand = (alertname: string, severity: string, service: string) => ({
	...{ alertname, severity, service },
	...{ env: "test", sent: "by hand" },
});
const explained = {
	causes: [
		byHand("ServiceDown", "critical", "a"),
		byHand("OfTwoSeverities", "critical", "b"),
		byHand("DiskFull", "critical", "disk"),
	],
	inhibited: [
		byHand("Slow", "warning", "a"),
		byHand("OfTwoSeverities", "warning", "b"),
		byHand("DiskFilling", "warning", "disk"),
	],
	others: [
		byHand("Failing", "critical", "a"),
		byHand("OfTwoSeverities", "warning", "c"),
		{ ...byHand("Slow", "warning", "c"), exporter: "one" },
		{ ...byHand("Slow", "warning", "c"), exporter: "two" },
	],
};

describe("an alert that explains others", () => {
	it("inhibits those, and no others", async () => {
		const from = Date.now();
		const sent = Object.values(explained).flat();
		await postAlerts(e.alertmanager, { labels: sent, annotations: {}, from, to: from + 3_600_000 });
		await until(60, async () => {
			type Shown = { labels: Record<string, string>; status: { inhibitedBy: string[] } };
			const shown = await json<Shown[]>(withQuery(`${e.alertmanager}/api/v2/alerts`, { filter: 'sent="by hand"' }));
			const inhibited = shown.filter(({ status }) => status.inhibitedBy.length > 0).map(({ labels }) => labels);
			expect(shown).toHaveLength(sent.length);
			expect(inhibited).toHaveLength(explained.inhibited.length);
			expect(inhibited).toEqual(expect.arrayContaining(explained.inhibited));
		});
	});
});

it("a log line that is longer than Loki takes arrives in part, and says so", async () => {
	const body = { stringValue: "x".repeat(300_000) };
	const attributes = [{ key: "service.name", value: { stringValue: "long" } }];
	const logRecords = [{ timeUnixNano: String(BigInt(Date.now()) * 1_000_000n), body }];
	const payload = JSON.stringify({ resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }] });
	const headers = { "content-type": "application/json" };
	expect((await fetch(`${e.otlpHttp}/v1/logs`, { method: "POST", headers, body: payload })).status).toBe(200);
	await until(60, async () => {
		type Lines = { data: { result: { values: [at: string, line: string][] }[] } };
		const query = { query: '{service_name="long"}', limit: 1 };
		const { data } = await json<Lines>(withQuery(`${e.loki}/loki/api/v1/query_range`, query));
		expect(data.result[0]?.values[0]?.[1].slice(-20)).toBe("xxxxxxxx [truncated]");
	});
});

const loki = "otlp_http/loki";

/** What breaks, and the labels of the alert about it. */
const faults: [what: string, labels: Record<string, string>][] = [
	["Loki stops", { alertname: "ServiceDown", service: "loki" }],
	["logs wait for it", { alertname: "CollectorNotSending", exporter: loki }],
	["its queue fills", { alertname: "CollectorQueueFilling", exporter: loki }],
	["further logs are refused", { alertname: "CollectorRefusing", receiver: "otlp" }],
	["a destination refuses what it gets", { alertname: "CollectorDropping", exporter: "otlp_http/destination-far" }],
	["a trace is larger than Tempo takes", { alertname: "TempoDiscarding", reason: "trace_too_large" }],
	["a receiver refuses its notifications", { alertname: "NotificationsFailing", receiver_name: "broken" }],
	["a target of a scrape answers no more", { alertname: "TargetDown", job: "app" }],
	["a service fails", { alertname: "RequestsFailing", service: "pay", team: "payments" }],
	["a service is slow", { alertname: "RequestsSlow", service: "report" }],
];

/** They count the last two minutes, and are over as much later. */
const lookBack = ["CollectorRefusing", "CollectorDropping", "TempoDiscarding", "NotificationsFailing"];

describe("when", () => {
	let injected = 0;
	let repaired = 0;
	const load = { failed: true, seconds: 5, stopped: false };
	let loading: Promise<void>;

	beforeAll(async () => {
		injected = Date.now();
		await stack.container("loki", "stop");
		destination.answers = 503;
		broken.answers = 401;
		target.answers = 500;
		loading = (async () => {
			for (let i = 0; !load.stopped; i++) {
				// As many good ones at the end as make few of the bad ones.
				for (const service of ["pay", "report"]) await sendRequests(e.otlpHttp, service, load.failed ? 4 : 400, load);
				// What was told has been seen to fail.
				const needed = (alertname: string) => load.failed && !audit.told({ alertname });
				if (needed("CollectorRefusing")) for (let i = 0; i < 4; i++) await lines();
				if (needed("CollectorDropping")) await post(e, bulk.next().body);
				if (needed("TempoDiscarding") && i % 3 === 0) await moreOfOneTrace();
				await sleep(3000);
			}
		})();
	});

	it.each(faults)("%s, it is told within three minutes", async (_, labels) => {
		const left = 180 - (Date.now() - injected) / 1000;
		const { annotations, at, generatorURL } = await until(left, async () => {
			// What is no longer brought about may be over before it is looked for here.
			const alert = audit.told(labels, "firing");
			if (!alert) throw new Error(`not told: ${JSON.stringify(labels)}`);
			return alert;
		});
		expect(generatorURL).toMatch(new RegExp(`^${e.prometheus}/graph\\?`));
		console.log(`${labels.alertname} after ${((at - injected) / 1000).toFixed(0)} s: ${annotations.summary}`);
		expect(audit.told(labels)?.labels.env).toBe("test");
	});

	it("nobody is told of what is inhibited; of alerts without a summary in common, how many they are", async () => {
		await until(60, async () => {
			for (const labels of [...explained.causes, ...explained.others]) expect(audit.told(labels)).toBeDefined();
			expect(slack.bodies.join()).toContain("FIRING test: Slow, 2 alerts");
		});
		for (const labels of explained.inhibited) expect(audit.told(labels)).toBeUndefined();
	});

	it("a team is told of its own services, and of nothing else", async () => {
		expect(payments.told({ alertname: "RequestsFailing", service: "pay" })).toBeDefined();
		expect(new Set(payments.alerts.map(({ labels }) => labels.team))).toEqual(new Set(["payments"]));
	});

	it("all is repaired", async () => {
		repaired = Date.now();
		Object.assign(load, { failed: false, seconds: 0.005 });
		destination.answers = 200;
		broken.answers = 200;
		target.answers = 200;
		await stack.container("loki", "start");
	});

	it.each(soak ? faults : faults.filter(([, { alertname }]) => !lookBack.includes(`${alertname}`)))(
		"%s no more, it is told as well",
		async (_, labels) => {
			const { at } = await until(360 - (Date.now() - repaired) / 1000, async () => {
				const alert = audit.told(labels);
				if (alert?.status !== "resolved") throw new Error(`not resolved: ${JSON.stringify(labels)}`);
				return alert;
			});
			console.log(`${labels.alertname} resolved after ${((at - repaired) / 1000).toFixed(0)} s`);
		},
	);

	it("the week's report has each of them, with how often it was", async () => {
		const { code, stdout, all } = await stack.tracestack("report", "weekly");
		expect(code, all).toBe(0);
		const rows = stdout.split("\n").map((line) => line.split("|").map((cell) => cell.replaceAll("`", "").trim()));
		for (const [, { alertname, service }] of faults) {
			const [, , , , long, often] =
				rows.find((cells) => cells[1] === alertname && (!service || cells[3] === service)) ?? [];
			expect([long, often], alertname).toEqual([
				expect.stringMatching(/^\d+ min/),
				expect.stringMatching(/^[1-9]\d*$/),
			]);
		}
	});

	afterAll(async () => {
		load.stopped = true;
		await loading;
	});
});

describe("every metric of every rule and dashboard", () => {
	/** They appear with their first event: a failure that no test brings about, a block that is written and noticed. */
	const ofEvents = [
		"tempodb_backend_bytes_total",
		"tempo_distributor_queue_pushes_failures_total",
		"tempo_distributor_metrics_generator_pushes_failures_total",
		"tempo_metrics_generator_registry_collections_failed_total",
		"otelcol_exporter_enqueue_failed_metric_points",
		"otelcol_exporter_enqueue_failed_log_records",
		"otelcol_exporter_send_failed_spans",
		"otelcol_exporter_send_failed_metric_points",
		"otelcol_exporter_send_failed_log_records",
	];
	/** Those of settings that this stack has not. */
	const ofSettings = [
		"tracestack_threshold_silence_seconds",
		"tracestack_temporal_namespace",
		"otelcol_processor_tail_sampling_sampling_traces_on_memory",
	];
	/** Those that Tempo's 2.8 line has not. */
	const ofTempo3 = [
		"tempo_live_store_failed_completions_total",
		"tempo_live_store_local_failed_flushes_total",
		"tempo_spans_distance_in_past_seconds",
	];

	it("exists on the live servers", async () => {
		const { data: live } = await json<{ data: string[] }>(`${e.prometheus}/api/v1/label/__name__/values`);
		const { version } = await json<{ version: string }>(`${e.tempo}/api/status/buildinfo`);
		const rules = ruleFiles(parseSettings({}, { project: "tracestack", name: "dev" })).map(({ text }) => text);
		const models = dashboards(packs()).map(({ json }) => JSON.stringify(valuesOf("expr", JSON.parse(json))));
		const starts = "loki|otelcol|tempo|tempodb|prometheus|alertmanager|traces|process|tracestack";
		const used = [...rules, ...models].join().match(new RegExp(`\\b(?:(?:${starts})_|service:)[\\w:]+`, "g"));
		const names = new Set(used);
		expect(names.size).toBeGreaterThan(50);
		const absent = [...ofEvents, ...ofSettings, ...(version.startsWith("3.") ? [] : ofTempo3)];
		const missing = [...names].filter((name) => !live.includes(name) && !absent.includes(name));
		expect(missing.join(" ")).toBe("");
	});
});

/** Every value under this key, however deep. */
function valuesOf(key: string, within: unknown): unknown[] {
	if (typeof within !== "object" || within === null) return [];
	return Object.entries(within).flatMap(([name, value]) => [...(name === key ? [value] : []), ...valuesOf(key, value)]);
}
