// What a stack has stored: kept, put back, taken over.

import type { Command } from "commander";
import { stackCommand } from "./command.ts";

/** Adds them to the command line. */
export function dataCommands(program: Command): void {
	program.commandsGroup("Stored data:");

	stackCommand(
		program,
		"backup",
		"everything that the stack has stored, in one file; its services are stopped meanwhile",
	)
		.argument("<file>", "a tar, for its owner only: Grafana's database is in it")
		.option("--force", "replace a file that is there")
		.action(async (file: string, options) => {
			const { backupCommand } = await import("../backup/backup.ts");
			await backupCommand(file, options);
		});

	stackCommand(program, "restore", "replace what the stack has stored by what is in a backup")
		.argument("<file>", "what `backup` wrote")
		.option("--yes", "replace it: without this, only say what would be replaced")
		.action(async (file: string, options) => {
			const { restoreCommand } = await import("../backup/restore.ts");
			await restoreCommand(file, options);
		});

	const migrate = program.command("migrate").description("copy what another tracing system has stored");

	stackCommand(migrate, "jaeger", "copy a Jaeger's traces into the stack and compare; the next run continues")
		.requiredOption("--from <url>", "address of Jaeger's user interface, such as http://localhost:16686")
		.option("--since <duration>", "how far back", "7d")
		.option("--service <names...>", "only these services")
		.option("--limit <traces>", "most traces of each service, the newest; all without it")
		.option("--restart", "forget what earlier runs have done")
		.option("--json", "the result as JSON")
		.action(async (options) => {
			const { migrateCommand } = await import("../migrate/migrate.ts");
			process.exitCode = await migrateCommand(options);
		});
}
