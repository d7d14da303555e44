// The Pulumi CLI underneath, and work on this project.

import type { Command } from "commander";
import { paint, progress } from "../output.ts";
import { explained } from "./command.ts";

/** Adds the commands for developers of this project, and the way to Pulumi's own. */
export function projectCommands(program: Command): void {
	program.commandsGroup("Pulumi, and this project:");

	program
		.command("pulumi")
		.description("run the Pulumi CLI with the environment that `up` uses")
		.allowUnknownOption()
		.helpOption(false)
		.passThroughOptions()
		.argument("[args...]", "passed on as they are")
		.action(async (args: string[]) => {
			const { passThrough, prepare, stackNamed } = await import("../engine.ts");
			const stack = stackNamed(args);
			process.exitCode = await passThrough(await prepare(stack ? { stack } : {}), args);
		});

	const check = program
		.command("check")
		.description("check types, style, dead code and every configuration file, each with its server's own linter")
		.option("--images <file>", "image catalogue whose linters are used")
		.action(async (options) => {
			const { checkCommand } = await import("../check.ts");
			process.exitCode = await checkCommand(options);
		});
	explained(check, {
		examples: [["check", "what a pull request has to pass, without the tests"]],
		exits: { 1: "a check failed" },
	});

	const test = program
		.command("test")
		.description("run everything: check, unit tests, and end-to-end tests on a real Docker engine")
		.option("--images <file>", "image catalogue to test")
		.option("--images-earlier <file>", "image catalogue that the upgrade test starts from")
		.option("--unit", "only the unit tests, which need no Docker engine")
		.option("--soak", "end-to-end tests in their long form: more kills, longer outages")
		.action(async (options) => {
			const { testCommand } = await import("../test.ts");
			process.exitCode = await testCommand(options);
		});
	explained(test, {
		examples: [["test --unit", "the quick ones"]],
		exits: { 1: "a test failed, or was skipped" },
	});

	airgapCommands(program);
}

function airgapCommands(program: Command): void {
	const airgap = program
		.command("airgap")
		.description("build the engine and the images where official downloads can't be reached");

	const build = airgap
		.command("build")
		.description("build what is missing, from package registries alone; airgap/README.md")
		.option("--only <names>", "only these, separated by commas", (text: string) => text.split(","))
		.action(async ({ only }: { only?: string[] }) => {
			const { ensureDockerEngine } = await import("../docker-engine.ts");
			const { airgapBuild } = await import("../toolchain.ts");
			await ensureDockerEngine();
			const set = await airgapBuild(only);
			process.stdout.write(`catalogue ${set.catalogue}\nbinaries  ${set.bin}\n`);
		});
	explained(build, { examples: [["airgap build --only tempo,grafana", "some of them; `airgap list` has all names"]] });

	const list = airgap
		.command("list")
		.description("list what can be built, and whether it is built already")
		.action(async () => {
			const { list } = await import("../../airgap/build.ts");
			const { cacheDir } = await import("../paths.ts");
			for (const row of await list(cacheDir)) {
				process.stdout.write(`${row.built ? paint("green", "built  ") : "missing"}  ${row.key}  ${row.name}\n`);
			}
		});
	explained(list, { examples: [["airgap list", "state, key of the inputs, name"]] });

	const clean = airgap
		.command("clean")
		.description("remove every image and binary that was built")
		.action(async () => {
			const { clean } = await import("../../airgap/build.ts");
			const { cacheDir } = await import("../paths.ts");
			const removed = await clean(cacheDir);
			progress(`removed ${removed.length} images and ${cacheDir}/airgap`);
		});
	explained(clean, { examples: [["airgap clean", "the next `up` builds again what it needs"]] });
}
