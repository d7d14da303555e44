// Builds what official downloads would have given: the Pulumi CLI and plugins into a folder of binaries, the
// services' images into the Docker engine, and a catalogue that names them. Each build is kept under the hash of
// everything that went into it, so that an interrupted run goes on where it stopped and a finished one costs nothing.

import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import {
	chmod,
	cp,
	link,
	lstat,
	mkdir,
	readdir,
	readFile,
	readlink,
	rename,
	rm,
	symlink,
	writeFile,
} from "node:fs/promises";
import { arch, availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import { copyLibraries, unpackDebian, unpackNpm } from "./packages.ts";
import { earlier, type GoBinary, type GoModule, type ImageRecipe, images, type Recipe, recipes } from "./recipes.ts";
import { buildRootfs, unpackWheels } from "./rootfs.ts";

const here = import.meta.dirname;

/** What a finished build hands to the rest of the project: nothing else of this folder is used by it. */
export interface AirgapSet {
	/** Folder of binaries (CLI, language host, plugins), to be put first on PATH. */
	bin: string;
	/** Image catalogue in the format of configs/versions.yaml. */
	catalogue: string;
}

export interface BuildOptions {
	/** Folder that keeps all results; safe to delete. */
	cacheDir: string;
	/** What is needed: the engine's tools, the images, both, or the images of earlier releases. @default "all" */
	for?: "tools" | "images" | "all" | "earlier";
	/** Names of recipes or images to build, instead. */
	only?: string[];
	log: (line: string) => void;
}

/** Builds what is missing and returns where everything is. Seconds when nothing is. */
export async function build({ cacheDir, only, for: part = "all", log }: BuildOptions): Promise<AirgapSet> {
	const root = join(cacheDir, "airgap");
	const wanted = only ? selectNames(only) : selectPart(part);
	const keys = new Map<string, string>();
	for (const r of everyRecipe) keys.set(r.name, await keyOf(r));

	const missing = wanted.recipes.filter((r) => !existsSync(storeDir(root, r, keys)));
	if (missing.length > 0) {
		await requireToolchain();
		const minutes = missing.reduce((sum, r) => sum + r.minutes, 0);
		log(`${missing.length} builds to do, about ${Math.ceil(minutes)} min on two cores with an empty build cache`);
	}
	const started = Date.now();
	const done = await each(missing, log, only !== undefined, (r, i) => {
		const label = `build ${i + 1} of ${missing.length}: ${r.name}`;
		return withProgress(label, r.minutes, started, log, () => realise(root, r, storeDir(root, r, keys)));
	});

	const absent = new Set(missing.filter((r) => !done.includes(r)).map(({ name }) => name));
	const built: Record<string, { image: string; patch?: unknown }> = {};
	for (const image of wanted.images.filter(({ from }) => !from.some((name) => absent.has(name))))
		built[image.name] = await buildImage(root, image, keys, log);
	return writeSet(root, wanted.recipes, keys, built);
}

/**
 * Does something for each recipe, in order. Returns those for which it was done: of what no stack needs, nothing has to be.
 *
 * @param all Whoever asked for them by name wants them all.
 */
export async function each(
	wanted: Recipe[],
	log: (line: string) => void,
	all: boolean,
	body: (r: Recipe, i: number) => Promise<void>,
): Promise<Recipe[]> {
	const done: Recipe[] = [];
	for (const [i, r] of wanted.entries()) {
		try {
			await body(r, i);
			done.push(r);
		} catch (error) {
			if (all || !r.testsOnly) throw error;
			const reason = (error as Error).message.trim().split("\n").at(-1);
			log(`${r.name} is left out, which only a test needs: ${reason}`);
		}
	}
	return done;
}

/** One row per artefact of a set: what it is, its key, whether it is there. Earlier releases, for a test, are in none. */
export async function list(cacheDir: string): Promise<Row[]> {
	return Promise.all(
		recipes.map(async (r): Promise<Row> => {
			const key = await keyOf(r);
			const built = existsSync(join(cacheDir, "airgap/store", `${r.name}-${key}`));
			return { name: r.name, kind: r.kind, key, built, testsOnly: r.testsOnly ?? false };
		}),
	);
}

interface Row {
	name: string;
	kind: string;
	key: string;
	built: boolean;
	testsOnly: boolean;
}

/** Removes the store and the images; Go's own caches stay. */
export async function clean(cacheDir: string): Promise<string[]> {
	const { stdout } = await execa("docker", ["images", "-q", "--filter", "label=tracestack.airgap"], { reject: false });
	const ids = [...new Set(stdout?.split("\n").filter(Boolean))];
	if (ids.length > 0) await execa("docker", ["rmi", ...ids], { reject: false });
	await rm(join(cacheDir, "airgap"), { recursive: true, force: true });
	return ids;
}

interface Selection {
	recipes: Recipe[];
	images: ImageRecipe[];
}

const everyRecipe = [...recipes, ...earlier.recipes];

function selectPart(part: NonNullable<BuildOptions["for"]>): Selection {
	if (part === "all") return { recipes, images };
	if (part === "earlier") {
		// What has no earlier release is the same in both catalogues.
		const chosen = images.map((image) => earlier.images.find(({ name }) => name === image.name) ?? image);
		const needed = new Set(chosen.flatMap(({ from }) => from));
		return { recipes: everyRecipe.filter(({ name }) => needed.has(name)), images: chosen };
	}
	if (part === "tools") return { recipes: recipes.filter(isTool), images: [] };
	return { recipes: recipes.filter((r) => !isTool(r)), images };
}

function selectNames(only: string[]): Selection {
	const names = new Set([...recipes, ...images].map((x) => x.name));
	const unknown = only.filter((n) => !names.has(n));
	if (unknown.length > 0) {
		throw new Error(`airgap: nothing is called ${unknown.join(", ")}; there are ${[...names].join(", ")}`);
	}
	const chosen = images.filter((i) => only.includes(i.name));
	const needed = new Set([...only, ...chosen.flatMap((i) => i.from)]);
	return { recipes: recipes.filter((r) => needed.has(r.name)), images: chosen };
}

/** Tools go into the folder of binaries, everything else into images. */
function isTool(r: Recipe): boolean {
	return r.kind === "plugin" || r.kind === "script" || r.name === "pulumi";
}

/** The hash of everything that decides a result: the recipe, this folder's files that it reads, the Go version. */
async function keyOf(r: Recipe): Promise<string> {
	const hash = createHash("sha256").update(JSON.stringify({ ...r, minutes: 0, testsOnly: undefined }));
	const read = async (file: string) => hash.update(file).update(await readFile(join(here, file)));
	if (r.kind === "collector") await read("collector.yaml");
	if (r.kind === "script") await read(r.file);
	if (r.kind === "rootfs" && r.wheels) await read(join("wheels", r.wheels));
	if (r.kind === "plugin") {
		hash.update(await npmVersion(r.npm));
		const files = await readdir(join(here, "plugins", r.plugin), { recursive: true, withFileTypes: true });
		for (const f of files.filter((f) => f.isFile()).sort((a, b) => (a.name < b.name ? -1 : 1))) {
			hash.update(await readFile(join(f.parentPath, f.name)));
		}
	}
	return hash.digest("hex").slice(0, 12);
}

function storeDir(root: string, r: Recipe, keys: Map<string, string>): string {
	return join(root, "store", `${r.name}-${keys.get(r.name)}`);
}

/** Builds into a folder of its own and moves it into place when whole: a killed build leaves nothing half done. */
async function realise(root: string, r: Recipe, target: string): Promise<void> {
	const work = await workDir(root, r.name);
	const src = join(work, "src");
	const out = join(work, "out");
	await rm(work, { recursive: true, force: true });
	await mkdir(out, { recursive: true });
	switch (r.kind) {
		case "module":
			await unpack(r.module, src);
			for (const [name, binary] of Object.entries(r.binaries)) await goBuild(src, binary, join(out, name));
			break;
		case "plugin":
			await buildPlugin(r.plugin, await npmVersion(r.npm), src, out);
			break;
		case "collector":
			await unpack(r.builder, src);
			await goBuild(src, { package: "." }, join(work, "builder"));
			await cp(join(here, "collector.yaml"), join(work, "collector.yaml"));
			await execa(join(work, "builder"), ["--config", "collector.yaml"], {
				cwd: work,
				env: goEnv({ GOFLAGS: "-buildvcs=false -mod=mod -trimpath" }),
				all: true,
			});
			await rename(join(work, "build/otelcol"), join(out, "otelcol-contrib"));
			break;
		case "grafana":
			await buildGrafana(r.module, r.wire, work, src, out);
			break;
		case "debian":
			for (const [as, file] of Object.entries(r.files)) {
				await unpackDebian(file.package, work, src);
				await cp(join(src, file.path), join(out, as));
			}
			break;
		case "libraries":
			for (const [name, patterns] of Object.entries(r.of)) {
				await unpackDebian(name, work, join(src, name));
				await copyLibraries(join(src, name), patterns, join(out, "lib"));
			}
			break;
		case "npm":
			await unpackNpm(r, work, src);
			await cp(join(src, r.path), join(out, r.as));
			break;
		case "rootfs":
			if (r.wheels) await unpackWheels(join(here, "wheels", r.wheels), join(src, "opt/wheels"));
			await buildRootfs(r.packages, r.without, work, src, join(out, "rootfs.tar"));
			break;
		case "script":
			await cp(join(here, r.file), join(out, r.as));
			await chmod(join(out, r.as), 0o755);
			break;
	}
	await mkdir(dirname(target), { recursive: true });
	// Another run may have been first with the same result.
	if (!existsSync(target)) await rename(out, target);
	await rm(work, { recursive: true, force: true });
}

/** A folder of this run's own; what runs that were killed left behind is removed. */
async function workDir(root: string, name: string): Promise<string> {
	const parent = join(root, "work");
	await mkdir(parent, { recursive: true });
	for (const entry of await readdir(parent)) {
		const pid = /-(\d+)$/.exec(entry)?.[1];
		if (!pid || !existsSync(`/proc/${pid}`)) await rm(join(parent, entry), { recursive: true, force: true });
	}
	return join(parent, `${name}-${process.pid}`);
}

async function buildPlugin(name: string, version: string, src: string, out: string): Promise<void> {
	await cp(join(here, "plugins", name), src, { recursive: true });
	const module = (await go(["list", "-m"], src)).stdout;
	const ldflags = `-s -w -X ${module}/info.Version=${version}`;
	await writeFile(join(src, "bridge-metadata.json"), "{}");
	await go(["run", "-ldflags", ldflags, "./gen", "schema", "--out", "gen/out"], src);
	await cp(join(src, "gen/out/schema.json"), join(src, "schema.json"));
	await go(["build", "-ldflags", ldflags, "-o", join(out, `pulumi-resource-${name}`), "."], src);
}

async function buildGrafana(module: GoModule, wire: GoModule, work: string, src: string, out: string): Promise<void> {
	await unpack(wire, join(work, "wire"));
	await goBuild(join(work, "wire"), { package: "./cmd/wire" }, join(work, "wire-bin"));
	await unpack(module, src);
	await execa(join(work, "wire-bin"), ["gen", "-tags", "oss", "./pkg/server"], { cwd: src, env: goEnv(), all: true });
	// SQLite is C: linked statically, the binary runs in an image without a libc.
	const ldflags = '-s -w -X main.version=10.1.0 -linkmode external -extldflags "-static"';
	await go(
		["build", "-tags", "netgo osusergo", "-ldflags", ldflags, "-o", join(out, "grafana"), "./pkg/cmd/grafana"],
		src,
		{
			CGO_ENABLED: "1",
		},
	);
	for (const dir of ["conf", "public"]) await cp(join(src, dir), join(out, dir), { recursive: true });
}

/** Puts a verified, writable copy of a module where it can be built as the main module. */
async function unpack(module: GoModule, target: string): Promise<void> {
	// The sum is pinned here, so the checksum database, which may be out of reach, has nothing to add.
	const { stdout } = await go(["mod", "download", "-json", `${module.path}@${module.version}`], here, {
		GONOSUMDB: "*",
	});
	const got = JSON.parse(stdout) as { Dir: string; Sum: string };
	if (got.Sum !== module.sum) {
		throw new Error(`airgap: ${module.path}@${module.version} has the sum ${got.Sum}, expected ${module.sum}`);
	}
	await execa("cp", ["-r", "--no-preserve=mode", got.Dir, target]);
	if (module.edits) await go(["mod", "edit", ...module.edits], target);
	if (module.sums) {
		const file = join(target, "go.sum");
		await writeFile(file, `${(await readFile(file, "utf8")).trimEnd()}\n${module.sums.join("\n")}\n`);
	}
}

async function goBuild(src: string, binary: GoBinary, out: string): Promise<void> {
	const set = Object.entries(binary.set ?? {}).map(([name, value]) => `-X ${name}=${value}`);
	await go(["build", "-ldflags", ["-s", "-w", ...set].join(" "), "-o", out, binary.package], src);
}

function goEnv(extra: Record<string, string> = {}): Record<string, string> {
	return {
		CGO_ENABLED: "0",
		GOTOOLCHAIN: "local",
		GOWORK: "off",
		GOFLAGS: "-buildvcs=false -mod=mod -trimpath",
		GONOSUMDB: "*",
		...extra,
	};
}

function go(args: string[], cwd: string, env: Record<string, string> = {}) {
	return execa("go", args, { cwd, env: goEnv(env), maxBuffer: 1e9 });
}

async function requireToolchain(): Promise<void> {
	const problems: string[] = [];
	const version = await execa("go", ["env", "GOVERSION"], { reject: false });
	const minor = Number(/^go1\.(\d+)/.exec(version.stdout ?? "")?.[1] ?? 0);
	if (minor < 26) problems.push(`Go 1.26 or newer (found: ${version.stdout || "none"})`);
	for (const tool of ["gcc", "dpkg-deb", "apt-get"]) {
		if ((await execa("which", [tool], { reject: false })).exitCode !== 0) problems.push(tool);
	}
	if (arch() !== "x64" && arch() !== "arm64") problems.push(`an x86-64 or ARM64 machine (this is ${arch()})`);
	if (problems.length > 0) throw new Error(`airgap: building needs ${problems.join(", ")}`);
}

/**
 * Makes the built plugins known to an engine whose home is `pulumiHome`, as `pulumi plugin install` does. On PATH they
 * would work as well, but every run would warn about it. Every command calls this, also while another one's engine loads
 * these plugins: a link that is right is left alone, and one that is not is exchanged in one step.
 */
export async function installPlugins(set: AirgapSet, pulumiHome: string): Promise<void> {
	for (const r of recipes) {
		if (r.kind !== "plugin") continue;
		const dir = join(pulumiHome, "plugins", `resource-${r.plugin}-v${await npmVersion(r.npm)}`);
		const file = join(dir, `pulumi-resource-${r.plugin}`);
		// An official plugin that the user has stays.
		const there = await lstat(file).catch(() => undefined);
		if (there && !there.isSymbolicLink()) continue;
		const binary = join(set.bin, `pulumi-resource-${r.plugin}`);
		if (there && (await readlink(file)) === binary) continue;
		await mkdir(dir, { recursive: true });
		const fresh = `${file}.${randomUUID()}`;
		await symlink(binary, fresh);
		await rename(fresh, file);
	}
}

async function npmVersion(name: string): Promise<string> {
	const manifest = JSON.parse(await readFile(join(here, "../package.json"), "utf8"));
	const version = manifest.dependencies[name];
	if (!version) throw new Error(`airgap: package.json has no dependency ${name}`);
	return version;
}

async function buildImage(
	root: string,
	image: ImageRecipe,
	keys: Map<string, string>,
	log: (line: string) => void,
): Promise<{ image: string; patch?: unknown }> {
	const source = join(here, "images", image.name);
	const hash = createHash("sha256");
	for (const file of (await readdir(source)).sort()) hash.update(await readFile(join(source, file)));
	for (const from of image.from) hash.update(keys.get(from) ?? "");
	const tag = `tracestack-airgap/${image.name}:${image.tag}-${hash.digest("hex").slice(0, 12)}`;
	const entry = {
		image: tag,
		...(image.patch && { patch: parse(await readFile(join(here, image.patch), "utf8")) }),
	};
	if ((await execa("docker", ["image", "inspect", tag], { reject: false })).exitCode === 0) return entry;

	log(`image ${tag}`);
	const context = await workDir(root, `image-${image.name}`);
	await rm(context, { recursive: true, force: true });
	await mkdir(join(context, "empty"), { recursive: true });
	for (const from of image.from) {
		const recipe = everyRecipe.find((r) => r.name === from);
		if (!recipe) throw new Error(`airgap: image ${image.name} is made from ${from}, which no recipe makes`);
		await cp(storeDir(root, recipe, keys), context, { recursive: true });
	}
	await cp(source, context, { recursive: true });
	const env = { DOCKER_BUILDKIT: "0" }; // the engine that Debian packages has no BuildKit client
	await execa("docker", ["build", "-q", "--label", "tracestack.airgap=1", "-t", tag, context], { env });
	await rm(context, { recursive: true, force: true });
	return entry;
}

/** The folder of binaries and the catalogue, under the hash of what they hold: two checkouts don't disturb each other. */
async function writeSet(
	root: string,
	used: Recipe[],
	keys: Map<string, string>,
	built: Record<string, { image: string; patch?: unknown }>,
): Promise<AirgapSet> {
	const catalogue = `# Written by the air-gap build: images of this machine.\n${stringify({ images: built })}`;
	const tools = used.filter(isTool);
	const id = createHash("sha256")
		.update(catalogue)
		.update(tools.map((r) => keys.get(r.name)).join())
		.digest("hex")
		.slice(0, 12);
	const dir = join(root, "sets", id);
	const set = { bin: join(dir, "bin"), catalogue: join(dir, "versions.yaml") };
	if (existsSync(set.catalogue)) return set;
	await mkdir(set.bin, { recursive: true });
	for (const r of tools) {
		const from = storeDir(root, r, keys);
		for (const file of await readdir(from)) {
			// Links, but not symbolic ones: the CLI looks for its language host beside itself.
			// One that is there already is the same file, of another run that is not done yet or was killed.
			await link(join(from, file), join(set.bin, file)).catch((error: NodeJS.ErrnoException) => {
				if (error.code !== "EEXIST") throw error;
			});
		}
	}
	await writeFile(`${set.catalogue}.new`, catalogue);
	await rename(`${set.catalogue}.new`, set.catalogue);
	return set;
}

/** Says every half minute that a build goes on, and what it is expected to take. */
async function withProgress(
	label: string,
	minutes: number,
	started: number,
	log: (line: string) => void,
	body: () => Promise<void>,
): Promise<void> {
	const total = () => `${((Date.now() - started) / 60_000).toFixed(1)} min in all`;
	log(`${label} (about ${minutes} min, ${availableParallelism()} cores)`);
	const begun = Date.now();
	const timer = setInterval(
		() =>
			log(
				`${label}: ${((Date.now() - begun) / 1000).toFixed(0)} s of about ${(minutes * 60).toFixed(0)} s, ${total()}`,
			),
		30_000,
	);
	try {
		await body();
		log(`${label}: done in ${((Date.now() - begun) / 1000).toFixed(0)} s, ${total()}`);
	} catch (error) {
		const detail = error as { all?: string; stderr?: string; shortMessage?: string; message: string };
		const tail = (detail.all ?? detail.stderr ?? "").split("\n").slice(-20).join("\n");
		throw new Error(`airgap: ${label} failed: ${detail.shortMessage ?? detail.message}\n${tail}`);
	} finally {
		clearInterval(timer);
	}
}
