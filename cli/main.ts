// The command line. Each command is a few lines here and a module of its own.

import { Command, Option } from "commander";
import { paint, progress, UserError } from "./output.ts";

const program = new Command("tracestack")
	.description(
		"A complete, tracing-first observability platform: Tempo, OpenTelemetry Collector, Prometheus, Loki, Alertmanager, Grafana.",
	)
	.option("--debug", "show stack traces of errors")
	.showHelpAfterError("(./tracestack --help lists the commands)")
	.enablePositionalOptions();

/** Options that every command about a stack has. */
function stackCommand(name: string, description: string, below: Command = program): Command {
	return below
		.command(name)
		.description(description)
		.option("-s, --stack <name>", "the stack", "dev")
		.option("--images <file>", "image catalogue, instead of the one that the settings name");
}

/** A command that prints one of the stack's outputs. @param absent Why a stack that is up may have none. */
function printing(name: string, description: string, output: string, absent = ""): void {
	stackCommand(name, description).action(async (options) => {
		const { outputs, prepare } = await import("./engine.ts");
		const all = await outputs(await prepare(options, "look"), options.stack);
		const { stack } = options;
		if (!all.urls) throw new UserError(`The stack ${stack} is not up: ./tracestack up --stack ${stack}`);
		if (!all[output]) throw new UserError(`The stack ${stack} has none: ${absent} in Pulumi.${stack}.yaml`);
		process.stdout.write(`${all[output].value.trim()}\n`);
	});
}

stackCommand("up", "bring the stack up, then prove every link with one trace")
	.option("--json", "the result as JSON")
	.option("--no-verify", "end when every service is ready, without the proof")
	.action(async (options) => {
		const { upCommand } = await import("./up.ts");
		process.exitCode = await upCommand(options);
	});

stackCommand("down", "take the stack down; data and password are kept")
	.option("--delete-data", "delete volumes and password as well")
	.action(async (options) => {
		const { down, prepare } = await import("./engine.ts");
		await down(await prepare(options, "look"), { ...options, deleteData: Boolean(options.deleteData) });
	});

stackCommand("verify", "send one trace and prove each link: trace, metric, exemplar, service graph, log, panels")
	.option("--json", "the result as JSON")
	.action(async (options) => {
		const { verifyCommand } = await import("./verify/verify.ts");
		process.exitCode = await verifyCommand(options);
	});

stackCommand("status", "what runs, since when, and where it answers")
	.option("--json", "the result as JSON")
	.action(async (options) => {
		const { statusCommand } = await import("./status.ts");
		process.exitCode = await statusCommand(options);
	});

stackCommand("doctor", "what is wrong, and what to do about it; changes nothing")
	.option("--json", "the result as JSON")
	.action(async (options) => {
		const { doctorCommand } = await import("./doctor/doctor.ts");
		process.exitCode = await doctorCommand(options);
	});

stackCommand("drift", "what the code would change, and what was changed beside it; changes nothing")
	.addOption(new Option("--format <format>", "how it is told").choices(["text", "markdown", "json"]).default("text"))
	.option("--out <file>", "where to; standard output without it")
	.addOption(
		new Option("--accept <what>", "take over what was edited in Grafana: `dashboards export`").choices(["dashboards"]),
	)
	.action(async (options) => {
		const { driftCommand } = await import("./drift/drift.ts");
		process.exitCode = await driftCommand(options);
	});

printing("password", "print the password of Grafana's administrator", "grafanaPassword");
printing("token", "print the bearer token that OTLP asks for", "otlpToken", "access.token is not true");
printing(
	"ca",
	"print the certificate of the authority that clients must trust",
	"ca",
	"access.tls is none, or own without ca,",
);

const alert = program.command("alert").description("whoever is told of alerts");
stackCommand("test", "send one alert through every route, and see that it arrives", alert)
	.option("--json", "the result as JSON")
	.action(async (options) => {
		const { alertTestCommand } = await import("./alert.ts");
		process.exitCode = await alertTestCommand(options);
	});

