// The linting part of `check`: every configuration file by its server's own linter, with default settings and with others.

import { globSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { platform } from "../components/platform.ts";
import { smokeAlert } from "../components/receivers.ts";
import type { Workload } from "../components/workload.ts";
import { parseSettings, type Settings } from "../settings.ts";
import { promqlAsRules } from "./dashboards/lint.ts";
import { hasLinter, lint, runIn } from "./linter.ts";
import { root } from "./paths.ts";

/** One check. */
export interface Lint {
	/** What is checked, for people. */
	name: string;
	/** Runs it. @throws with what the linter found. */
	run(): Promise<void>;
}

/** Paths of the base files under configs/, and of where their servers read them. */
const baseFiles: Record<string, [source: string, target: string]> = {
	tempo: ["tempo/tempo.yaml", "/etc/tempo/tempo.yaml"],
	collector: ["collector/collector.yaml", "/etc/otelcol-contrib/config.yaml"],
	prometheus: ["prometheus/prometheus.yaml", "/etc/prometheus/prometheus.yaml"],
	alertmanager: ["alertmanager/alertmanager.yaml", "/etc/alertmanager/alertmanager.yaml"],
	loki: ["loki/loki.yaml", "/etc/loki/loki.yaml"],
};

/** One receiver of each kind, with filters of its own. */
const receivers = [
	{ type: "pagerduty", name: "oncall", routingKey: "k", severities: ["critical"], envs: ["prod"] },
	{ type: "slack", name: "payments", webhookUrl: "https://slack", channel: "#pay", teams: ["payments", "zürich 1.0"] },
	{ type: "webhook", name: "audit", url: "https://api.example.com/observability/alerts", token: "t" },
	{ type: "email", name: "staging", to: "a@b.example", from: "c@d.example", smarthost: "mail:587", envs: ["staging"] },
];

/** The receivers that an alert with these labels must reach. */
const routes: [labels: string[], told: string[]][] = [
	[
		["severity=critical", "env=prod", "team=payments"],
		["oncall", "payments", "audit"],
	],
	[
		["severity=critical", "env=prod", "team=platform"],
		["oncall", "audit"],
	],
	[
		["severity=warning", "env=prod", "team=payments"],
		["payments", "audit"],
	],
	[
		["severity=critical", "env=staging", "team=platform"],
		["audit", "staging"],
	],
	// A part of a name must not match.
	[["severity=critical", "env=nonprod", "team=payments-eu"], ["audit"]],
	[["severity=info"], ["audit"]],
	[
		["severity=info", "team=zürich 1.0"],
		["payments", "audit"],
	],
	[["severity=info", "team=zürich 110"], ["audit"]],
	// The alert of the smoke test notifies nobody.
	[[`alertname=${smokeAlert}`, "severity=critical", "env=prod", "team=payments"], ["none"]],
];

/** Receivers by environment, as the README of the pack gazeqa recommends. */
const byEnv = [
	{ type: "webhook", name: "audit", url: "https://gazeqa.example.com/observability/alerts", token: "t" },
	{ type: "pagerduty", name: "oncall", envs: ["prod", "production"], routingKey: "k" },
	{ type: "slack", name: "shared", envs: ["dev", "qa", "ci"], channel: "#gazeqa", webhookUrl: "https://slack" },
];
const byEnvRoutes: typeof routes = [
	[
		["severity=warning", "env=prod", "team=gazeqa"],
		["audit", "oncall"],
	],
	[
		["severity=critical", "env=qa", "team=gazeqa"],
		["audit", "shared"],
	],
];

/** Every setting about sampling. */
const sampling = {
	percent: 50,
	tail: { percent: 10, slowerThan: "2s", attributes: [{ name: "run.id" }, { name: "tier", values: ["gold"] }] },
};
/** Several collectors, which only the target aws can run. */
const several = {
	target: "aws",
	access: { token: true },
	aws: {
		region: "eu-central-1",
		hostedZoneId: "Z0",
		grafana: { domain: "grafana.example.com" },
		otlp: { domain: "otlp.example.com" },
	},
	collector: { instances: { max: 3 } },
};
/** A stack that can be reached from other machines. */
const guarded = { bindAddress: "192.0.2.1", access: { token: true, tls: "generated" } };

/** Settings that change what is rendered, for the service whose configuration they change. */
const variants: [service: string, what: string, raw: Record<string, unknown>][] = [
	...["tempo", "loki"].flatMap((service): [string, string, Record<string, unknown>][] => [
		[service, "storage in the stack's own S3 server", { storage: { backend: "s3" } }],
		[
			service,
			"storage in S3",
			{ storage: { backend: "s3", bucket: "acme", endpoint: "s3:7070", region: "eu-central-1" } },
		],
		[service, "storage in GCS", { storage: { backend: "gcs", bucket: "acme", prefix: "a-b" } }],
		[service, "storage in Azure", { storage: { backend: "azure", container: "traces", account: "acme" } }],
	]),
	["collector", "no logs", { logs: { enabled: false } }],
	["collector", "sampling", { sampling }],
	["tempo", "sampling", { sampling }],
	["tempo", "dimensions of span metrics", { spanMetrics: { dimensions: ["deployment.environment.name"] } }],
	["collector", "sampling with dimensions", { sampling, spanMetrics: { dimensions: ["deployment.environment.name"] } }],
	["collector", "Jaeger's and Zipkin's formats", { collector: { jaeger: true, zipkin: true } }],
	["collector", "no redaction", { redaction: { enabled: false } }],
	["collector", "patterns of its own", { redaction: { keys: ["^ssn$"], values: ["\\bACME-\\d+\\b"] } }],
	[
		"collector",
		"destinations",
		{
			destinations: [
				{
					name: "langfuse",
					endpoint: "https://langfuse",
					headers: { authorization: "x" },
					onlyAttributes: ["gen_ai."],
				},
				{ name: "jaeger", endpoint: "http://jaeger:4317", protocol: "grpc", signals: ["traces", "metrics", "logs"] },
				{ name: "far", endpoint: "https://otlp.example.com", protocol: "grpc" },
			],
		},
	],
	["collector", "an archive", { archive: { enabled: true } }],
	["prometheus", "an archive", { archive: { enabled: true } }],
	["alertmanager", "a receiver of each kind", { receivers }],
	[
		"prometheus",
		"services with thresholds of their own",
		{ services: [{ name: "shop", team: "web", errorRatio: 0.01 }] },
	],
	["collector", "a token and TLS", guarded],
	["prometheus", "a Grafana that asks who you are", guarded],
	["collector", "several of it", several],
	["prometheus", "several collectors", several],
	["prometheus", "scrapes of its own", { scrapes: [{ job: "app", targets: ["host.docker.internal:8080"] }] }],
];

/**
 * Checks of the configuration of a stack with default settings, of the variants that other settings make, and of the base
 * files under configs/.
 *
 * @param images Image catalogue with the servers; undefined for the official one.
 */
export function configLints(images: string | undefined): Lint[] {
	const settings = settingsOf({}, images);
	const workloads = workloadsOf(settings).filter(({ name }) => hasLinter(name));
	const varied = variants.map(([service, what, raw]) => ({
		name: `${service}: rendered configuration, ${what}`,
		run: async () => lint(workloadsOf(settingsOf(raw, images)).find(({ name }) => name === service)!),
	}));
	const rendered = workloads.map((w) => ({ name: `${w.name}: rendered configuration`, run: () => lint(w) }));
	// A version that needs a patch can't read the unpatched file.
	const asItStands = workloads
		.filter((w) => !settings.image(w.name).patch)
		.map((w) => ({
			name: `${w.name}: configs/${baseFiles[w.name]?.[0]} as it stands`,
			run: async () => {
				const [source, target] = baseFiles[w.name] ?? [];
				if (!source || !target) throw new Error(`${w.name} has no base file`);
				await lint({
					...w,
					files: { ...w.files, [target]: { text: await readFile(join(root, "configs", source), "utf8") } },
				});
			},
		}));
	const others = [ruleTests(settings), dashboardQueries(settings), routeTests(images), workflowLint(settings)];
	return [...rendered, ...varied, ...asItStands, ...others];
}

function settingsOf(raw: Record<string, unknown>, images: string | undefined): Settings {
	return parseSettings(raw, { project: "tracestack", name: "dev" }, images);
}

/** The workloads of a stack with these settings, with empty secrets. */
export function workloadsOf(settings: Settings): Workload[] {
	return platform(settings, (workload, port) => `${workload}:${port}`, { password: "", storeKey: "" });
}

/** `promtool test rules` over every pack's tests: each rule fires when it should and stays silent otherwise. */
function ruleTests(settings: Settings): Lint {
	return {
		name: "prometheus: alert rules fire and stay silent as their tests say",
		run: async () => {
			const tests = globSync("configs/packs/*/rules/*.test.yaml", { cwd: root });
			if (tests.length === 0) throw new Error("no rule tests found");
			await runIn(
				settings.image("prometheus").image,
				"/bin/promtool",
				["test", "rules", ...tests.map((t) => `/src/${t}`)],
				[`${join(root, "configs")}:/src/configs:ro`],
			);
		},
	};
}

/** `promtool check rules` over what the dashboards and the weekly report ask Prometheus. */
function dashboardQueries(settings: Settings): Lint {
	return {
		name: "prometheus: every query of a dashboard and of a KPI can be parsed",
		run: async () => {
			const dir = await mkdtemp(join(tmpdir(), "tracestack-lint-"));
			try {
				await writeFile(join(dir, "queries.yaml"), stringify(promqlAsRules()), { mode: 0o644 });
				const args = ["check", "rules", "/src/queries.yaml"];
				await runIn(settings.image("prometheus").image, "/bin/promtool", args, [`${dir}:/src:ro`]);
			} finally {
				await rm(dir, { recursive: true });
			}
		},
	};
}

/** `amtool config routes test`: every alert reaches the receivers that it should. */
function routeTests(images: string | undefined): Lint {
	return {
		name: "alertmanager: alerts reach the receivers that they should",
		run: async () => {
			const cases: [receivers: unknown[], routes: [labels: string[], told: string[]][]][] = [
				[receivers, routes],
				[byEnv, byEnvRoutes],
				[[], [[["severity=critical"], ["none"]]]],
			];
			const file = "--config.file=/etc/alertmanager/alertmanager.yaml";
			for (const [told, expected] of cases) {
				const w = workloadsOf(settingsOf({ receivers: told }, images)).find(({ name }) => name === "alertmanager")!;
				for (const [labels, names] of expected) {
					const args = ["config", "routes", "test", file, `--verify.receivers=${names.join(",")}`, ...labels];
					await lint(w, { entrypoint: "/bin/amtool", args });
				}
			}
		},
	};
}

/** actionlint over GitHub's workflows, without the scripts in them: not every image of it has shellcheck. */
function workflowLint(settings: Settings): Lint {
	return {
		name: "workflows (actionlint)",
		run: () => {
			const files = globSync(".github/workflows/*.yml", { cwd: root }).map((file) => `/src/${file}`);
			const args = ["-shellcheck=", "-pyflakes=", ...files];
			const mounts = [`${join(root, ".github")}:/src/.github:ro`];
			return runIn(settings.image("actionlint").image, "/usr/local/bin/actionlint", args, mounts);
		},
	};
}
