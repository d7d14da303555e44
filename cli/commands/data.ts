// What a stack has stored: backed up, restored, migrated from elsewhere.

import type { Command } from "commander";
import { explained, number, stackCommand } from "./command.ts";

/** Adds the commands about stored data. */
export function dataCommands(program: Command): void {
	program.commandsGroup("Stored data:");

	const backup = stackCommand(
		program,
		"backup",
		"write everything that the stack has stored into one file; its services are stopped meanwhile",
	)
		.argument("<file>", "a tar that only its owner can read: it contains Grafana's database")
		.option("--force", "replace an existing file")
		.action(async (file: string, options) => {
			const { backupCommand } = await import("../backup/backup.ts");
			await backupCommand(file, options);
		});
	explained(backup, { examples: [["backup monday.tar", "for some seconds, senders have to try again"]] });

	const restore = stackCommand(program, "restore", "replace what the stack has stored with the content of a backup")
		.argument("<file>", "a file that `backup` wrote")
		.option("--yes", "do it; without this only say what would be replaced, and end with 1")
		.action(async (file: string, options) => {
			const { restoreCommand } = await import("../backup/restore.ts");
			await restoreCommand(file, options);
		});
	explained(restore, {
		examples: [
			["restore monday.tar", "check the file, and say what would be replaced"],
			["restore monday.tar --yes", "replace it"],
		],
	});

	const migrate = program.command("migrate").description("copy what another tracing system has stored");

	const jaeger = stackCommand(
		migrate,
		"jaeger",
		"copy a Jaeger's traces into the stack and compare; a run that was interrupted is continued by the next",
	)
		.requiredOption("--from <url>", "address of Jaeger's user interface")
		.option("--since <duration>", "how far to look back", "7d")
		.option("--service <names...>", "only these services")
		.option("--limit <traces>", "at most so many traces of each service, the newest", number)
		.option("--restart", "forget what earlier runs have copied")
		.option("--json", "print the result as JSON")
		.action(async (options) => {
			const { migrateCommand } = await import("../migrate/migrate.ts");
			process.exitCode = await migrateCommand(options);
		});
	explained(jaeger, {
		examples: [["migrate jaeger --from http://localhost:16686 --since 2d", "docs/migrating-from-jaeger.md"]],
		exits: { 1: "not all could be read, or Tempo lacks something that was copied" },
	});
}
