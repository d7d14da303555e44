// What teams bring: dashboards, demos, reports, alerts.

import type { Command } from "commander";
import { stackCommand } from "./command.ts";

/** Adds them to the command line. */
export function packCommands(program: Command): void {
	program.commandsGroup("Teams, their packs, who is told:");

	const alert = program.command("alert").description("whoever is told of alerts");

	stackCommand(alert, "test", "send one alert through every route, and see that it arrives")
		.option("--json", "the result as JSON")
		.action(async (options) => {
			const { alertTestCommand } = await import("../alert.ts");
			process.exitCode = await alertTestCommand(options);
		});

	stackCommand(
		program,
		"demo",
		"simulate the applications that packs are for, so that their dashboards have something to show",
	)
		.argument("[pack]", "one pack; without it every pack of the stack that has a demo")
		.option("--rate <units>", "how many units of work begin in a minute; each demo has a default", Number)
		.option("--minutes <minutes>", "how much has happened already, at most 25", Number, 10)
		.option("--seed <number>", "the same seed makes the same shapes", Number, 1)
		.option("--fault <name>", "what goes wrong in the later half; a wrong name lists them")
		.option("--follow", "go on in real time until interrupted")
		.action(async (pack: string | undefined, options) => {
			const { demoCommand } = await import("../demo/demo.ts");
			await demoCommand(pack, options);
		});

	const dashboards = program.command("dashboards").description("what packs show, as files and in Grafana");

	stackCommand(dashboards, "export", "write what was edited or added in Grafana into the packs' files")
		.option("--pack <name>", "only this pack's")
		.action(async (options) => {
			const { exportCommand } = await import("../dashboards/dashboards.ts");
			process.exitCode = await exportCommand(options);
		});

	stackCommand(dashboards, "diff", "what differs, panel by panel, from the files to Grafana")
		.option("--pack <name>", "only this pack's")
		.action(async (options) => {
			const { diffCommand } = await import("../dashboards/dashboards.ts");
			process.exitCode = await diffCommand(options);
		});

	stackCommand(dashboards, "lint", "every dashboard of every pack against the rules that all keep")
		.option("--live", "ask the stack's servers every query as well")
		.action(async (options) => {
			const { dashboardsLintCommand } = await import("../dashboards/lint.ts");
			process.exitCode = await dashboardsLintCommand(options);
		});

	const report = program.command("report").description("what pipelines say of their runs, and what a week was like");

	stackCommand(report, "push", "store a run's envelope where Grafana reads it, and make metrics of its numbers")
		.argument("<envelope>", "JSON with source, correlation.runId, .branch, .traceIds and a summary")
		.argument("[files...]", "what belongs to it, stored beside it")
		.action(async (envelope: string, files: string[], options) => {
			const { reportPushCommand } = await import("../report/push.ts");
			await reportPushCommand(envelope, files, options);
		});

	stackCommand(report, "weekly", "the week's KPIs, alerts and slowest operations, compared with the week before")
		.option("--out <file>", "Markdown, such as docs/metrics/reports/2027-01-31.md; standard output without it")
		.action(async (options) => {
			const { weeklyCommand } = await import("../report/weekly.ts");
			process.exitCode = await weeklyCommand(options);
		});

	const metrics = program.command("metrics").description("numbers that runs leave in files");

	stackCommand(metrics, "push", "make metrics of a GazeQA run's files: over OTLP, and as text for node_exporter")
		.argument("<run_summary>", "run_summary.json: run_id, env, tests, criteria")
		.option("--checklist <file>", "the checklist of requirements")
		.option("--observability <file>", "metrics.json: exploration, crawl, generation, uploads, guardrails")
		.option("--artifacts <file>", "artifacts/index.json, stored where Grafana reads it")
		.option("--output <file>", "for node_exporter's textfile collector, such as latest.prom; replaced at once")
		.option("--no-otlp", "send nothing: needs no stack")
		.action(async (summary: string, options) => {
			const { metricsPushCommand } = await import("../metrics/push.ts");
			await metricsPushCommand(summary, options);
		});
}
