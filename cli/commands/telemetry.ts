// What is in a stack, and what is sent to it.

import type { Command } from "commander";
import { stackCommand } from "./command.ts";

/** Adds them to the command line. */
export function telemetryCommands(program: Command): void {
	program.commandsGroup("Traces, metrics and logs:");

	stackCommand(program, "query", "traces of a service, the newest first")
		.argument("[service]", "its service.name")
		.argument("[count]", "how many at most", "20")
		.option("--traceql <query>", "instead of a service, such as '{ duration > 1s && status = error }'")
		.option("--errors", "only those in which the service failed")
		.option("--since <duration>", "how far back", "1h")
		.option("--json", "the result as JSON")
		.action(async (service: string | undefined, count: string, options) => {
			const { queryCommand } = await import("../query/search.ts");
			process.exitCode = await queryCommand(service, count, options);
		});

	stackCommand(program, "trace", "one trace as a waterfall, with what failed and a link to Grafana")
		.argument("<id>", "up to 32 hexadecimal digits")
		.option("--all", "every span, however many")
		.option("--json", "the result as JSON")
		.action(async (id: string, options) => {
			const { traceCommand } = await import("../query/trace.ts");
			await traceCommand(id, options);
		});

	const logs = stackCommand(program, "logs", "a service's log lines, oldest first, each with its trace")
		.argument("<service>", "its service.name")
		.option("--trace <id>", "only those of one trace")
		.option("--grep <text>", "only those that contain this")
		.option("--since <duration>", "how far back", "15m")
		.option("--limit <lines>", "the newest so many", "200")
		.option("-f, --follow", "go on until interrupted")
		.option("--json", "a JSON object a line")
		.action(async (service: string, options) => {
			const { logsCommand } = await import("../query/logs.ts");
			process.exitCode = await logsCommand(service, options);
		});

	stackCommand(program, "send", "send one span, and print its trace's id and the link to it")
		.option("--service <name>", "its service.name", "tracestack-send")
		.option("--name <name>", "the span's name", "by hand")
		.option("--attribute <key=value...>", "attributes of the span", [])
		.option("--error <message>", "let it fail")
		.option("--json", "the result as JSON")
		.action(async (options) => {
			const { sendCommand } = await import("../canary.ts");
			await sendCommand(options);
		});

	stackCommand(
		program,
		"canary",
		"send one trace and look for it: one line, for CI and cron; exit code 1 if it did not arrive",
	)
		.option("--within <seconds>", "how long it may take", Number, 30)
		.option("--json", "the result as JSON")
		.action(async (options) => {
			const { canaryCommand } = await import("../canary.ts");
			process.exitCode = await canaryCommand(options);
		});

	stackCommand(program, "load", "send spans at a rate, and say what was accepted, refused, and how soon it is found")
		.option("--rate <spans>", "spans a second, at most 50000", Number, 1000)
		.option("--minutes <minutes>", "for how long, at most 60", Number, 1)
		.option("--spans <count>", "spans of a trace", Number, 10)
		.option("--json", "the result as JSON")
		.action(async (options) => {
			const { loadCommand } = await import("../load/load.ts");
			process.exitCode = await loadCommand(options);
		});

	const attributes = program.command("attributes").description("what spans carry");

	stackCommand(attributes, "check", "which spans lack attributes that dashboards need")
		.requiredOption("--require <names>", "attributes, separated by commas", (text: string) => text.split(","))
		.option("--from <file>", "OTLP as JSON, instead of the stack's Tempo")
		.option("--where <query>", "TraceQL: only spans like these, such as 'resource.service.name = \"shop\"'")
		.option("--json", "the result as JSON")
		.action(async (options) => {
			const { attributesCheckCommand } = await import("../attributes.ts");
			process.exitCode = await attributesCheckCommand(options);
		});

	stackCommand(logs, "check", "which log lines are not as a pack's logs.schema.json wants them")
		.requiredOption("--pack <name>", "whose schema: configs/packs/NAME/logs.schema.json")
		.option("--from <file>", "a JSON object on each line, instead of the last hour in the stack's Loki")
		.option("--where <query>", "LogQL: only lines like these, such as '{service_name=\"crawler\"}'")
		.option("--json", "the result as JSON")
		.action(async (options) => {
			const { logsCheckCommand } = await import("../logs/check.ts");
			process.exitCode = await logsCheckCommand(options);
		});
}
