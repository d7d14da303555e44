// GazeQA's runs: a person asks for one on the command line, it logs in to a web application, explores it with a model's help,
// writes stories and tests, and uploads what it made. A run closes with its files, as `metrics push` takes them.

import type { Demo, Measure, Work, World } from "../../../cli/demo/world.ts";
import { visibility } from "./temporal.ts";

const envs = ["qa", "qa", "ci", "dev", "prod"];
const frameworks = ["pytest", "junit"];
const actions = ["navigate", "submit", "download"];
/** Dollars for a million tokens, in and out. */
const models: Record<string, [input: number, output: number]> = { "gpt-4o": [2.5, 10], "gpt-4o-mini": [0.15, 0.6] };
/** What a run makes, and how many bytes on average. */
const artifacts = {
	"frd/requirements_synthesis.md": 24_000,
	"frd/stories_export.json": 9000,
	"tests/manifest.json": 3000,
	"tests/python/test_stories.py": 12_000,
	"tests/java/StoriesTest.java": 18_000,
	"selectors/index.json": 6000,
	"selectors/pages.jsonl": 70_000,
	"screenshots/pages.zip": 2_500_000,
};

const seconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const requests: Measure = {
	name: "gazeqa_request_duration_seconds",
	kind: "histogram",
	description: "How long the API and the command line take",
	boundaries: seconds,
};
const uploads: Measure = {
	name: "gazeqa_artifact_upload_duration_seconds",
	kind: "histogram",
	description: "How long an upload takes, with every attempt",
	boundaries: seconds,
};
const sizes: Measure = {
	name: "gazeqa_artifact_size_bytes",
	kind: "histogram",
	description: "How large artifacts are",
	boundaries: [1e3, 1e4, 1e5, 1e6, 1e7],
};

interface Run {
	/** Of every span, every counter and every line of the log. */
	attributes: { run_id: string; env: string };
	made: Record<string, number>;
}

export const demo: Demo = {
	units: "runs",
	perMinute: 2,
	longest: 60,
	faults: {
		"flaky-store": "most uploads need several attempts: ArtifactUploadsRetried",
		"store-down": "most uploads fail after every attempt: ArtifactUploadsFailing",
		"shallow-crawl": "half of the pages are never reached: CoverageLow",
		"stories-untested": "stories are written that no test is for: StoriesUntested",
		"rate-limited": "the tested application refuses requests that come too fast: RateLimitViolated",
		"slow-api": "the API takes two seconds longer: InterfaceSlow",
		"dead-letters": "messages pile up that nobody can handle: DeadLettersWaiting",
		injection: "pages in production tell the model what to do: GuardrailBlocked",
		"leaky-log": "secrets get into the log: SecretsNotRedacted",
	},
	play(world) {
		const { random, fault } = world;
		const env = fault === "injection" ? "prod" : random.pick(envs);
		const from = world.now;
		const run_id = `RUN-${Math.floor(from / 1000)}-${random.hex(4).toUpperCase()}`;
		const run: Run = { attributes: { run_id, env }, made: {} };
		world.trace("gazeqa-cli", "gazeqa run", { attributes: run.attributes }, (work) => {
			command(world, run, work, "runs create", "POST /runs");
			for (const step of [login, explore, generate, deliver]) {
				step(world, run, work);
				for (let i = 0; i < 3; i++) command(world, run, work, "runs status", "GET /runs/{id}");
			}
		});
		visibility(world, (world.now - from) / 1000);
		world
			.meter("gazeqa-artifacts")
			.createGauge("gazeqa_dlq_backlog", { description: "Messages that nobody could handle" })
			.record(fault === "dead-letters" ? random.int(2, 9) : 0, { queue: "artifacts", env });
		close(world, run);
	},
};

/** A line of the log, as every service writes it. */
function log(
	run: Run,
	work: Work,
	component: string,
	severity: "INFO" | "WARN" | "ERROR",
	text: string,
	more = {},
): void {
	work.log(severity, text, { ...run.attributes, organization_slug: "acme", component, ...more });
}

function count(world: World, service: string, name: string, value: number, labels: Record<string, string>): void {
	world.meter(`gazeqa-${service}`).createCounter(`gazeqa_${name}`).add(value, labels);
}