stackCommand("demo", "simulate the applications that packs are for, so that their dashboards have something to show")
	.argument("[pack]", "one pack; without it every pack of the stack that has a demo")
	.option("--rate <units>", "how many units of work begin in a minute; each demo has a default", Number)
	.option("--minutes <minutes>", "how much has happened already, at most 25", Number, 10)
	.option("--seed <number>", "the same seed makes the same shapes", Number, 1)
	.option("--fault <name>", "what goes wrong in the later half; a wrong name lists them")
	.option("--follow", "go on in real time until interrupted")
	.action(async (pack: string | undefined, options) => {
		const { demoCommand } = await import("./demo/demo.ts");
		await demoCommand(pack, options);
	});

const dashboards = program.command("dashboards").description("what packs show, as files and in Grafana");
stackCommand("export", "write what was edited or added in Grafana into the packs' files", dashboards)
	.option("--pack <name>", "only this pack's")
	.action(async (options) => {
		const { exportCommand } = await import("./dashboards/dashboards.ts");
		process.exitCode = await exportCommand(options);
	});
stackCommand("diff", "what differs, panel by panel, from the files to Grafana", dashboards)
	.option("--pack <name>", "only this pack's")
	.action(async (options) => {
		const { diffCommand } = await import("./dashboards/dashboards.ts");
		process.exitCode = await diffCommand(options);
	});
stackCommand("lint", "every dashboard of every pack against the rules that all keep", dashboards)
	.option("--live", "ask the stack's servers every query as well")
	.action(async (options) => {
		const { dashboardsLintCommand } = await import("./dashboards/lint.ts");
		process.exitCode = await dashboardsLintCommand(options);
	});

const report = program.command("report").description("what pipelines say of their runs, and what a week was like");
stackCommand("push", "store a run's envelope where Grafana reads it, and make metrics of its numbers", report)
	.argument("<envelope>", "JSON with source, correlation.runId, .branch, .traceIds and a summary")
	.argument("[files...]", "what belongs to it, stored beside it")
	.action(async (envelope: string, files: string[], options) => {
		const { reportPushCommand } = await import("./report/push.ts");
		await reportPushCommand(envelope, files, options);
	});

const metrics = program.command("metrics").description("numbers that runs leave in files");
stackCommand("push", "make metrics of a GazeQA run's files: over OTLP, and as text for node_exporter", metrics)
	.argument("<run_summary>", "run_summary.json: run_id, env, tests, criteria")
	.option("--checklist <file>", "the checklist of requirements")
	.option("--observability <file>", "metrics.json: exploration, crawl, generation, uploads, guardrails")
	.option("--artifacts <file>", "artifacts/index.json, stored where Grafana reads it")
	.option("--output <file>", "for node_exporter's textfile collector, such as latest.prom; replaced at once")
	.option("--no-otlp", "send nothing: needs no stack")
	.action(async (summary: string, options) => {
		const { metricsPushCommand } = await import("./metrics/push.ts");
		await metricsPushCommand(summary, options);
	});

stackCommand("weekly", "the week's KPIs, alerts and slowest operations, compared with the week before", report)
	.option("--out <file>", "Markdown, such as docs/metrics/reports/2027-01-31.md; standard output without it")
	.action(async (options) => {
		const { weeklyCommand } = await import("./report/weekly.ts");
		process.exitCode = await weeklyCommand(options);
	});

stackCommand("query", "traces of a service, the newest first")
	.argument("[service]", "its service.name")
	.argument("[count]", "how many at most", "20")
	.option("--traceql <query>", "instead of a service, such as '{ duration > 1s && status = error }'")
	.option("--errors", "only those in which the service failed")
	.option("--since <duration>", "how far back", "1h")
	.option("--json", "the result as JSON")
	.action(async (service: string | undefined, count: string, options) => {
		const { queryCommand } = await import("./query/search.ts");
		process.exitCode = await queryCommand(service, count, options);
	});

stackCommand("trace", "one trace as a waterfall, with what failed and a link to Grafana")
	.argument("<id>", "up to 32 hexadecimal digits")
	.option("--all", "every span, however many")
	.option("--json", "the result as JSON")
	.action(async (id: string, options) => {
		const { traceCommand } = await import("./query/trace.ts");
		await traceCommand(id, options);
	});

