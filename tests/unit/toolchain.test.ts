// Where the engine, its plugins and the images come from: what a user has, what is official, and only then a build.

import { beforeEach, describe, expect, it, vi } from "vitest";

const world = vi.hoisted(() => ({
	pulumiOnPath: true,
	download: true,
	imagesHere: true,
	registry: true,
	airgapBuilt: false,
	calls: [] as string[],
}));

vi.mock("execa", () => ({
	execa: async (file: string, args: string[]) => {
		const command = [file, ...args.slice(0, 2)].join(" ");
		const ok =
			(file === "pulumi" && world.pulumiOnPath) ||
			(command.startsWith("docker image inspect") && world.imagesHere) ||
			(command.startsWith("docker pull") && world.registry);
		if (command.startsWith("docker pull")) world.calls.push(`pull ${args.at(-1)}`);
		return { exitCode: ok ? 0 : 1, stdout: "", stderr: ok ? "" : "lookup failed: no such host" };
	},
}));
vi.mock("@pulumi/pulumi/automation/index.js", () => ({
	PulumiCommand: {
		install: async () => {
			world.calls.push("download");
			if (!world.download) throw new Error("getaddrinfo ENOTFOUND");
		},
	},
}));
vi.mock("../../airgap/build.ts", () => ({
	build: async (options: { for: string }) => {
		world.calls.push(`build ${options.for}`);
		return { bin: "/airgap/set/bin", catalogue: "/airgap/set/versions.yaml" };
	},
	installPlugins: async () => world.calls.push("plugins"),
	list: async () => [{ built: world.airgapBuilt }],
}));
vi.mock("node:fs", () => ({ existsSync: () => world.airgapBuilt }));
vi.mock("../../cli/paths.ts", () => ({ cacheDir: "/cache", root: process.cwd() }));

const { ensureToolchain } = await import("../../cli/toolchain.ts");

beforeEach(() => {
	Object.assign(world, {
		pulumiOnPath: true,
		download: true,
		imagesHere: true,
		registry: true,
		airgapBuilt: false,
		calls: [],
	});
	vi.spyOn(process.stderr, "write").mockReturnValue(true);
});

describe("where downloads are reachable, nothing is built", () => {
	it("uses the user's CLI and the images that are here", async () => {
		expect(await ensureToolchain(undefined, "/home")).toEqual({ env: {}, images: undefined });
		expect(world.calls).toEqual([]);
	});

	it("downloads the official CLI and leaves pulling to the engine, but for the smallest image", async () => {
		Object.assign(world, { pulumiOnPath: false, imagesHere: false });
		const { home, images } = await ensureToolchain(undefined, "/home");
		expect(home).toMatch(/^\/cache\/pulumi-\d+\.\d+\.\d+$/);
		expect(images).toBeUndefined();
		expect(world.calls).toEqual(["download", expect.stringMatching(/^pull busybox:/)]);
	});

	it("asks no registry about a catalogue that the user named", async () => {
		Object.assign(world, { imagesHere: false, registry: false });
		expect(await ensureToolchain("mine.yaml", "/home")).toEqual({ env: {}, images: "mine.yaml" });
		expect(world.calls).toEqual([]);
	});
});

describe("where they are not, what is missing is built", () => {
	it("builds everything without CLI and registry, and says where the plugins are", async () => {
		Object.assign(world, { pulumiOnPath: false, download: false, imagesHere: false, registry: false });
		expect(await ensureToolchain(undefined, "/home")).toEqual({
			home: "/airgap/set",
			env: { PULUMI_IGNORE_AMBIENT_PLUGINS: "true" },
			images: "/airgap/set/versions.yaml",
		});
		expect(world.calls).toEqual(["download", expect.stringMatching(/^pull busybox:/), "build all", "plugins"]);
	});

	it("builds only images for a user who has the CLI", async () => {
		Object.assign(world, { imagesHere: false, registry: false });
		expect((await ensureToolchain(undefined, "/home")).images).toBe("/airgap/set/versions.yaml");
		expect(world.calls.at(-1)).toBe("build images");
	});

	it("builds only tools for a user who named a catalogue", async () => {
		Object.assign(world, { pulumiOnPath: false, download: false });
		expect((await ensureToolchain("mine.yaml", "/home")).images).toBe("mine.yaml");
		expect(world.calls).toEqual(["download", "build tools", "plugins"]);
	});
});
