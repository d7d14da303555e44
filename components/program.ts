// Programs of this repository's own as workloads: TypeScript under workers/, bundled into one file that Node runs.

import { createRequire } from "node:module";
import { join } from "node:path";
import type { Settings } from "../settings.ts";
import type { Workload } from "./workload.ts";

const root = join(import.meta.dirname, "..");

/** The user that Node's image has. */
const owner = { uid: 1000, gid: 1000 };

const bundles = new Map<string, string>();

/** What a workload needs to run a program of `workers/`: what is its own, such as ports, comes beside it. */
interface Program extends Pick<Workload, "image" | "command" | "user" | "files"> {}

/**
 * A program of `workers/`, run by Node.
 *
 * @param name Its folder; `main.ts` is where it begins.
 * @param config What it is told: its first argument is a file with this as JSON. Secrets are no part of it.
 */
export function program(settings: Settings, name: string, config: unknown): Program {
	const code = `/opt/${name}/main.cjs`;
	const configFile = `/etc/${name}/config.json`;
	return {
		image: settings.image("node").image,
		command: ["node", code, configFile],
		user: owner,
		files: {
			[code]: { text: bundle(name) },
			[configFile]: { text: `${JSON.stringify(config, null, "\t")}\n` },
		},
	};
}

/** `main.ts` and all that it imports as one text. The same sources give the same bytes: a container lives until they change. */
export function bundle(name: string): string {
	const text = bundles.get(name) ?? build(name);
	bundles.set(name, text);
	return text;
}

function build(name: string): string {
	// Loaded here: a stack without such a program does not wait for it.
	const { buildSync }: typeof import("esbuild-wasm") = createRequire(import.meta.url)("esbuild-wasm");
	const { outputFiles } = buildSync({
		absWorkingDir: root,
		entryPoints: [`workers/${name}/main.ts`],
		bundle: true,
		write: false,
		platform: "node",
		target: "node22",
		format: "cjs",
		// Modules as ECMAScript has them: of these what nobody calls is left out, which makes a sixth of it.
		mainFields: ["module", "main"],
		// Names stay: they are what a stack trace has.
		minifySyntax: true,
		minifyWhitespace: true,
		legalComments: "none",
		logLevel: "silent",
	});
	return outputFiles[0]!.text;
}