/** A command of a person, and the request that it makes. */
function command(world: World, { attributes }: Run, parent: Work, name: string, route: string): void {
	const { random, fault } = world;
	const measured = (work: Work, of: string, body: () => void) => {
		const from = world.now;
		body();
		work.measure(requests, (world.now - from) / 1000, { interface: of, env: attributes.env });
	};
	parent.span("gazeqa-cli", name, { kind: "CLIENT", attributes }, (cli) =>
		measured(cli, "cli", () => {
			cli.wait(30 + random.exponential(20));
			cli.span("gazeqa-api", route, { kind: "SERVER", attributes }, (api) =>
				measured(api, "api", () => api.wait((fault === "slow-api" ? 2000 : 0) + 20 + random.exponential(40))),
			);
		}),
	);
}

function login(world: World, run: Run, parent: Work): void {
	const { random } = world;
	const attributes = run.attributes;
	const tried = (outcome: "success" | "failure", by: string) =>
		parent.span("gazeqa-explorer", "login", { attributes: { ...attributes, "login.by": by } }, (work) => {
			work.wait(400 + random.exponential(500));
			const severity = outcome === "success" ? "INFO" : "WARN";
			log(run, work, "auth", severity, `login by ${by}: ${outcome}`, { event: "login", outcome });
			if (outcome === "failure") work.fail("no indicator of a login within 5 s");
		});
	if (random.chance(0.25)) tried("failure", "model");
	tried("success", "form");
}

function explore(world: World, run: Run, parent: Work): void {
	const { random, fault } = world;
	const { attributes } = run;
	parent.span("gazeqa-explorer", "explore", { attributes }, (exploration) => {
		const pages = random.int(6, 9);
		for (let i = 1; i <= pages; i++)
			exploration.span("gazeqa-explorer", "page.visit", { attributes }, (visit) => {
				visit.wait(150 + random.exponential(150));
				ask(world, run, visit, "gazeqa-explorer", "gpt-4o-mini", 1800, 120);
			});
		const blocked = fault === "injection" || (attributes.env !== "prod" && random.chance(0.3));
		if (blocked) {
			const action = random.pick(actions);
			const said = `${action} blocked: the page told the model to`;
			log(run, exploration, "guardrail", "WARN", said, { event: "guardrail.block", action });
			count(world, "explorer", "guardrail_block", 1, { ...attributes, action, phase: "exploration" });
		}
		const refused = fault === "rate-limited" ? random.int(1, 4) : 0;
		count(world, "explorer", "pages_visited", pages, { ...attributes, component: "exploration" });
		count(world, "explorer", "crawl_skipped_urls", random.int(0, 3), { ...attributes, reason: "excluded" });
		count(world, "explorer", "crawl_skipped_urls", refused, { ...attributes, reason: "rate limited" });
		count(world, "explorer", "rate_limit_violations", refused, attributes);
		count(world, "explorer", "loop_breaker_triggers", random.int(0, 2), attributes);
		leak(world, run, exploration, "explorer", 0);
	});
}

function generate(world: World, run: Run, parent: Work): void {
	const { attributes } = run;
	parent.span("gazeqa-generator", "generate", { attributes }, (generation) => {
		for (const framework of frameworks) {
			const of = { ...attributes, framework };
			generation.span("gazeqa-generator", "tests.generate", { attributes: of }, (work) => {
				const wrote = ask(world, run, work, "gazeqa-generator", "gpt-4o", 4000, 900);
				count(world, "generator", "test_generation_errors", wrote ? 0 : 1, of);
				if (wrote) return;
				log(run, work, "generator", "ERROR", `no tests for ${framework}: the model did not answer`);
				work.fail("the model did not answer");
			});
		}
		leak(world, run, generation, "generator", world.fault === "leaky-log" ? 1 : 0);
	});
}

function leak(world: World, run: Run, work: Work, component: string, secrets: number): void {
	// From zero on: the first one shall be seen as one more.
	count(world, component, "secret_redaction_failures", secrets, { component, env: run.attributes.env });
	if (secrets > 0) log(run, work, component, "ERROR", "a session cookie was logged", { event: "redaction.failure" });
}

