// `./tracestack check`: what a reviewer need not look for.

import { availableParallelism } from "node:os";
import { execa } from "execa";
import { filesAmiss, lint, linted } from "./dashboards/lint.ts";
import { prepare } from "./engine.ts";
import { configLints, type Lint } from "./linters.ts";
import { schemasAmiss } from "./logs/schema.ts";
import { paint, progress, seconds } from "./output.ts";
import { root } from "./paths.ts";

/** How many checks or tests passed and failed. */
export interface Count {
	passed: number;
	failed: number;
}

/** `./tracestack check`. Returns the exit code: 1 when a check fails. */
export async function checkCommand(options: { images?: string }): Promise<number> {
	const { env } = await prepare(options);
	const count = await check(env.TRACESTACK_IMAGES);
	process.stdout.write(`${count.passed} passed, ${count.failed} failed\n`);
	return count.failed === 0 ? 0 : 1;
}

/**
 * Checks types, style, dead code and every configuration file. All checks run, whatever fails.
 *
 * @param images Image catalogue whose linters are used; undefined for the official one.
 */
export async function check(images: string | undefined): Promise<Count> {
	const tool = (name: string, command: string, args: string[]): Lint => ({
		name,
		run: async () => {
			const result = await execa(command, args, { cwd: root, preferLocal: true, reject: false, all: true });
			if (result.exitCode !== 0) throw new Error(result.all ?? result.message);
		},
	});
	const lints = [
		tool("types (tsc)", "tsc", ["--project", "."]),
		tool("format and lint (biome)", "biome", ["check", "--error-on-warnings", "."]),
		tool("dead code (knip)", "knip", []),
		{
			name: "dashboards",
			run: async () => {
				const problems = [...filesAmiss(), ...lint(linted())];
				if (problems.length > 0) throw new Error(problems.join("\n"));
			},
		},
		{
			name: "schemas of logs",
			run: async () => {
				const problems = schemasAmiss();
				if (problems.length > 0) throw new Error(problems.join("\n"));
			},
		},
		...configLints(images),
	];
	const count = { passed: 0, failed: 0 };
	const one = async ({ name, run }: Lint) => {
		const started = Date.now();
		try {
			await run();
			count.passed++;
			progress(`${paint("green", "✓", process.stderr)} ${name} (${seconds(started)})`);
		} catch (error) {
			count.failed++;
			progress(`${paint("red", "✗", process.stderr)} ${name}\n${(error as Error).message}`);
		}
	};
	// The first, on one core, takes as long as all the others.
	const waiting = lints.values();
	const lane = async () => {
		for (const next of waiting) await one(next);
	};
	await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, lane));
	return count;
}
