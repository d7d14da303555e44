// Alert rules and receivers: what each owes to whoever is woken by it.

import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { parse } from "yaml";
import { testAlerts } from "../../cli/alert.ts";
import { root } from "../../cli/paths.ts";
import { alertmanager } from "../../components/alertmanager.ts";
import { serviceGraph, spanMetrics } from "../../components/links.ts";
import { routesOf } from "../../components/receivers.ts";
import { ruleFiles } from "../../components/rules.ts";
import { parseSettings } from "../../settings.ts";

interface Rule {
	alert?: string;
	record?: string;
	expr: string;
	labels?: Record<string, string>;
	annotations?: Record<string, string>;
}

interface Case {
	alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[];
}

const packs = join(root, "configs/packs");
const read = (path: string) => parse(readFileSync(join(packs, path), "utf8"));
const ruleNames = globSync("*/rules/*.yaml", { cwd: packs }).filter((path) => !path.endsWith(".test.yaml"));
const rules = ruleNames.flatMap((path) => read(path).groups.flatMap(({ rules }: { rules: Rule[] }) => rules) as Rule[]);
const alerts = rules.flatMap(({ alert, ...rule }) => (alert ? [{ alert, ...rule }] : []));
const cases = globSync("*/rules/*.test.yaml", { cwd: packs }).flatMap((path) => read(path).tests as Case[]);
const checks = cases.flatMap(({ alert_rule_test = [] }) => alert_rule_test);

function settings(raw: Record<string, unknown>) {
	return parseSettings(raw, { project: "tracestack", name: "dev" });
}

describe.each(alerts)("$alert", ({ alert, labels, annotations }) => {
	it("says how bad it is, of what, and what to do", () => {
		expect(["critical", "warning", "info"]).toContain(labels?.severity);
		for (const annotation of ["summary", "description"]) expect(annotations?.[annotation], annotation).toBeTruthy();
		expect(existsSync(join(root, annotations?.runbook_url ?? "nowhere")), annotations?.runbook_url).toBe(true);
	});

	it("is tested to fire and to stay silent", () => {
		const own = checks.filter(({ alertname }) => alertname === alert);
		expect(own.some(({ exp_alerts }) => exp_alerts.length > 0)).toBe(true);
		expect(own.some(({ exp_alerts }) => exp_alerts.length === 0)).toBe(true);
	});
});

test("no runbook is of an alert that does not exist", () => {
	const known = alerts.map(({ annotations }) => annotations?.runbook_url);
	const pages = readdirSync(join(root, "docs/runbooks")).map((page) => `docs/runbooks/${page}`);
	expect(pages.filter((page) => !known.includes(page) && !page.endsWith("README.md"))).toEqual([]);
});

test("the index of runbooks has each alert, with its page and its severity", () => {
	const index = readFileSync(join(root, "docs/runbooks/README.md"), "utf8");
	const listed = [...index.matchAll(/^\| \[(\w+)\]\((\w+\.md)\) \| (\w+) \|/gm)].map(([, ...row]) => row.join(" "));
	const declared = alerts.map(({ alert, labels, annotations }) => {
		const page = annotations?.runbook_url?.replace("docs/runbooks/", "");
		return `${alert} ${page} ${labels?.severity}`;
	});
	expect(listed.sort()).toEqual(declared.sort());
});

test("rules name span metrics as links.ts does", () => {
	const names = rules.flatMap(({ expr }) => expr.match(/\btraces_\w+/g) ?? []);
	const known = [spanMetrics.calls, spanMetrics.latency, serviceGraph.requests];
	expect(names.filter((name) => !known.some((start) => name.startsWith(start)))).toEqual([]);
});

