import { mkdir, readdir, symlink } from "node:fs/promises";
import { arch } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

/** An image's root in a tar: what apt would install into an empty system, without what is not wanted of it. */
export async function buildRootfs(packages: string[], without: string[], work: string, src: string, tar: string) {
	const debs = join(work, "debs");
	await mkdir(join(debs, "partial"), { recursive: true });
	const options = ["Dir::State::status=/dev/null", `Dir::Cache::archives=${debs}`, "Debug::NoLocking=1"];
	const install = ["install", "-y", "--download-only", "--no-install-recommends", ...packages];
	await execa("apt-get", [...options.flatMap((option) => ["-o", option]), ...install], { all: true });
	// Debian's packages are of both times: before and after these folders became one.
	for (const folder of ["bin", "lib", "lib64", "sbin"]) {
		await mkdir(join(src, "usr", folder), { recursive: true });
		await symlink(join("usr", folder), join(src, folder));
	}
	for (const deb of (await readdir(debs)).filter((file) => file.endsWith(".deb")).sort())
		if (!without.includes(deb.split("_")[0] ?? "")) await execa("dpkg-deb", ["-x", join(debs, deb), src]);
	const unread = ["doc", "man", "locale", "info"].map((folder) => `--exclude=./usr/share/${folder}`);
	await execa("tar", ["-C", src, "--owner=0", "--group=0", "--sort=name", ...unread, "-cf", tar, "."]);
}

/** The version of Debian's Python, whatever this machine has: wheels that are compiled are for one. */
const python = "3.11";

/** Python's packages as they are published, each with the hash that the file says. Nothing of them runs. */
export async function unpackWheels(requirements: string, target: string): Promise<void> {
	const platforms = ["manylinux2014", "manylinux_2_28"].map(
		(libc) => `${libc}_${arch() === "x64" ? "x86_64" : "aarch64"}`,
	);
	await execa(
		"python3",
		[
			...[
				"-m",
				"pip",
				"install",
				"--quiet",
				"--disable-pip-version-check",
				"--no-deps",
				"--require-hashes",
				"--no-compile",
				// Where this registry is not reached, nobody waits for what only a test needs.
				"--retries=1",
			],
			...["--only-binary=:all:", "--python-version", python, "--target", target, "--requirement", requirements],
			...[...platforms, "any"].flatMap((platform) => ["--platform", platform]),
		],
		{ all: true },
	);
}