/** Returns whether the model answered. */
function ask(
	world: World,
	run: Run,
	parent: Work,
	service: string,
	model: string,
	input: number,
	output: number,
): boolean {
	const { random } = world;
	const answers = !random.chance(0.03);
	const asked = {
		...run.attributes,
		"session.id": run.attributes.run_id,
		"gen_ai.operation.name": "chat",
		"gen_ai.provider.name": "openai",
		"gen_ai.request.model": model,
	};
	parent.span(service, `chat ${model}`, { kind: "CLIENT", attributes: asked }, (call) => {
		call.wait(answers ? 200 + random.exponential(output) : 80);
		if (!answers) {
			call.set({ "error.type": "429" });
			return call.fail("429 Too Many Requests");
		}
		const [tokensIn, tokensOut] = [input, output].map((tokens) => Math.round(tokens * (0.7 + random.next() * 0.6)));
		const [priceIn, priceOut] = models[model]!;
		call.set({
			"gen_ai.usage.input_tokens": tokensIn,
			"gen_ai.usage.output_tokens": tokensOut,
			"gen_ai.usage.cost": (tokensIn! * priceIn + tokensOut! * priceOut) / 1e6,
		});
	});
	return answers;
}

function deliver(world: World, run: Run, parent: Work): void {
	const { random, fault } = world;
	const { env } = run.attributes;
	count(world, "artifacts", "artifact_upload_retries", 0, run.attributes);
	for (const status of ["success", "failure"])
		count(world, "artifacts", "artifact_upload", 0, { ...run.attributes, status });
	for (const [path, mean] of Object.entries(artifacts)) {
		const bytes = Math.round(mean * (0.5 + random.next()));
		const lost = fault === "store-down" && random.chance(0.8);
		const attempts = lost ? 3 : random.chance(fault === "flaky-store" ? 0.8 : 0.04) ? 2 : 1;
		const from = world.now;
		for (let attempt = 1; attempt <= attempts; attempt++) {
			const failed = lost || attempt < attempts;
			const attributes = { ...run.attributes, "artifact.path": path, "upload.attempt": attempt };
			parent.span("gazeqa-artifacts", "artifact.upload", { kind: "CLIENT", attributes }, (upload) => {
				upload.wait(40 + random.exponential(60) + bytes / 20_000);
				if (attempt === attempts) {
					upload.measure(uploads, (world.now - from) / 1000, { env });
					upload.measure(sizes, bytes, { env, kind: path.split("/")[0] ?? "" });
				}
				if (!failed) return;
				upload.set({ "error.type": "503" });
				upload.fail("503 Slow Down");
			});
		}
		count(world, "artifacts", "artifact_upload_retries", attempts - 1, run.attributes);
		count(world, "artifacts", "artifact_upload", 1, { ...run.attributes, status: lost ? "failure" : "success" });
		if (!lost) run.made[path] = bytes;
		else log(run, parent, "artifacts", "ERROR", `${path} is not stored`);
	}
}

/** What the run leaves behind, as its own tools write it. */
function close(world: World, { attributes, made }: Run): void {
	const { random, fault, now } = world;
	const results = (failing: number, most: number) =>
		Array.from({ length: random.int(most - 3, most) }, () => !random.chance(failing));
	const tests = frameworks.flatMap((framework) =>
		results(0.06, 9).map((passed, i) => ({
			id: `TC-${framework}-${i + 1}`,
			status: passed ? "passed" : "failed",
			framework,
		})),
	);
	// A requirement follows from the one before: where one fails, those behind it wait.
	const verified = results(0.12, 17);
	const entries = verified.map((passed, i) => ({
		requirement_id: `FR-${i + 1}`,
		dependencies: i % 3 === 0 ? [] : [`FR-${i}`],
		verification: {
			criteria_complete: passed || random.chance(0.5),
			tests_complete: passed,
			verification_passed: passed,
		},
	}));
	const requirements = { requirements_total: verified.length, requirements_verified: verified.filter(Boolean).length };
	const share = (low: boolean, least: number) => (low ? 0.5 : least) + random.next() * (1 - least);
	world.run({
		summary: {
			...attributes,
			build_sha: random.hex(7),
			finished_at: new Date(now).toISOString(),
			tests,
			criteria: results(0.08, 12).map((passed) => ({ passed })),
		},
		checklist: { summary: requirements, entries },
		observability: {
			exploration: { coverage_percent: share(fault === "shallow-crawl", 0.975) },
			generation: {
				story_to_test_coverage: share(fault === "stories-untested", 0.985),
				story_count: random.int(12, 30),
			},
		},
		artifacts: {
			...attributes,
			artifacts: Object.entries(made).map(([path, size_bytes]) => ({ path, size_bytes, sha256: random.hex(64) })),
		},
	});
}
