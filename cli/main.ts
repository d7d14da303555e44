// The command line. Each command is a few lines in commands/ and a module of its own.

import { Command } from "commander";
import { dataCommands } from "./commands/data.ts";
import { packCommands } from "./commands/packs.ts";
import { projectCommands } from "./commands/project.ts";
import { stackCommands } from "./commands/stack.ts";
import { telemetryCommands } from "./commands/telemetry.ts";
import { paint, progress } from "./output.ts";

const program = new Command("tracestack")
	.description(
		"A complete, tracing-first observability platform: Tempo, OpenTelemetry Collector, Prometheus, Loki, Alertmanager, Grafana.",
	)
	.option("--debug", "show stack traces of errors")
	.showHelpAfterError("(./tracestack --help lists the commands)")
	.enablePositionalOptions();

stackCommands(program);
telemetryCommands(program);
packCommands(program);
dataCommands(program);
projectCommands(program);

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
	["smoke_traces", ["smoke"]],
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