const logs = stackCommand("logs", "a service's log lines, oldest first, each with its trace")
	.argument("<service>", "its service.name")
	.option("--trace <id>", "only those of one trace")
	.option("--grep <text>", "only those that contain this")
	.option("--since <duration>", "how far back", "15m")
	.option("--limit <lines>", "the newest so many", "200")
	.option("-f, --follow", "go on until interrupted")
	.option("--json", "a JSON object a line")
	.action(async (service: string, options) => {
		const { logsCommand } = await import("./query/logs.ts");
		process.exitCode = await logsCommand(service, options);
	});

stackCommand("send", "send one span, and print its trace's id and the link to it")
	.option("--service <name>", "its service.name", "tracestack-send")
	.option("--name <name>", "the span's name", "by hand")
	.option("--attribute <key=value...>", "attributes of the span", [])
	.option("--error <message>", "let it fail")
	.option("--json", "the result as JSON")
	.action(async (options) => {
		const { sendCommand } = await import("./canary.ts");
		await sendCommand(options);
	});

stackCommand("canary", "send one trace and look for it: one line, for CI and cron; exit code 1 if it did not arrive")
	.option("--within <seconds>", "how long it may take", Number, 30)
	.option("--json", "the result as JSON")
	.action(async (options) => {
		const { canaryCommand } = await import("./canary.ts");
		process.exitCode = await canaryCommand(options);
	});

stackCommand("load", "send spans at a rate, and say what was accepted, refused, and how soon it is found")
	.option("--rate <spans>", "spans a second, at most 50000", Number, 1000)
	.option("--minutes <minutes>", "for how long, at most 60", Number, 1)
	.option("--spans <count>", "spans of a trace", Number, 10)
	.option("--json", "the result as JSON")
	.action(async (options) => {
		const { loadCommand } = await import("./load/load.ts");
		process.exitCode = await loadCommand(options);
	});

const attributes = program.command("attributes").description("what spans carry");
stackCommand("check", "which spans lack attributes that dashboards need", attributes)
	.requiredOption("--require <names>", "attributes, separated by commas", (text: string) => text.split(","))
	.option("--from <file>", "OTLP as JSON, instead of the stack's Tempo")
	.option("--where <query>", "TraceQL: only spans like these, such as 'resource.service.name = \"shop\"'")
	.option("--json", "the result as JSON")
	.action(async (options) => {
		const { attributesCheckCommand } = await import("./attributes.ts");
		process.exitCode = await attributesCheckCommand(options);
	});

stackCommand("check", "which log lines are not as a pack's logs.schema.json wants them", logs)
	.requiredOption("--pack <name>", "whose schema: configs/packs/NAME/logs.schema.json")
	.option("--from <file>", "a JSON object on each line, instead of the last hour in the stack's Loki")
	.option("--where <query>", "LogQL: only lines like these, such as '{service_name=\"crawler\"}'")
	.option("--json", "the result as JSON")
	.action(async (options) => {
		const { logsCheckCommand } = await import("./logs/check.ts");
		process.exitCode = await logsCheckCommand(options);
	});

stackCommand("backup", "everything that the stack has stored, in one file; its services are stopped meanwhile")
	.argument("<file>", "a tar, for its owner only: Grafana's database is in it")
	.option("--force", "replace a file that is there")
	.action(async (file: string, options) => {
		const { backupCommand } = await import("./backup/backup.ts");
		await backupCommand(file, options);
	});

stackCommand("restore", "replace what the stack has stored by what is in a backup")
	.argument("<file>", "what `backup` wrote")
	.option("--yes", "replace it: without this, only say what would be replaced")
	.action(async (file: string, options) => {
		const { restoreCommand } = await import("./backup/restore.ts");
		await restoreCommand(file, options);
	});

