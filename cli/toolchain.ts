// The Pulumi CLI, its plugins and the images: the user's own, else the official ones, else built on this machine.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import { folded, progress, UserError } from "./output.ts";
import { cacheDir, root } from "./paths.ts";

/** Where everything is that Pulumi needs. */
export interface Toolchain {
	/** Folder whose `bin` holds the CLI, its language host and plugins; undefined when they are on PATH already. */
	home?: string;
	/** Environment variables that Pulumi needs for it. */
	env: Record<string, string>;
	/** Image catalogue; undefined leaves the choice to the stack's settings. */
	images?: string;
}

const airgapOptions = { cacheDir, log: (line: string) => progress(`airgap: ${line}`) };

/**
 * Finds, downloads or builds everything that Pulumi needs to run a stack.
 *
 * @param images The catalogue that was asked for; its images are not looked for.
 * @param purpose `look` needs no images. @param pulumiHome Where plugins are installed to.
 * @throws UserError when a registry refuses an image, as after too many pulls.
 */
export async function ensureToolchain(
	images: string | undefined,
	purpose: "run" | "look",
	pulumiHome: string,
): Promise<Toolchain> {
	const cli = await officialPulumi();
	const imagesAreHad = purpose === "look" || images !== undefined || (await officialImages());
	if (cli && imagesAreHad) return { ...cli, env: {}, images };

	const { build, installPlugins } = await import("../airgap/build.ts");
	const set = await build({ ...airgapOptions, for: cli ? "images" : imagesAreHad ? "tools" : "all" });
	const catalogue = imagesAreHad ? images : set.catalogue;
	if (cli) return { ...cli, env: {}, images: catalogue };
	await installPlugins(set, pulumiHome);
	return {
		home: dirname(set.bin),
		// The plugins are in the engine's home; those on PATH are the same files.
		env: { PULUMI_IGNORE_AMBIENT_PLUGINS: "true" },
		images: catalogue,
	};
}

/**
 * The catalogue of the releases before the one under test, for the upgrade test: official images, or what can be built of
 * earlier releases where those can't be downloaded.
 *
 * @param images The catalogue under test; undefined for the official one.
 */
export async function earlierImages(images: string | undefined): Promise<string> {
	const official = join(root, "tests/e2e/versions.earlier.yaml");
	if (!images || !(await airgapReady())) return official;
	const { build } = await import("../airgap/build.ts");
	return (await build({ ...airgapOptions, for: "earlier" })).catalogue;
}

/** Builds by name, or everything. */
export async function airgapBuild(only?: string[]) {
	const { build } = await import("../airgap/build.ts");
	return build({ ...airgapOptions, only });
}

/** Where the official CLI is: on PATH already, in the cache, or downloaded now. Undefined when it can't be had. */
async function officialPulumi(): Promise<{ home?: string } | undefined> {
	const found = await execa("pulumi", ["version"], { reject: false });
	if (found.exitCode === 0) return {};
	const version = await pinnedVersion();
	const home = join(cacheDir, `pulumi-${version}`);
	if (existsSync(join(home, "bin/pulumi"))) return { home };
	if (await airgapReady()) return undefined;
	progress(`no Pulumi CLI found: downloading ${version} into the cache`);
	try {
		const { PulumiCommand } = await import("@pulumi/pulumi/automation/index.js");
		await PulumiCommand.install({ root: home }); // the version of @pulumi/pulumi
		return { home };
	} catch (error) {
		progress(folded(`the Pulumi CLI can't be downloaded (${reason(error)}): building it on this machine`));
		return undefined;
	}
}

/** Images that only tests, `check` and stacks on AWS use: no stack on Docker has to wait for them. */
const notOnDocker = new Set(["jaeger", "actionlint", "awscli", "postgres", "moto"]);

/** True when the default catalogue's images are here or can be pulled. */
async function officialImages(): Promise<boolean> {
	const catalogue = parse(await readFile(join(root, "configs/versions.yaml"), "utf8")) as {
		images: Record<string, { image: string }>;
	};
	const references = Object.entries(catalogue.images)
		.filter(([name]) => !notOnDocker.has(name))
		.map(([, { image }]) => image);
	const missing: string[] = [];
	for (const reference of references) {
		if ((await execa("docker", ["image", "inspect", reference], { reject: false })).exitCode !== 0)
			missing.push(reference);
	}
	// The smallest decides; the engine pulls the others.
	const [probe] = missing.sort((a, b) => Number(b.includes("busybox")) - Number(a.includes("busybox")));
	if (!probe) return true;
	if (await airgapReady()) return false;
	const pull = await execa("docker", ["pull", "--quiet", probe], { reject: false });
	if (pull.exitCode === 0) return true;
	const answer = pull.stderr.trim().split("\n").at(-1) ?? "";
	// A registry that refuses, because of a rate limit or an expired login, can be reached: building would hide that.
	if (!/no such host|connection refused|timeout|deadline exceeded|unreachable|EOF/i.test(answer)) {
		throw new UserError(
			`The image ${probe} can't be pulled: ${answer}\nIs it a rate limit, or an old login? docker login`,
		);
	}
	progress(folded(`images can't be pulled (${answer}): building them on this machine`));
	return false;
}

/** True when an earlier run had to build, and all of that is still there: downloads need not be tried again. */
async function airgapReady(): Promise<boolean> {
	if (!existsSync(join(cacheDir, "airgap/sets"))) return false;
	const { list } = await import("../airgap/build.ts");
	return (await list(cacheDir)).every((row) => row.built || row.testsOnly);
}

async function pinnedVersion(): Promise<string> {
	const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
	return manifest.dependencies["@pulumi/pulumi"];
}

function reason(error: unknown): string {
	return (error instanceof Error ? error.message : String(error)).trim().split("\n").at(-1) ?? "";
}
