// The engine underneath, and the work on this project.

import type { Command } from "commander";
import { paint, progress } from "../output.ts";

/** Adds them to the command line. */
export function projectCommands(program: Command): void {
	program.commandsGroup("The engine, and this project:");

	program
		.command("pulumi")
		.description("run the Pulumi CLI with the environment that `up` uses")
		.allowUnknownOption()
		.helpOption(false)
		.passThroughOptions()
		.argument("[args...]", "handed over as they are")
		.action(async (args: string[]) => {
			const { passThrough, prepare, stackNamed } = await import("../engine.ts");
			const stack = stackNamed(args);
			process.exitCode = await passThrough(await prepare(stack ? { stack } : {}), args);
		});

	program
		.command("check")
		.description("types, lint, dead code, and every configuration file by its own server's linter")
		.option("--images <file>", "image catalogue whose linters are used")
		.action(async (options) => {
			const { checkCommand } = await import("../check.ts");
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
			const { testCommand } = await import("../test.ts");
			process.exitCode = await testCommand(options);
		});

	const airgap = program
		.command("airgap")
		.description("build the engine and the images where official downloads can't be reached");

	airgap
		.command("build")
		.option("--only <names>", "some of them, separated by commas", (text: string) => text.split(","))
		.action(async ({ only }: { only?: string[] }) => {
			const { ensureDockerEngine } = await import("../docker-engine.ts");
			const { airgapBuild } = await import("../toolchain.ts");
			await ensureDockerEngine();
			const set = await airgapBuild(only);
			process.stdout.write(`catalogue ${set.catalogue}\nbinaries  ${set.bin}\n`);
		});

	airgap.command("list").action(async () => {
		const { list } = await import("../../airgap/build.ts");
		const { cacheDir } = await import("../paths.ts");
		for (const row of await list(cacheDir)) {
			process.stdout.write(`${row.built ? paint("green", "built  ") : "missing"}  ${row.key}  ${row.name}\n`);
		}
	});

	airgap.command("clean").action(async () => {
		const { clean } = await import("../../airgap/build.ts");
		const { cacheDir } = await import("../paths.ts");
		const removed = await clean(cacheDir);
		progress(`removed ${removed.length} images and ${cacheDir}/airgap`);
	});
}
