// The stack itself: bring it up, look at it, take it down.

import { type Command, Option } from "commander";
import { UserError } from "../output.ts";
import { stackCommand } from "./command.ts";

/** Adds them to the command line. */
export function stackCommands(program: Command): void {
	program.commandsGroup("The stack:");

	stackCommand(program, "up", "bring the stack up, then prove every link with one trace")
		.option("--json", "the result as JSON")
		.option("--no-verify", "end when every service is ready, without the proof")
		.action(async (options) => {
			const { upCommand } = await import("../up.ts");
			process.exitCode = await upCommand(options);
		});

	stackCommand(program, "preview", "what `up` would change, and which policies it breaks")
		.allowUnknownOption()
		.argument("[args...]", "handed to pulumi preview")
		.action(async (args: string[], options) => {
			const { passThrough, policyPack, prepare } = await import("../engine.ts");
			const preview = ["preview", "--stack", options.stack, "--policy-pack", policyPack];
			process.exitCode = await passThrough(await prepare(options), [...preview, ...args]);
		});

	stackCommand(program, "down", "take the stack down; data and password are kept")
		.option("--delete-data", "delete volumes and password as well")
		.action(async (options) => {
			const { down, prepare } = await import("../engine.ts");
			const { onDockerOnly } = await import("../settings-file.ts");
			const instead = "What is kept goes there with what runs: docs/aws.md says how to tear one down";
			if (!options.deleteData) await onDockerOnly(options.stack, "down without --delete-data", instead);
			await down(await prepare(options, "look"), { ...options, deleteData: Boolean(options.deleteData) });
		});

	stackCommand(
		program,
		"verify",
		"send one trace and prove each link: trace, metric, exemplar, service graph, log, panels",
	)
		.option("--json", "the result as JSON")
		.action(async (options) => {
			const { verifyCommand } = await import("../verify/verify.ts");
			process.exitCode = await verifyCommand(options);
		});

	stackCommand(program, "smoke", "is a trace that is sent now found everywhere, archive, exemplar and alerts included?")
		.option("--timeout <seconds>", "how long all of it may take", Number, 90)
		.option("--json", "the result as JSON")
		.action(async (options) => {
			const { smokeCommand } = await import("../smoke.ts");
			process.exitCode = await smokeCommand(options);
		});

	stackCommand(program, "status", "what runs, since when, and where it answers")
		.option("--json", "the result as JSON")
		.action(async (options) => {
			const { statusCommand } = await import("../status.ts");
			process.exitCode = await statusCommand(options);
		});

	stackCommand(program, "doctor", "what is wrong, and what to do about it; changes nothing")
		.option("--json", "the result as JSON")
		.action(async (options) => {
			const { doctorCommand } = await import("../doctor/doctor.ts");
			process.exitCode = await doctorCommand(options);
		});

	stackCommand(program, "upgrade", "what other images would mean, asked of the images themselves; replaces nothing")
		.requiredOption("--check", "only look: `up` is what replaces")
		.option("--json", "the result as JSON")
		.action(async (options) => {
			const { upgradeCheckCommand } = await import("../upgrade/upgrade.ts");
			process.exitCode = await upgradeCheckCommand(options);
		});

	stackCommand(program, "drift", "what the code would change, and what was changed beside it; changes nothing")
		.addOption(new Option("--format <format>", "how it is told").choices(["text", "markdown", "json"]).default("text"))
		.option("--out <file>", "where to; standard output without it")
		.addOption(
			new Option("--accept <what>", "take over what was edited in Grafana: `dashboards export`").choices([
				"dashboards",
			]),
		)
		.action(async (options) => {
			const { driftCommand } = await import("../drift/drift.ts");
			process.exitCode = await driftCommand(options);
		});

	printing(program, "password", "print the password of Grafana's administrator", "grafanaPassword");

	printing(program, "token", "print the bearer token that OTLP asks for", "otlpToken", "access.token is not true");

	printing(
		program,
		"ca",
		"print the certificate of the authority that clients must trust",
		"ca",
		"access.tls is none, or own without ca,",
	);
}

/** A command that prints one of the stack's outputs. @param absent Why a stack that is up may have none. */
function printing(below: Command, name: string, description: string, output: string, absent = ""): void {
	stackCommand(below, name, description).action(async (options) => {
		const { outputs, prepare } = await import("../engine.ts");
		const all = await outputs(await prepare(options, "look"), options.stack);
		const { stack } = options;
		if (!all.urls) throw new UserError(`The stack ${stack} is not up: ./tracestack up --stack ${stack}`);
		if (!all[output]) throw new UserError(`The stack ${stack} has none: ${absent} in Pulumi.${stack}.yaml`);
		process.stdout.write(`${`${all[output]}`.trim()}\n`);
	});
}
