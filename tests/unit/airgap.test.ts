import { lstat, mkdtemp, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { each, installPlugins } from "../../airgap/build.ts";
import { recipes } from "../../airgap/recipes.ts";

let home: string;
beforeEach(async () => {
	home = await mkdtemp(join(tmpdir(), "tracestack-plugins-"));
});
afterEach(() => rm(home, { recursive: true }));

const set = (bin: string) => ({ bin, catalogue: "" });

/** Each plugin's file in the engine's home, as `docker` → path. */
async function installed() {
	const files = await readdir(join(home, "plugins"), { recursive: true });
	const plugins = files.filter((file) => file.includes("/"));
	return new Map(plugins.map((file) => [file.split("pulumi-resource-").at(-1), join(home, "plugins", file)]));
}

it("leaves a plugin alone that another command's engine may be loading", async () => {
	await installPlugins(set("/built"), home);
	const before = await installed();
	expect([...before.keys()].sort()).toEqual(["docker", "grafana", "random", "tls"]);
	const inodes = new Map();
	for (const [name, file] of before) inodes.set(name, (await lstat(file)).ino);

	await installPlugins(set("/built"), home);
	for (const [name, file] of await installed()) {
		expect(await readlink(file)).toBe(`/built/pulumi-resource-${name}`);
		expect((await lstat(file)).ino).toBe(inodes.get(name));
	}
});

it("never has a moment without the plugin while it exchanges one for another build's", async () => {
	await installPlugins(set("/a"), home);
	const random = (await installed()).get("random") as string;
	let done = false;
	const exchanged = (async () => {
		for (let i = 0; i < 50; i++) await installPlugins(set(i % 2 ? "/a" : "/b"), home);
		done = true;
	})();
	while (!done) expect(await readlink(random)).toMatch(/^\/[ab]\/pulumi-resource-random$/);
	await exchanged;
	expect((await installed()).size).toBe(4);
});

it("leaves an official plugin where the user has one", async () => {
	await installPlugins(set("/a"), home);
	const random = (await installed()).get("random") as string;
	await rm(random);
	await writeFile(random, "official");
	await installPlugins(set("/b"), home);
	expect((await lstat(random)).isSymbolicLink()).toBe(false);
});

it("goes on without what only a test needs, unless that is asked for by name; and without nothing else", async () => {
	const wanted = recipes.filter(({ name }) => ["postgres", "moto", "jaeger"].includes(name));
	const said: string[] = [];
	const failing = (broken: string) => async (r: { name: string }) => {
		if (r.name === broken) throw new Error("pip failed:\nNo module named pip\n");
	};
	const log = (line: string) => void said.push(line);
	const done = await each(wanted, log, false, failing("moto"));
	expect(done.map(({ name }) => name).sort()).toEqual(["jaeger", "postgres"]);
	expect(said).toEqual([expect.stringMatching(/^moto is left out, .*: No module named pip$/)]);
	await expect(each(wanted, log, true, failing("moto"))).rejects.toThrow("pip");
	await expect(each(wanted, log, false, failing("postgres"))).rejects.toThrow("pip");
});
