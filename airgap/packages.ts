// What others have built already: packages of Debian and of npm, through their ordinary clients.

import { createHash } from "node:crypto";
import { existsSync, globSync, realpathSync } from "node:fs";
import { cp, mkdir, readdir, readFile } from "node:fs/promises";
import { arch } from "node:os";
import { basename, join } from "node:path";
import { execa } from "execa";
import type { Arch, Recipe } from "./recipes.ts";

type NpmRecipe = Extract<Recipe, { kind: "npm" }>;

/** Unpacks a package of Debian without installing it; apt has verified it. */
export async function unpackDebian(name: string, work: string, into: string): Promise<void> {
	await execa("apt-get", ["download", name], { cwd: work });
	const deb = (await readdir(work)).find((f) => f.startsWith(`${name}_`));
	if (!deb) throw new Error(`airgap: apt-get download ${name} left no package`);
	await mkdir(into, { recursive: true });
	await execa("dpkg-deb", ["-x", deb, into], { cwd: work });
}

/**
 * Copies libraries of an unpacked package, each by the name that programs look for. A link that leads out of the package is
 * none of its libraries.
 */
export async function copyLibraries(folder: string, patterns: string[], into: string): Promise<void> {
	for (const pattern of patterns) {
		const found = globSync(`**/${pattern}`, { cwd: folder }).map((path) => join(folder, path));
		const path = found.sort().find((one) => existsSync(one) && realpathSync(one).startsWith(realpathSync(folder)));
		if (!path) throw new Error(`airgap: there is no ${pattern} in ${folder}`);
		await cp(realpathSync(path), join(into, basename(path)));
	}
}

/** This machine's package of npm's registry: what its client downloads must have the hash that is pinned. */
export async function unpackNpm({ packages, version }: NpmRecipe, work: string, into: string): Promise<void> {
	const { name, integrity } = packages[arch() as Arch];
	const { stdout } = await execa("npm", ["pack", "--silent", `${name}@${version}`], { cwd: work });
	const tarball = join(work, stdout.trim());
	const got = `sha512-${createHash("sha512")
		.update(await readFile(tarball))
		.digest("base64")}`;
	if (got !== integrity) throw new Error(`airgap: ${name}@${version} has the hash ${got}, expected ${integrity}`);
	await mkdir(into, { recursive: true });
	await execa("tar", ["-xzf", tarball, "--strip-components=1", "-C", into]);
}
