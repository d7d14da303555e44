// The stack itself: bring it up, look at it, take it down.

import { type Command, Option } from "commander";
import { UserError } from "../output.ts";
import { explained, number, stackCommand } from "./command.ts";

/** Adds the commands about a stack itself. */
export function stackCommands(program: Command): void {
	program.commandsGroup("The stack:");

	const up = stackCommand(program, "up", "create or update the stack, then prove with one trace that every link works")
		.option("--json", "print the result as JSON")
		.option("--no-verify", "skip the proof: end as soon as every service is ready")
		.action(async (options) => {
			const { upCommand } = await import("../up.ts");
			process.exitCode = await upCommand(options);
		});
	explained(up, {
		examples: [
			["up", "the stack dev, with the settings in Pulumi.dev.yaml"],
			["up --stack staging --no-verify", "another stack, without the proof"],
		],
		exits: { 1: "it could not be brought up, or the proof found a broken link" },
	});

	const preview = stackCommand(program, "preview", "show what `up` would change, and which policies that would violate")
		.allowUnknownOption()
		.argument("[args...]", "options of `pulumi preview`, passed on as they are")
		.action(async (args: string[], options) => {
			const { passThrough, policyPack, prepare } = await import("../engine.ts");
			const command = ["preview", "--stack", options.stack, "--policy-pack", policyPack];
			process.exitCode = await passThrough(await prepare(options), [...command, ...args]);
		});
	explained(preview, {
		examples: [
			["preview", "what `up` would change in the stack dev"],
			["preview --stack prod --diff", "another stack, with every changed property"],
		],
	});

	const down = stackCommand(
		program,
		"down",
		"remove the stack's containers and network; stored data and password are kept",
	)
		.option("--delete-data", "delete volumes and password as well, without asking")
		.action(async (options) => {
			const { down, prepare } = await import("../engine.ts");
			const { onDockerOnly } = await import("../settings-file.ts");
			const instead = "On AWS stored data goes with the services: docs/aws.md says how to tear a stack down";
			if (!options.deleteData) await onDockerOnly(options.stack, "down without --delete-data", instead);
			await down(await prepare(options, "look"), { ...options, deleteData: Boolean(options.deleteData) });
		});
	explained(down, {
		examples: [
			["down", "stop the stack dev; `up` brings it back with its data"],
			["down --delete-data --stack try", "remove a stack and all that it has stored"],
		],
	});

	const verify = stackCommand(
		program,
		"verify",
		"send one trace and prove each link: trace, metric, exemplar, service graph, log, panels",
	)
		.option("--json", "print the result as JSON")
		.action(async (options) => {
			const { verifyCommand } = await import("../verify/verify.ts");
			process.exitCode = await verifyCommand(options);
		});
	explained(verify, {
		examples: [["verify", "one line for each link; it takes about half a minute"]],
		exits: { 1: "a link is broken: the first one is named, with what to look at" },
	});

	const smoke = stackCommand(
		program,
		"smoke",
		"check for scripts: is a new trace found everywhere, and would an alert be delivered?",
	)
		.option("--timeout <seconds>", "how long all checks together may take", number, 90)
		.option("--json", "print the result as JSON")
		.action(async (options) => {
			const { smokeCommand } = await import("../smoke.ts");
			process.exitCode = await smokeCommand(options);
		});
	explained(smoke, {
		examples: [["smoke --timeout 180 --json", "after a deployment, for a script to read"]],
		exits: { 1: "a link is broken", 2: "every link works, but a queue is filling up" },
	});

	const status = stackCommand(
		program,
		"status",
		"list what runs, since when, at which address, and how long it keeps data",
	)
		.option("--json", "print the result as JSON")
		.action(async (options) => {
			const { statusCommand } = await import("../status.ts");
			process.exitCode = await statusCommand(options);
		});
	explained(status, {
		examples: [["status", "services, retention and addresses of the stack dev"]],
		exits: { 1: "a service does not run, or keeps data otherwise than the settings say" },
	});

	const doctor = stackCommand(program, "doctor", "find out what is wrong, and what to do about it; changes nothing")
		.option("--json", "print the result as JSON")
		.action(async (options) => {
			const { doctorCommand } = await import("../doctor/doctor.ts");
			process.exitCode = await doctorCommand(options);
		});
	explained(doctor, {
		examples: [["doctor", "services, disk, memory, queues, logs, certificates, drift, alerts"]],
		exits: { 1: "something is broken", 2: "warnings only" },
	});

	const upgrade = stackCommand(
		program,
		"upgrade",
		"compare the running images with the catalogue's, and let the new servers check their configuration",
	)
		.requiredOption("--check", "only look; `./tracestack up` is what upgrades")
		.option("--json", "print the result as JSON")
		.action(async (options) => {
			const { upgradeCheckCommand } = await import("../upgrade/upgrade.ts");
			process.exitCode = await upgradeCheckCommand(options);
		});
	explained(upgrade, {
		examples: [["upgrade --check --images next.yaml", "what the images of another catalogue would mean"]],
		exits: {
			1: "a new server refuses its configuration, or is older than what runs",
			2: "there are upgrades, and nothing speaks against them",
		},
	});

	const drift = stackCommand(program, "drift", "compare code, deployed state and what really runs; changes nothing")
		.addOption(
			new Option("--format <format>", "format of the report").choices(["text", "markdown", "json"]).default("text"),
		)
		.option("--out <file>", "write the report to a file instead of standard output")
		.addOption(
			new Option("--accept <what>", "write edits made in Grafana into the packs, as `dashboards export` does").choices([
				"dashboards",
			]),
		)
		.action(async (options) => {
			const { driftCommand } = await import("../drift/drift.ts");
			process.exitCode = await driftCommand(options);
		});
	explained(drift, {
		examples: [
			["drift", "what `up` would change, and what was changed by hand"],
			["drift --format markdown --out drift.md", "the same as a comment for a pull request"],
		],
		exits: { 1: "something could not be looked at", 2: "there is drift, or something to deploy" },
	});

	const password = printing(program, "password", "print the password of Grafana's administrator", "grafanaPassword");
	explained(password, { examples: [["password", "for the login page of Grafana; the user is admin unless set"]] });

	const token = printing(
		program,
		"token",
		"print the bearer token that applications need to send OTLP",
		"otlpToken",
		"access.token is not true",
	);
	explained(token, { examples: [["token --stack team", "for OTEL_EXPORTER_OTLP_HEADERS of an application"]] });

	const ca = printing(
		program,
		"ca",
		"print the certificate authority that clients of the stack must trust",
		"ca",
		"access.tls is none, or own without ca,",
	);
	explained(ca, { examples: [["ca --stack team > ca.pem", "a file for OTEL_EXPORTER_OTLP_CERTIFICATE"]] });
}

/**
 * Adds a command that prints one of the stack's outputs.
 *
 * @param absent Why a stack that is up may have no such output.
 */
function printing(parent: Command, name: string, description: string, output: string, absent?: string): Command {
	return stackCommand(parent, name, description).action(async (options) => {
		const { outputs, prepare } = await import("../engine.ts");
		const all = await outputs(await prepare(options, "look"), options.stack);
		const { stack } = options;
		if (!all.urls) throw new UserError(`The stack ${stack} is not up: ./tracestack up --stack ${stack}`);
		if (!all[output])
			throw new UserError(`The stack ${stack} has no ${name}${absent ? `: ${absent} in Pulumi.${stack}.yaml` : ""}`);
		process.stdout.write(`${`${all[output]}`.trim()}\n`);
	});
}