const migrate = program.command("migrate").description("copy what another tracing system has stored");
stackCommand("jaeger", "copy a Jaeger's traces into the stack and compare; the next run continues", migrate)
	.requiredOption("--from <url>", "address of Jaeger's user interface, such as http://localhost:16686")
	.option("--since <duration>", "how far back", "7d")
	.option("--service <names...>", "only these services")
	.option("--limit <traces>", "most traces of each service, the newest; all without it")
	.option("--restart", "forget what earlier runs have done")
	.option("--json", "the result as JSON")
	.action(async (options) => {
		const { migrateCommand } = await import("./migrate/migrate.ts");
		process.exitCode = await migrateCommand(options);
	});

stackCommand("preview", "what `up` would change, and which policies it breaks")
	.allowUnknownOption()
	.argument("[args...]", "handed to pulumi preview")
	.action(async (args: string[], options) => {
		const { passThrough, policyPack, prepare } = await import("./engine.ts");
		const preview = ["preview", "--stack", options.stack, "--policy-pack", policyPack];
		process.exitCode = await passThrough(await prepare(options), [...preview, ...args]);
	});

program
	.command("pulumi")
	.description("run the Pulumi CLI with the environment that `up` uses")
	.allowUnknownOption()
	.helpOption(false)
	.passThroughOptions()
	.argument("[args...]", "handed over as they are")
	.action(async (args: string[]) => {
		const { passThrough, prepare } = await import("./engine.ts");
		process.exitCode = await passThrough(await prepare({}), args);
	});

program
	.command("check")
	.description("types, lint, dead code, and every configuration file by its own server's linter")
	.option("--images <file>", "image catalogue whose linters are used")
	.action(async (options) => {
		const { checkCommand } = await import("./check.ts");
		process.exitCode = await checkCommand(options);
	});

program
	.command("test")
	.description("everything: check, unit tests, and the end-to-end tests on a real engine")
	.option("--images <file>", "image catalogue to test")
	.option("--images-earlier <file>", "image catalogue that the test of an upgrade starts from")
	.option("--unit", "only what needs no Docker engine")
	.option("--soak", "end-to-end tests in their long form: more kills, longer outages")
	.action(async (options) => {
		const { testCommand } = await import("./test.ts");
		process.exitCode = await testCommand(options);
	});

const airgap = program
	.command("airgap")
	.description("build the engine and the images where official downloads can't be reached");
airgap
	.command("build")
	.option("--only <names>", "some of them, separated by commas", (text: string) => text.split(","))
	.action(async ({ only }: { only?: string[] }) => {
		const { ensureDockerEngine } = await import("./docker-engine.ts");
		const { airgapBuild } = await import("./toolchain.ts");
		await ensureDockerEngine();
		const set = await airgapBuild(only);
		process.stdout.write(`catalogue ${set.catalogue}\nbinaries  ${set.bin}\n`);
	});
airgap.command("list").action(async () => {
	const { list } = await import("../airgap/build.ts");
	const { cacheDir } = await import("./paths.ts");
	for (const row of await list(cacheDir)) {
		process.stdout.write(`${row.built ? paint("green", "built  ") : "missing"}  ${row.key}  ${row.name}\n`);
	}
});
airgap.command("clean").action(async () => {
	const { clean } = await import("../airgap/build.ts");
	const { cacheDir } = await import("./paths.ts");
	const removed = await clean(cacheDir);
	progress(`removed ${removed.length} images and ${cacheDir}/airgap`);
});

// `./tracestack status | head` closes the pipe early, which is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
	if (error.code !== "EPIPE") throw error;
});

/** What these were called in scripts that came before, for hands and CI jobs that know those names. */
const familiar = new Map([
	["start_tempo", ["up"]],
	["tempo_health", ["doctor"]],
	["send_test_tempo", ["canary"]],
	["run_billing_tempo", ["demo", "billing"]],
	["query_tempo", ["query"]],
	["get_tempo_trace", ["trace"]],
]);

try {
	const [name = "", ...args] = process.argv.slice(2);
	await program.parseAsync([...(familiar.get(name) ?? (name ? [name] : [])), ...args], { from: "user" });
} catch (error) {
	const { debug } = program.opts<{ debug?: boolean }>();
	const message = error instanceof Error ? error.message : String(error);
	progress(paint("red", message, process.stderr));
	if (debug) console.error(error instanceof Error ? (error.cause ?? error) : error);
	process.exitCode = 1;
}
