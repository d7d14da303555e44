// The files that GazeQA's runs write, and the metrics that are made from them. No schema of them is published: what is
// needed is checked, and everything else is ignored.

import { z } from "zod";
import { type Report, runId } from "../report/report.ts";
import type { Sample } from "./samples.ts";

const share = z.number().min(0).max(1).meta({ allowed: "a share from 0 to 1: 0.97, not 97" });
const count = z.number().int().min(0).meta({ allowed: "a whole number from 0" });
const flag = z.boolean().nullish().meta({ allowed: "true, false" });
const text = z.string().optional().meta({ allowed: "a text" });
const counts = z.record(z.string(), count).meta({ allowed: "an object of whole numbers" });

/** `run_summary.json`. */
export const runSummary = z.looseObject({
	run_id: runId,
	env: text,
	build_sha: text,
	finished_at: z.iso.datetime({ offset: true }).optional().meta({ allowed: "a time, such as 2026-01-05T12:00:00Z" }),
	workflow_id: text,
	langfuse_session_id: text,
	tests: z
		.array(
			z
				.looseObject({ status: z.string().meta({ allowed: "passed, failed, or another word" }), framework: text })
				.meta({ allowed: "an object with id, status, framework" }),
		)
		.default([])
		.meta({ allowed: "a list of tests" }),
	criteria: z
		.array(z.looseObject({ passed: flag }).meta({ allowed: "an object with id, passed" }))
		.default([])
		.meta({ allowed: "a list of criteria" }),
});

/** The checklist that `--checklist` names. */
export const checklist = z.looseObject({
	summary: z
		.looseObject({
			requirements_total: count,
			requirements_verified: count,
			criteria_total: count.optional(),
			criteria_passed: count.optional(),
		})
		.meta({ allowed: "an object with requirements_total, requirements_verified, criteria_total, criteria_passed" }),
	entries: z
		.array(
			z
				.looseObject({
					requirement_id: z.string().meta({ allowed: "a requirement's id" }),
					dependencies: z.array(z.string()).default([]).meta({ allowed: "a list of requirements' ids" }),
					verification: z
						.looseObject({ criteria_complete: flag, tests_complete: flag, verification_passed: flag })
						.default({})
						.meta({ allowed: "an object with criteria_complete, tests_complete, verification_passed" }),
				})
				.meta({ allowed: "an object with requirement_id, dependencies, verification" }),
		)
		.default([])
		.meta({ allowed: "a list of requirements" }),
});

const pages = { visited_count: count.optional(), skipped_count: count.optional() };

/** The `metrics.json` that `--observability` names. */
export const observability = z.looseObject({
	auth: z.looseObject({ success: flag, stage: text }).optional().meta({ allowed: "an object with success, stage" }),
	exploration: z
		.looseObject({ coverage_percent: share.optional(), ...pages })
		.optional()
		.meta({ allowed: "an object with coverage_percent, visited_count, skipped_count" }),
	crawl: z
		.looseObject({ health_ratio: share.optional(), ...pages })
		.optional()
		.meta({ allowed: "an object with health_ratio, visited_count, skipped_count" }),
	generation: z
		.looseObject({ story_to_test_coverage: share.optional(), story_count: count.optional() })
		.optional()
		.meta({ allowed: "an object with story_to_test_coverage, story_count" }),
	artifact_uploads: counts.optional().meta({ allowed: "an object of whole numbers: success, failure" }),
	guardrails: z
		.record(z.string(), counts)
		.optional()
		.meta({ allowed: "an object of phases, each with whole numbers by action" }),
});

/** `artifacts/index.json`. */
export const artifactsIndex = z.looseObject({
	artifacts: z
		.array(
			z
				.looseObject({ path: z.string().min(1).meta({ allowed: "a path" }), size_bytes: count.optional() })
				.meta({ allowed: "an object with path, size_bytes" }),
		)
		.meta({ allowed: "a list of artifacts" }),
});

/** The content of a run's files. */
export interface RunFiles {
	summary: z.infer<typeof runSummary>;
	checklist?: z.infer<typeof checklist> | undefined;
	observability?: z.infer<typeof observability> | undefined;
	artifacts?: z.infer<typeof artifactsIndex> | undefined;
}

/**
 * A run as a report: what is stored and sent.
 *
 * @param now When the run ended, in milliseconds since 1970, unless its summary says so.
 */
export function runReport(files: RunFiles, now: number): Report {
	const { artifacts, summary } = files;
	const { run_id } = summary;
	const index = (of: object) => Buffer.from(JSON.stringify({ ...of, run_id }, null, 2));
	return {
		source: "gazeqa",
		runId: run_id,
		samples: samplesOf(files, now),
		objects: artifacts ? [{ name: "index.json", body: index(artifacts) }] : [],
	};
}

/** Every metric of a run. Some gauges end in `_total`: GazeQA's first tool named them so. */
function samplesOf({ summary, checklist, observability }: RunFiles, now: number): Sample[] {
	const env: Record<string, string> = summary.env ? { env: summary.env } : {};
	const run = { run_id: summary.run_id, ...env };
	return [
		...ofSummary(summary, run, now),
		...(checklist ? ofChecklist(checklist, env) : []),
		...(observability ? ofObservability(observability, run) : []),
	];
}

