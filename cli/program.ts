// Every command with its options and its help. Each is a few lines in commands/, which load a module of its own when it runs.

import { Command } from "commander";
import { dataCommands } from "./commands/data.ts";
import { packCommands } from "./commands/packs.ts";
import { projectCommands } from "./commands/project.ts";
import { stackCommands } from "./commands/stack.ts";
import { telemetryCommands } from "./commands/telemetry.ts";

/** Makes the command line; nothing runs before it is given arguments. */
export function makeProgram(): Command {
	const program = new Command("./tracestack")
		.description(
			`A tracing-first observability platform on Docker or AWS: Grafana Tempo, the
OpenTelemetry Collector, Prometheus, Loki, Alertmanager and Grafana.

To begin:
  ./tracestack up        start the stack dev and prove that it works
  ./tracestack demo      send simulated telemetry, so that dashboards show data
  ./tracestack doctor    find out what is wrong, and what to do about it
  ./tracestack down      stop it; what it has stored is kept`,
		)
		.option("--debug", "print the stack trace of an error")
		.showHelpAfterError("(--help lists what there is)")
		.enablePositionalOptions();
	stackCommands(program);
	telemetryCommands(program);
	packCommands(program);
	dataCommands(program);
	projectCommands(program);
	return program;
}
