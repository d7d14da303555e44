// Where the engine, its plugins and the images come from: what a user has, what is official, and only then a build.

import { beforeEach, describe, expect, it, vi } from "vitest";

const world = vi.hoisted(() => ({
	pulumiOnPath: true,
	download: true,
	imagesHere: true,
	registry: true as boolean | "refuses",
	airgapBuilt: false,
	calls: [] as string[],
}));

vi.mock("execa", () => ({
	execa: async (file: string, args: string[]) => {
		const command = [file, ...args.slice(0, 2)].join(" ");
		const ok =
			(file === "pulumi" && world.pulumiOnPath) ||
			// Nobody has those that no stack on Docker runs.
			(command.startsWith("docker image inspect") &&
				world.imagesHere &&
				!/jaeger|aws-cli|postgres|moto/.test(args.at(-1) ?? "")) ||
			(command.startsWith("docker pull") && world.registry === true);
		if (command.startsWith("docker pull")) world.calls.push(`pull ${args.at(-1)}`);
		const answer = world.registry === "refuses" ? "toomanyrequests: rate limit" : "lookup failed: no such host";
		return { exitCode: ok ? 0 : 1, stdout: "", stderr: ok ? "" : answer };
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
		expect(await ensureToolchain(undefined, "run", "/home")).toEqual({ env: {}, images: undefined });
		expect(world.calls).toEqual([]);
	});

	it("downloads the official CLI and leaves pulling to the engine, but for the smallest image", async () => {
		Object.assign(world, { pulumiOnPath: false, imagesHere: false });
		const { home, images } = await ensureToolchain(undefined, "run", "/home");
		expect(home).toMatch(/^\/cache\/pulumi-\d+\.\d+\.\d+$/);
		expect(images).toBeUndefined();
		expect(world.calls).toEqual(["download", expect.stringMatching(/^pull busybox:/)]);
	});

	it("asks no registry about a catalogue that the user named", async () => {
		Object.assign(world, { imagesHere: false, registry: false });
		expect(await ensureToolchain("mine.yaml", "run", "/home")).toEqual({ env: {}, images: "mine.yaml" });
		expect(world.calls).toEqual([]);
	});
});

describe("where they are not, what is missing is built", () => {
	it("but not for a registry that answers, and refuses", async () => {
		Object.assign(world, { imagesHere: false, registry: "refuses" });
		await expect(ensureToolchain(undefined, "run", "/home")).rejects.toThrow("toomanyrequests");
		expect(world.calls.filter((call) => call.startsWith("build"))).toEqual([]);
	});

	it("and no image for a command that starts nothing", async () => {
		Object.assign(world, { imagesHere: false, registry: false });
		await ensureToolchain(undefined, "look", "/home");
		expect(world.calls).toEqual([]);
	});

	it("builds everything without CLI and registry, and says where the plugins are", async () => {
		Object.assign(world, { pulumiOnPath: false, download: false, imagesHere: false, registry: false });
		expect(await ensureToolchain(undefined, "run", "/home")).toEqual({
			home: "/airgap/set",
			env: { PULUMI_IGNORE_AMBIENT_PLUGINS: "true" },
			images: "/airgap/set/versions.yaml",
		});
		expect(world.calls).toEqual(["download", expect.stringMatching(/^pull busybox:/), "build all", "plugins"]);
	});

	it("builds only images for a user who has the CLI", async () => {
		Object.assign(world, { imagesHere: false, registry: false });
		expect((await ensureToolchain(undefined, "run", "/home")).images).toBe("/airgap/set/versions.yaml");
		expect(world.calls.at(-1)).toBe("build images");
	});

	it("builds only tools for a user who named a catalogue", async () => {
		Object.assign(world, { pulumiOnPath: false, download: false });
		expect((await ensureToolchain("mine.yaml", "run", "/home")).images).toBe("mine.yaml");
		expect(world.calls).toEqual(["download", "build tools", "plugins"]);
	});
});
