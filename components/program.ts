// Programs of this repository's own as workloads: TypeScript under workers/, bundled into one file that Node runs.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { BuildOptions } from "esbuild-wasm";
import type { Settings } from "../settings.ts";
import type { Workload } from "./workload.ts";

const root = join(import.meta.dirname, "..");

/** The user that Node's image has. */
const owner = { uid: 1000, gid: 1000 };

/** Bundles that were built: a new installation of the packages takes them with it. */
const kept = join(root, "node_modules/.cache/tracestack");

const options = {
	bundle: true,
	platform: "node",
	target: "node24",
	format: "cjs",
	// Modules as ECMAScript has them: of these what nobody calls is left out, which makes a sixth of it.
	mainFields: ["module", "main"],
	// Names stay: they are what a stack trace has.
	minifySyntax: true,
	minifyWhitespace: true,
	legalComments: "none",
	// Asked for on Cloudflare only, and not there where optional packages were left out.
	external: ["pg-cloudflare"],
	loader: { ".sql": "text" },
	logLevel: "silent",
} satisfies BuildOptions;

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
	const file = join(kept, `${name}-${keyOf(name)}.cjs`);
	if (existsSync(file)) return readFileSync(file, "utf8");
	const text = build(name);
	try {
		mkdirSync(kept, { recursive: true });
		// Moved into place when whole: several runs may build it at once.
		writeFileSync(`${file}.${process.pid}`, text);
		renameSync(`${file}.${process.pid}`, file);
	} catch {
		// A folder that nobody may write to: then each run builds it.
	}
	return text;
}

/** Everything that decides what the bundle is: packages are pinned, and a program imports nothing else beyond its folder. */
function keyOf(name: string): string {
	const folder = join(root, "workers", name);
	const files = readdirSync(folder, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map(({ parentPath, name }) => join(parentPath, name))
		.sort();
	const hash = createHash("sha256").update(JSON.stringify(options));
	for (const file of [join(root, "package-lock.json"), ...files]) hash.update(readFileSync(file)).update("\0");
	return hash.digest("hex").slice(0, 12);
}

function build(name: string): string {
	// Loaded here: a stack without such a program does not wait for it.
	const { buildSync }: typeof import("esbuild-wasm") = createRequire(import.meta.url)("esbuild-wasm");
	const entryPoints = [`workers/${name}/main.ts`];
	const { outputFiles } = buildSync({ ...options, absWorkingDir: root, entryPoints, write: false });
	return outputFiles[0]!.text;
}
