import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { parse, stringify } from "yaml";
import { root } from "../../cli/paths.ts";
import { platform } from "../../components/platform.ts";
import { parseSettings } from "../../settings.ts";
import { golden, ofType, one, type Recorded, record } from "./mocks.ts";

// It asks a Docker engine, and a unit test needs none.
vi.mock("../../targets/docker/preflight.ts", () => ({ preflight: async () => [] }));

const password = "opensesame";

interface ContainerInputs {
	name: string;
	user: string;
	memory?: number;
	memorySwap?: number;
	restart: string;
	capabilities: { adds?: string[]; drops: string[] };
	securityOpts: string[];
	labels: { label: string; value: string }[];
	ports?: { internal: number; external: number; ip: string }[];
	uploads?: { file: string; content: string }[];
	envs?: string[];
}

const containerType = "docker:index/container:Container";

let resources: Recorded[];
let outputs: Record<string, unknown>;

beforeAll(async () => {
	// The catalogue of whoever runs the tests is not the one under test.
	vi.stubEnv("TRACESTACK_IMAGES", undefined);
	const { default: stack } = await import("../../index.ts");
	const recording = await record(stack, {
		preview: true,
		config: { "tracestack:target": "docker" },
		outputs: (type, name) => ({
			...(type === "random:index/randomPassword:RandomPassword" && { result: password }),
			...(type === "docker:index/remoteImage:RemoteImage" && { imageId: `sha256:${name}` }),
		}),
	});
	resources = recording.resources;
	outputs = recording.result;
});

/** Every container, and those that stay: the hand-over of a volume ends before its service starts. */
function containers(which: "all" | "services"): { name: string; inputs: ContainerInputs }[] {
	return ofType(resources, containerType)
		.filter(({ name }) => which === "all" || !name.endsWith("-owner"))
		.map(({ name, inputs }) => ({ name, inputs: inputs as unknown as ContainerInputs }));
}

test("is the golden", () => golden("dev", resources));

