// What a run's files become, and what is said of files that are wrong.

import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { metricsPushCommand, readRun, replaceFile } from "../../cli/metrics/push.ts";
import { runReport } from "../../cli/metrics/run.ts";
import { exposition, type Sample } from "../../cli/metrics/samples.ts";
import { packsDir } from "../../components/packs.ts";

const example = (name: string) => join(packsDir, "gazeqa/examples", name);
const paths = {
	checklist: example("checklist.json"),
	observability: example("metrics.json"),
	artifacts: example("index.json"),
};
const folder = () => mkdtempSync(join(tmpdir(), "tracestack-metrics-"));

/** A file with this in it. */
function file(content: unknown): string {
	const path = join(folder(), "file.json");
	writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
	return path;
}

describe("the files of the pack's README", async () => {
	const files = await readRun(example("run_summary.json"), paths);
	const { samples, objects } = runReport(files, 0);
	const run = 'run_id="RUN-2026-0042",env="qa"';
	const lines = exposition(samples).split("\n");

	it.each([
		`gazeqa_run_info{${run},build_sha="283f00d",workflow_id="gazeqa-run-42",session_id="session-42"} 1`,
		`gazeqa_run_finished_timestamp_seconds{${run}} ${Date.UTC(2026, 0, 5, 12) / 1000}`,
		`gazeqa_tests_total{${run}} 4`,
		`gazeqa_tests_passed{${run}} 2`,
		`gazeqa_tests_failed{${run}} 1`,
		`gazeqa_criteria_total{${run}} 3`,
		`gazeqa_criteria_passed{${run}} 1`,
		`gazeqa_framework_tests{${run},framework="junit",status="failed"} 1`,
		`gazeqa_framework_tests{${run},framework="playwright test",status="other"} 1`,
		'gazeqa_requirements_total{env="qa"} 4',
		'gazeqa_requirements_verified{env="qa"} 1',
		'gazeqa_requirements{env="qa",status="verified"} 1',
		// One may begin at once, one waits for another.
		'gazeqa_requirements{env="qa",status="incomplete"} 2',
		'gazeqa_requirements{env="qa",status="blocked"} 1',
		'gazeqa_checklist_criteria_total{env="qa"} 8',
		'gazeqa_checklist_criteria_passed{env="qa"} 5',
		'gazeqa_checklist_criteria_complete{env="qa"} 2',
		'gazeqa_checklist_tests_complete{env="qa"} 1',
		`gazeqa_coverage_percent{${run}} 0.98`,
		`gazeqa_story_to_test_coverage{${run}} 0.99`,
		`gazeqa_story_count{${run}} 21`,
		`gazeqa_auth_success{${run},stage="form"} 1`,
		`gazeqa_crawl_health_ratio{${run}} 0.96`,
		`gazeqa_pages_visited_total{${run},component="crawl"} 48`,
		`gazeqa_crawl_skipped_urls_total{${run},component="exploration"} 1`,
		`gazeqa_artifact_upload_total{${run},status="failure"} 1`,
		`gazeqa_guardrail_block_total{${run},phase="exploration",action="navigate"} 2`,
		"# TYPE gazeqa_tests_total gauge",
		"# TYPE gazeqa_artifact_upload_total counter",
		"# HELP gazeqa_coverage_percent Share of pages that were reached, 0 to 1",
	])("become %s", (line) => {
		expect(lines).toContain(line);
	});

	it("are in the pack's README, word for word", () => {
		const readme = readFileSync(join(packsDir, "gazeqa/README.md"), "utf8");
		for (const name of ["run_summary.json", "checklist.json", "metrics.json", "index.json"])
			expect(readme).toContain(readFileSync(example(name), "utf8").replaceAll("\t", "  ").trim());
	});

	it("of which the list of artifacts is stored, with the run that it is of", () => {
		expect(objects.map(({ name }) => name)).toEqual(["index.json"]);
		expect(JSON.parse(`${objects[0]?.body}`)).toMatchObject({ run_id: "RUN-2026-0042", generated_at: /^2026/ });
	});
});

