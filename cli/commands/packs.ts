// Packs, reports and alerts.

import type { Command } from "commander";
import { explained, number, stackCommand } from "./command.ts";

/** Adds the commands about packs, reports and alerts. */
export function packCommands(program: Command): void {
	program.commandsGroup("Packs, reports and alerts:");

	const alert = program.command("alert").description("test the receivers of alerts");

	const alertTest = stackCommand(alert, "test", "send a test alert to every receiver, and say who got it")
		.option("--json", "print the result as JSON")
		.action(async (options) => {
			const { alertTestCommand } = await import("../alert.ts");
			process.exitCode = await alertTestCommand(options);
		});
	explained(alertTest, {
		examples: [["alert test", "receivers really get it, and read that it is a test"]],
		exits: { 1: "a receiver did not get it within a minute" },
	});

	const demo = stackCommand(
		program,
		"demo",
		"simulate the applications that packs are made for, so that dashboards show data",
	)
		.argument("[pack]", "one pack; without it every pack of the stack that has a demo")
		.option("--rate <number>", "how many runs, orders or sessions begin per minute; each demo has a default", number)
		.option("--minutes <minutes>", "how much history to simulate, at most 25", number, 10)
		.option("--seed <number>", "the same seed makes the same traces", number, 1)
		.option("--fault <name>", "what goes wrong in the second half; a wrong name lists the pack's faults")
		.option("--follow", "go on in real time until interrupted")
		.action(async (pack: string | undefined, options) => {
			const { demoCommand } = await import("../demo/demo.ts");
			await demoCommand(pack, options);
		});
	explained(demo, {
		examples: [
			["demo", "ten minutes of history for every pack, sent at once"],
			["demo billing --fault help", "list what can go wrong in the demo of billing"],
		],
	});

	const dashboards = program.command("dashboards").description("compare dashboards in packs and in Grafana");

	const exported = stackCommand(dashboards, "export", "write what was edited or added in Grafana into the packs' files")
		.option("--pack <name>", "only the dashboards of this pack")
		.action(async (options) => {
			const { exportCommand } = await import("../dashboards/dashboards.ts");
			process.exitCode = await exportCommand(options);
		});
	explained(exported, {
		examples: [["dashboards export", "then look at `git diff`, and commit"]],
		exits: { 2: "a file was left alone: both it and its dashboard have changed since `up`" },
	});

	const diff = stackCommand(dashboards, "diff", "show how Grafana's dashboards differ from the files, panel by panel")
		.option("--pack <name>", "only the dashboards of this pack")
		.action(async (options) => {
			const { diffCommand } = await import("../dashboards/dashboards.ts");
			process.exitCode = await diffCommand(options);
		});
	explained(diff, {
		examples: [["dashboards diff --pack platform", "what an export would write"]],
		exits: { 2: "they differ" },
	});

	const lint = stackCommand(dashboards, "lint", "check every dashboard of every pack against the rules for dashboards")
		.option("--live", "also run every query against the stack")
		.action(async (options) => {
			const { dashboardsLintCommand } = await import("../dashboards/lint.ts");
			process.exitCode = await dashboardsLintCommand(options);
		});
	explained(lint, {
		examples: [["dashboards lint", "needs no stack"]],
		exits: { 1: "a dashboard violates a rule, or a query fails" },
	});

	const report = program.command("report").description("store reports of pipelines, and write a weekly one");

	const push = stackCommand(
		report,
		"push",
		"store a pipeline's report where Grafana reads it, and turn its numbers into metrics",
	)
		.argument("<envelope>", "JSON with source, correlation.runId, .branch, .traceIds and a summary")
		.argument("[files...]", "further files of the run, stored beside it")
		.action(async (envelope: string, files: string[], options) => {
			const { reportPushCommand } = await import("../report/push.ts");
			await reportPushCommand(envelope, files, options);
		});
	explained(push, { examples: [["report push report-envelope.json", "as the last step of a pipeline"]] });

	const weekly = stackCommand(
		report,
		"weekly",
		"report a week's KPIs, alerts and slowest operations, compared with the week before",
	)
		.option("--out <file>", "write the Markdown to a file instead of standard output")
		.action(async (options) => {
			const { weeklyCommand } = await import("../report/weekly.ts");
			process.exitCode = await weeklyCommand(options);
		});
	explained(weekly, {
		examples: [["report weekly --out docs/metrics/reports/2027-01-31.md", "the seven days up to now"]],
		exits: { 1: "a KPI could not be queried" },
	});

	const metrics = program.command("metrics").description("turn files that runs write into metrics");

	const metricsPush = stackCommand(
		metrics,
		"push",
		"turn the files of a GazeQA run into metrics: sent over OTLP, or written for node_exporter",
	)
		.argument("<run_summary>", "run_summary.json: run_id, env, tests, criteria")
		.option("--checklist <file>", "checklist of requirements")
		.option("--observability <file>", "metrics.json: exploration, crawl, generation, uploads, guardrails")
		.option("--artifacts <file>", "artifacts/index.json, stored where Grafana reads it")
		.option("--output <file>", "write metrics for node_exporter's textfile collector, replacing the file atomically")
		.option("--no-otlp", "send nothing; then no stack is needed")
		.action(async (summary: string, options) => {
			const { metricsPushCommand } = await import("../metrics/push.ts");
			await metricsPushCommand(summary, options);
		});
	explained(metricsPush, {
		examples: [
			["metrics push run_summary.json --checklist checklist.json", "send both files' numbers"],
			["metrics push run_summary.json --no-otlp --output latest.prom", "only write a file"],
		],
	});
}