test("loads nothing of AWS: a laptop need not even have it installed", () => {
	const loaded = Object.keys(createRequire(import.meta.url).cache);
	expect(loaded.filter((file) => file.includes("/@pulumi/docker/")).length).toBeGreaterThan(0);
	expect(loaded.filter((file) => /\/@pulumi\/aws\/|\/@aws-sdk\//.test(file))).toEqual([]);
});

test("runs every service of the platform", () => {
	expect(containers("services").map(({ name }) => name)).toEqual([
		"alertmanager",
		"collector",
		"grafana",
		"loki",
		"prometheus",
		"tempo",
	]);
});

describe("the machine around the stack", () => {
	test("reaches every port, nobody else does: nothing here asks who you are", () => {
		const ports = containers("all").flatMap(({ inputs }) => inputs.ports ?? []);
		expect(ports.length).toBeGreaterThanOrEqual(8);
		for (const { ip, external } of ports) expect(ip, `port ${external}`).toBe("127.0.0.1");
	});

	test("keeps its images when the stack goes: another stack may run them", () => {
		const images = ofType(resources, "docker:index/remoteImage:RemoteImage");
		expect(images.map(({ name }) => name)).toContain("busybox");
		for (const { inputs, name } of images) expect(inputs.keepLocally, name).toBe(true);
	});

	test("can tell whose everything is, even without Pulumi's state", () => {
		const labelled = resources.filter(({ type }) => /^docker:index\/(container|network|volume):/.test(type));
		expect(labelled.length).toBeGreaterThan(10);
		for (const { name, inputs } of labelled) {
			expect(inputs.labels, name).toContainEqual({ label: "tracestack.stack", value: "tracestack/dev" });
		}
	});
});

describe("a container", () => {
	test("has no capabilities but those of the hand-over, and gains none", () => {
		for (const { name, inputs } of containers("all")) {
			expect(inputs.capabilities.drops, name).toEqual(["ALL"]);
			expect(inputs.securityOpts, name).toEqual(["no-new-privileges"]);
			expect(inputs.capabilities.adds ?? [], name).toEqual(name.endsWith("-owner") ? ["CAP_CHOWN"] : []);
		}
	});

	test("does not run as root", () => {
		for (const { name, inputs } of containers("services")) expect(inputs.user, name).toMatch(/^[1-9]\d*:\d+$/);
	});

	test("has a memory limit that swap doesn't double", () => {
		for (const { name, inputs } of containers("services")) {
			expect(inputs.memory, name).toBeGreaterThan(0);
			expect(inputs.memorySwap, name).toBe(inputs.memory);
		}
	});

	test("comes back after a crash or a reboot, and stays away when somebody stops it", () => {
		for (const { name, inputs } of containers("services")) expect(inputs.restart, name).toBe("unless-stopped");
	});
});

describe("volumes", () => {
	test("only the collector's is handed over: its image has no such directory", () => {
		const owners = containers("all").filter(({ name }) => name.endsWith("-owner"));
		expect(owners.map(({ name }) => name)).toEqual(["collector-queue-owner"]);
		expect(owners[0]?.inputs).toMatchObject({ user: "0:0", restart: "no", networkMode: "none" });
	});

	test("the collector starts once it owns its queue", () => {
		expect(one(resources, containerType, "collector").options?.dependsOn).toContain(
			`${containerType} collector-queue-owner`,
		);
	});
});

describe("the administrator's password", () => {
	test("is secret wherever it goes", () => {
		// Secrets are recorded as "[secret]": what is left over was readable in state and preview.
		expect(JSON.stringify(resources)).not.toContain(password);
	});

	test("is a secret output", async () => {
		expect(await pulumi.isSecret(outputs.grafanaPassword as pulumi.Output<string>)).toBe(true);
	});

	test("reaches Grafana as a file, and the provider as a login", () => {
		const { inputs } = one(resources, containerType, "grafana") as unknown as { inputs: ContainerInputs };
		const file = inputs.uploads?.find(({ file }) => file.endsWith("admin-password"));
		expect(file?.content).toBe("[secret]");
		expect(inputs.envs?.filter((env) => env.includes("PASSWORD"))).toEqual([
			expect.stringMatching(/^GF_SECURITY_ADMIN_PASSWORD=\$__file\{/),
		]);
		expect(one(resources, "pulumi:providers:grafana", "grafana-content").inputs.auth).toBe("[secret]");
	});
});

describe("what lives in Grafana", () => {
	test("goes with its volume, so that a destroy needs no server that still answers", () => {
		const content = resources.filter(({ type }) => type.startsWith("grafana:"));
		expect(content.length).toBeGreaterThan(5);
		for (const { name, options } of content)
			expect(options?.deletedWith, name).toBe("docker:index/volume:Volume grafana-data");
	});
});

test("a catalogue that lacks a helper's image is refused before anything is made", async () => {
	const folder = mkdtempSync(join(tmpdir(), "catalogue-"));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	const file = join(folder, "versions.yaml");
	const { images } = parse(readFileSync(join(root, "configs/versions.yaml"), "utf8"));
	writeFileSync(file, stringify({ images: { ...images, busybox: undefined } }));
	const settings = parseSettings({}, { project: "tracestack", name: "dev" }, file);
	const { DockerTarget } = await import("../../targets/docker/docker.ts");
	const target = new DockerTarget(settings);
	const workloads = platform(settings, target.address, { password: "", storeKey: "" });
	await expect(target.preflight(workloads)).rejects.toThrow('has no entry "busybox"');
});

test("outputs name where to look, and who may log in", () => {
	expect(Object.keys(outputs)).toEqual([
		"urls",
		"dashboards",
		"storage",
		"retention",
		"sampling",
		"alerts",
		"grafanaUser",
		"grafanaPassword",
	]);
});
