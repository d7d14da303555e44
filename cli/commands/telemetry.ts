// What is in a stack, and what is sent to it.

import type { Command } from "commander";
import { explained, number, stackCommand } from "./command.ts";

/** Adds the commands that read and send telemetry. */
export function telemetryCommands(program: Command): void {
	program.commandsGroup("Traces, metrics and logs:");

	const query = stackCommand(program, "query", "list the newest traces of a service, a line each")
		.argument("[service]", "value of service.name")
		.argument("[count]", "how many traces at most", number, 20)
		.option("--traceql <query>", "TraceQL instead of a service")
		.option("--errors", "only traces in which a span of the service failed")
		.option("--since <duration>", "how far to look back", "1h")
		.option("--json", "print the result as JSON")
		.action(async (service: string | undefined, count: number, options) => {
			const { queryCommand } = await import("../query/search.ts");
			process.exitCode = await queryCommand(service, count, options);
		});
	explained(query, {
		examples: [
			["query shop 5 --errors", "the five newest failed traces of the service shop"],
			["query --traceql '{ duration > 1s && status = error }'", "any TraceQL"],
		],
		exits: { 1: "nothing was found; the services that have traces are listed" },
	});

	const trace = stackCommand(program, "trace", "draw one trace as a waterfall, with what failed and a link to Grafana")
		.argument("<id>", "trace id: up to 32 hexadecimal digits")
		.option("--all", "every span; without it the first 200")
		.option("--json", "print the result as JSON")
		.action(async (id: string, options) => {
			const { traceCommand } = await import("../query/trace.ts");
			await traceCommand(id, options);
		});
	explained(trace, { examples: [["trace 5b8efff798038103d269b633813fc60c", "an id from `query`, a log or Grafana"]] });

	const logs = stackCommand(program, "logs", "print a service's log lines, oldest first, each with its trace id")
		.argument("<service>", "value of service.name")
		.option("--trace <id>", "only lines of one trace")
		.option("--grep <text>", "only lines that contain this text")
		.option("--since <duration>", "how far to look back", "15m")
		.option("--limit <lines>", "the newest so many lines, at most 5000", number, 200)
		.option("-f, --follow", "go on with new lines until interrupted")
		.option("--json", "print one JSON object a line")
		.action(async (service: string, options) => {
			const { logsCommand } = await import("../query/logs.ts");
			process.exitCode = await logsCommand(service, options);
		});
	explained(logs, {
		examples: [
			["logs shop --grep timeout --since 2h", "lines of two hours that contain a text"],
			["logs shop --follow", "new lines as they come"],
		],
		exits: { 1: "there is no such line" },
	});

	const send = stackCommand(program, "send", "send one span, and print its trace id and the link to it")
		.option("--service <name>", "value of service.name", "tracestack-send")
		.option("--name <name>", "name of the span", "by hand")
		.option("--attribute <key=value...>", "attributes of the span", [])
		.option("--error <message>", "end the span as failed, with this message")
		.option("--json", "print the result as JSON")
		.action(async (options) => {
			const { sendCommand } = await import("../canary.ts");
			await sendCommand(options);
		});
	explained(send, {
		examples: [["send --service shop --attribute run.id=7 --error 'card declined'", "a failed span with an attribute"]],
	});

	const canary = stackCommand(program, "canary", "send one trace and look for it; one line, for CI and cron")
		.option("--within <seconds>", "how long it may take until it is found", number, 30)
		.option("--json", "print the result as JSON")
		.action(async (options) => {
			const { canaryCommand } = await import("../canary.ts");
			process.exitCode = await canaryCommand(options);
		});
	explained(canary, {
		examples: [["canary --within 60", "how long it took until the trace was found, by id and by search"]],
		exits: { 1: "the trace was not accepted, or not found in time" },
	});

	const load = stackCommand(program, "load", "send spans at a rate; report what was accepted and how soon it was found")
		.option("--rate <spans>", "spans per second, at most 50000", number, 1000)
		.option("--minutes <minutes>", "for how long, at most 60", number, 1)
		.option("--spans <count>", "spans per trace, at most 1000", number, 10)
		.option("--json", "print the result as JSON")
		.action(async (options) => {
			const { loadCommand } = await import("../load/load.ts");
			process.exitCode = await loadCommand(options);
		});
	explained(load, {
		examples: [["load --rate 5000 --minutes 10", "three million spans, in traces of ten"]],
		exits: { 1: "nothing was accepted, or an accepted trace is missing" },
	});

	const attributes = program.command("attributes").description("check what attributes spans have");

	const attributesCheck = stackCommand(attributes, "check", "list the spans that lack attributes which dashboards need")
		.requiredOption("--require <names>", "attributes, separated by commas", (text: string) => text.split(","))
		.option("--from <file>", "OTLP as JSON, instead of the last hour in the stack's Tempo")
		.option("--where <condition>", "only spans that match this TraceQL condition")
		.option("--json", "print the result as JSON")
		.action(async (options) => {
			const { attributesCheckCommand } = await import("../attributes.ts");
			process.exitCode = await attributesCheckCommand(options);
		});
	explained(attributesCheck, {
		examples: [
			["attributes check --require run_id,branch", "spans of the last hour"],
			[
				"attributes check --require run_id --where 'kind = server'",
				"only spans of requests: --where takes a TraceQL condition",
			],
		],
		exits: { 1: "a span lacks an attribute" },
	});

	const logsCheck = stackCommand(logs, "check", "list the log lines that do not match a pack's logs.schema.json")
		.requiredOption("--pack <name>", "the pack whose configs/packs/NAME/logs.schema.json is used")
		.option("--from <file>", "a JSON object on each line, instead of the last hour in the stack's Loki")
		.option("--where <query>", "only lines that this LogQL query finds")
		.option("--json", "print the result as JSON")
		.action(async (options) => {
			const { logsCheckCommand } = await import("../logs/check.ts");
			process.exitCode = await logsCheckCommand(options);
		});
	explained(logsCheck, {
		examples: [
			["logs check --pack gazeqa --from app.jsonl", "a file that an application wrote"],
			["logs check --pack gazeqa --where '{service_name=\"crawler\"}'", "one service's lines in Loki"],
		],
		exits: { 1: "a line does not match" },
	});
}