type Labels = Record<string, string>;

function sample(kind: Sample["kind"], name: string, help: string, labels: Labels, value: number | undefined): Sample[] {
	return value === undefined ? [] : [{ name: `gazeqa_${name}`, kind, help, labels, value }];
}

const gauge = sample.bind(undefined, "gauge");
const counter = sample.bind(undefined, "counter");

function ofSummary(summary: RunFiles["summary"], run: Labels, now: number): Sample[] {
	const { run_id, build_sha = "", workflow_id = run_id, langfuse_session_id: session_id = run_id } = summary;
	const tests = summary.tests.map(({ status, framework = "unknown" }) => {
		const said = status.toLowerCase();
		return { framework: framework.toLowerCase(), status: said === "passed" || said === "failed" ? said : "other" };
	});
	const ended = (status: string) => tests.filter((test) => test.status === status).length;
	const finished = summary.finished_at ? Date.parse(summary.finished_at) : now;
	const byFramework = Object.groupBy(tests, ({ framework, status }) => `${framework} ${status}`);
	return [
		...gauge("run_info", "A run, and what it is called elsewhere", { ...run, build_sha, workflow_id, session_id }, 1),
		...gauge("run_finished_timestamp_seconds", "When the run ended", run, finished / 1000),
		...gauge("tests_total", "Tests of the run", run, tests.length),
		...gauge("tests_passed", "Tests of the run that passed", run, ended("passed")),
		...gauge("tests_failed", "Tests of the run that failed", run, ended("failed")),
		...gauge("criteria_total", "Acceptance criteria that the run looked at", run, summary.criteria.length),
		...gauge(
			"criteria_passed",
			"Acceptance criteria that passed",
			run,
			summary.criteria.filter(({ passed }) => passed).length,
		),
		...Object.values(byFramework).flatMap((own = []) =>
			gauge("framework_tests", "Tests by framework and how they ended", { ...run, ...own[0] }, own.length),
		),
	];
}

/** Metrics of the whole product, whichever run updated the checklist. */
function ofChecklist({ summary, entries }: NonNullable<RunFiles["checklist"]>, env: Labels): Sample[] {
	const { requirements_total: total, requirements_verified: verified } = summary;
	const passed = new Set(
		entries.flatMap((entry) => (entry.verification.verification_passed ? entry.requirement_id : [])),
	);
	const blocked = entries.filter(
		({ requirement_id, dependencies }) =>
			!passed.has(requirement_id) && dependencies.some((dependency) => !passed.has(dependency)),
	).length;
	const requirements = { verified, incomplete: Math.max(0, total - verified - blocked), blocked };
	const complete = (of: "criteria_complete" | "tests_complete") =>
		entries.length > 0 ? entries.filter(({ verification }) => verification[of]).length : undefined;
	return [
		...gauge("requirements_total", "Requirements of the checklist", env, total),
		...gauge("requirements_verified", "Requirements that are verified", env, verified),
		...Object.entries(requirements).flatMap(([status, value]) =>
			gauge("requirements", "Requirements by status", { ...env, status }, value),
		),
		...gauge("checklist_criteria_total", "Acceptance criteria of the checklist", env, summary.criteria_total),
		...gauge("checklist_criteria_passed", "Acceptance criteria that passed", env, summary.criteria_passed),
		...gauge(
			"checklist_criteria_complete",
			"Requirements all of whose criteria were looked at",
			env,
			complete("criteria_complete"),
		),
		...gauge("checklist_tests_complete", "Requirements all of whose tests reported", env, complete("tests_complete")),
	];
}

function ofObservability(of: NonNullable<RunFiles["observability"]>, run: Labels): Sample[] {
	const { auth, exploration, crawl, generation, artifact_uploads = {}, guardrails = {} } = of;
	return [
		...(auth
			? gauge(
					"auth_success",
					"Whether the login succeeded",
					{ ...run, stage: auth.stage ?? "unknown" },
					Number(!!auth.success),
				)
			: []),
		...gauge("coverage_percent", "Share of pages that were reached, 0 to 1", run, exploration?.coverage_percent),
		...gauge("crawl_health_ratio", "Share of pages that the crawl could read", run, crawl?.health_ratio),
		...gauge("story_count", "Stories that were written", run, generation?.story_count),
		...gauge(
			"story_to_test_coverage",
			"Share of stories that have a test, 0 to 1",
			run,
			generation?.story_to_test_coverage,
		),
		...Object.entries({ exploration, crawl }).flatMap(([component, pages]) => [
			...counter("pages_visited_total", "Pages that were visited", { ...run, component }, pages?.visited_count),
			...counter("crawl_skipped_urls_total", "URLs that were skipped", { ...run, component }, pages?.skipped_count),
		]),
		...Object.entries(artifact_uploads).flatMap(([status, value]) =>
			counter("artifact_upload_total", "Artifacts that were uploaded", { ...run, status }, value),
		),
		...Object.entries(guardrails).flatMap(([phase, actions]) =>
			Object.entries(actions).flatMap(([action, value]) =>
				counter("guardrail_block_total", "What guardrails blocked", { ...run, phase, action }, value),
			),
		),
	];
}