describe("thresholds", () => {
	const rulesOf = (raw: Record<string, unknown>): Rule[] =>
		parse(ruleFiles(settings(raw)).find(({ name }) => name === "thresholds.yaml")?.text ?? "").groups[0].rules;

	it("are series: one for all, and all of them for a service that has an owner", () => {
		const own = rulesOf({ services: [{ name: "pay", team: "payments", errorRatio: 0.01 }] });
		expect(own.filter(({ record }) => record === "tracestack_threshold_error_ratio")).toEqual([
			{ record: "tracestack_threshold_error_ratio", expr: "vector(0.05)" },
			{
				record: "tracestack_threshold_error_ratio",
				expr: "vector(0.01)",
				labels: { service: "pay", team: "payments" },
			},
		]);
		expect(own.filter(({ labels }) => labels?.service === "pay").map(({ expr }) => expr)).toEqual([
			"vector(0.01)",
			"vector(2)",
			"vector(0.5)",
		]);
	});

	it("have no silence unless somebody asks", () => {
		const silence = (raw: Record<string, unknown>) =>
			rulesOf(raw).find(({ record }) => record === "tracestack_threshold_silence_seconds")?.expr;
		expect(silence({})).toBeUndefined();
		expect(silence({ alerts: { silence: "15m" } })).toBe("vector(900)");
	});
});

test("runbooks can have an address", () => {
	const files = ruleFiles(settings({ alerts: { runbooks: "https://git.example.com/acme/" } }));
	const text = files.find(({ name }) => name === "platform-platform.yaml")?.text;
	expect(text).toContain("runbook_url: https://git.example.com/acme/docs/runbooks/ServiceDown.md");
});

describe("receivers", () => {
	const secret = "hush";
	const common = { severities: ["critical"] };
	const receivers = [
		{ type: "webhook", name: "audit", url: "http://host.docker.internal:9/", token: secret, ...common },
		{ type: "slack", name: "team", webhookUrl: secret, teams: ["a.b", "zürich (1)"] },
		{ type: "pagerduty", name: "oncall", routingKey: secret, envs: ["prod", "live"] },
		{
			type: "email",
			name: "mail",
			to: "a@b.example",
			from: "c@d.example",
			smarthost: "mail:25",
			username: "me",
			password: secret,
		},
	];
	const workload = alertmanager(settings({ receivers }));
	const text = workload.files["/etc/alertmanager/alertmanager.yaml"]?.text ?? "";

	it("keep their secrets in files", () => {
		expect(text).not.toContain(secret);
		expect(workload.secrets).toEqual(
			["audit", "team", "oncall", "mail"].map((name) => ({
				value: secret,
				as: { file: `/etc/alertmanager/secrets/${name}` },
			})),
		);
		for (const { as } of workload.secrets) expect("file" in as && text.includes(as.file)).toBe(true);
	});

	it("are all asked, each for what it wants", () => {
		expect(parse(text).route.routes).toEqual([
			// Before all of them, the alert that nobody is told of.
			{ receiver: "none", matchers: ['alertname="TracestackSmoke"'] },
			{ receiver: "audit", matchers: ['severity=~"critical"'], continue: true },
			{ receiver: "team", matchers: ['team=~"a\\\\.b|zürich \\\\(1\\\\)"'], continue: true },
			{ receiver: "oncall", matchers: ['env=~"prod|live"'], continue: true },
			{ receiver: "mail", matchers: [], continue: true },
		]);
	});

	it("are routed by environment as a pack's README shows it", () => {
		const readme = readFileSync(join(packs, "gazeqa/README.md"), "utf8");
		const block = [...readme.matchAll(/```yaml\n([\s\S]+?)```/g)].find(([, yaml]) => yaml?.includes("receivers"))?.[1];
		const { config } = parse(block?.replaceAll("{ secure: … }", secret) ?? "");
		const { packs: of, receivers } = settings({
			packs: config["tracestack:packs"],
			receivers: config["tracestack:receivers"],
		});
		expect(of.map(({ name }) => name)).toContain("gazeqa");
		expect(routesOf(receivers)).toEqual([
			{ receiver: "audit", matchers: [], continue: true },
			{ receiver: "oncall", matchers: ['env=~"prod|production"'], continue: true },
			{ receiver: "shared", matchers: ['env=~"dev|qa|ci"'], continue: true },
		]);
	});

	it("each get a test, and no test inhibits another", () => {
		const all = { severities: [], envs: [], teams: [] };
		const tests = testAlerts({
			env: "dev",
			receivers: [
				{ name: "all", ...all },
				{ name: "same", ...all },
				{ name: "team", ...all, severities: ["warning"], teams: ["pay"] },
			],
		});
		expect(tests).toEqual([
			{ alertname: "TestCritical", service: "alert-test", severity: "critical", env: "dev" },
			{ alertname: "TestWarning", service: "alert-test", severity: "warning", env: "dev", team: "pay" },
		]);
	});
});