describe("a run of which little is known", () => {
	const report = runReport({ summary: { run_id: "a b", tests: [], criteria: [] } }, 5000);

	it("ended now, in no environment, under its own name everywhere", () => {
		const text = exposition(report.samples);
		expect(text).toContain('gazeqa_run_finished_timestamp_seconds{run_id="a b"} 5\n');
		expect(text).toContain('workflow_id="a b",session_id="a b"');
		expect(text).not.toContain("gazeqa_coverage_percent");
		expect(report.objects).toEqual([]);
	});
});

test("labels are escaped, and a metric is explained once", () => {
	const sample = (value: number, label: string): Sample => ({
		name: "x",
		kind: "gauge",
		help: "why",
		labels: { label },
		value,
	});
	expect(exposition([sample(1, 'a"b\\c\nd'), sample(2, "e")])).toBe(
		'# HELP x why\n# TYPE x gauge\nx{label="a\\"b\\\\c\\nd"} 1\nx{label="e"} 2\n',
	);
	expect(exposition([])).toBe("");
});

test("every mistake of every file is told, with its file and its path", async () => {
	const summary = file({ run_id: "a/b", tests: [{ id: "x" }, { status: 3 }], criteria: [{ passed: "yes" }] });
	const checklist = file({ entries: [{ dependencies: [] }] });
	const observability = file({ exploration: { coverage_percent: 97 }, guardrails: { crawl: { navigate: -1 } } });
	const artifacts = file("{");
	const told = await readRun(summary, { checklist, observability, artifacts }).catch((error: Error) => error.message);
	for (const words of [
		`${summary} has 4 mistakes`,
		'run_id is "a/b"',
		"tests[0].status is missing",
		"tests[1].status is 3",
		'criteria[0].passed is "yes"\n    allowed: true, false',
		`${checklist} has 2 mistakes`,
		"summary is missing",
		"entries[0].requirement_id is missing",
		`${observability} has 2 mistakes`,
		"exploration.coverage_percent is 97\n    allowed: a share from 0 to 1: 0.97, not 97",
		"guardrails.crawl.navigate is -1",
		`${artifacts} can't be read`,
	])
		expect(told).toContain(words);
	expect(told).not.toContain("undefined");
});

test("a run's id obeys no terminal", async () => {
	await expect(readRun(file({ run_id: "a\u001b[2J" }), {})).rejects.toThrow("run_id is");
	await expect(readRun(file({ run_id: "a\nb" }), {})).rejects.toThrow("run_id is");
	expect((await readRun(file({ run_id: "läuft 1" }), {})).summary.run_id).toBe("läuft 1");
});

test("a file that is not there is named", async () => {
	await expect(readRun("/nowhere/run_summary.json", {})).rejects.toThrow("/nowhere/run_summary.json can't be read");
});

describe("--output", () => {
	const output = join(folder(), "latest.prom");
	const push = () => metricsPushCommand(example("run_summary.json"), { stack: "none", ...paths, output, otlp: false });

	it("replaces a file as a whole, for everybody to read, and leaves nothing beside it", async () => {
		writeFileSync(output, "old".repeat(10_000));
		const before = statSync(output).ino;
		await push();
		expect(readFileSync(output, "utf8")).toMatch(/^# HELP gazeqa_run_info[\s\S]+\n$/);
		expect(readFileSync(output, "utf8")).not.toContain("old");
		expect(statSync(output).ino).not.toBe(before);
		expect(statSync(output).mode & 0o777).toBe(0o644);
		expect(readdirSync(join(output, ".."))).toEqual(["latest.prom"]);
	});

	it("says why it can't be written, and leaves no half of it", async () => {
		const dir = folder();
		await expect(replaceFile(dir, "x")).rejects.toThrow(`${dir} can't be written`);
		expect(readdirSync(join(dir, "..")).filter((name) => name.endsWith(`.${process.pid}`))).toEqual([]);
		await expect(replaceFile(join(dir, "gone/latest.prom"), "x")).rejects.toThrow("can't be written");
	});

	it("is needed where nothing is sent", async () => {
		const nothing = metricsPushCommand(example("run_summary.json"), { stack: "none", otlp: false });
		await expect(nothing).rejects.toThrow("--no-otlp without --output does nothing");
	});
});
