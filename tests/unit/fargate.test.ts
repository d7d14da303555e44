import { describe, expect, test } from "vitest";
import { collector } from "../../components/collector.ts";
import type { Volume, Workload } from "../../components/workload.ts";
import { parseSettings } from "../../settings.ts";
import { fargateSize, onEfs } from "../../targets/aws/fargate.ts";
import { executionPolicy } from "../../targets/aws/iam.ts";
import { problemsOf } from "../../targets/aws/preflight.ts";
import { containerDefinitions } from "../../targets/aws/task-definition.ts";

const owner = { uid: 1000, gid: 1000 };

const volume: Volume = {
	name: "data",
	path: "/data",
	sizeGiB: 1,
	owner,
	ownedByImage: true,
	keep: "scratch",
	fs: "any",
};

/** Everything in it is out of order. */
const workload: Workload = {
	name: "keeper",
	description: "keeps",
	image: "keeper:1",
	command: [],
	user: owner,
	files: { "/etc/keeper/rules/it's.yaml": { text: "b: 2\n" }, "/etc/keeper/keeper.ini": { text: "a = 1\n" } },
	env: { ZEBRA: "1", APPLE: "2" },
	secrets: [],
	ports: [
		{ name: "b", number: 9001, protocol: "http", reach: "stack" },
		{ name: "a", number: 9000, protocol: "http", reach: "outside", audience: "people" },
	],
	volumes: [volume],
	ready: { port: "a", path: "/", timeoutSeconds: 1 },
	size: { cpu: 0.25, memoryMiB: 128 },
	scale: { min: 1, max: 1, deploy: "stop-first" },
	stopGraceSeconds: 30,
};

describe("fargateSize", () => {
	test.each([
		{ cpu: 0.25, memoryMiB: 256, size: { cpu: 256, memoryMiB: 512 }, why: "less than the smallest" },
		{ cpu: 0.25, memoryMiB: 512, size: { cpu: 256, memoryMiB: 512 }, why: "the smallest itself" },
		{ cpu: 0.25, memoryMiB: 1025, size: { cpu: 256, memoryMiB: 2048 }, why: "between two steps" },
		{ cpu: 0.25, memoryMiB: 2049, size: { cpu: 512, memoryMiB: 3072 }, why: "memory that asks for more CPU" },
		{ cpu: 1, memoryMiB: 1024, size: { cpu: 1024, memoryMiB: 2048 }, why: "CPU that asks for more memory" },
		{ cpu: 0.3, memoryMiB: 512, size: { cpu: 512, memoryMiB: 1024 }, why: "CPU between two steps" },
		{ cpu: 4, memoryMiB: 30 * 1024, size: { cpu: 4096, memoryMiB: 30720 }, why: "the last step of a CPU" },
		{ cpu: 4, memoryMiB: 31 * 1024, size: { cpu: 8192, memoryMiB: 32768 }, why: "steps of 4 GiB" },
		{ cpu: 16, memoryMiB: 33 * 1024, size: { cpu: 16384, memoryMiB: 40960 }, why: "steps of 8 GiB" },
		{ cpu: 16, memoryMiB: 120 * 1024, size: { cpu: 16384, memoryMiB: 122880 }, why: "the largest itself" },
	])("$cpu vCPU and $memoryMiB MiB: $why", ({ cpu, memoryMiB, size }) => {
		expect(fargateSize({ cpu, memoryMiB })).toEqual(size);
	});

	test("is undefined beyond the largest size", () => {
		expect(fargateSize({ cpu: 17, memoryMiB: 1024 })).toBeUndefined();
		expect(fargateSize({ cpu: 1, memoryMiB: 121 * 1024 })).toBeUndefined();
	});
});

describe("onEfs", () => {
	test.each([
		{ keep: "replace", fs: "any", efs: true },
		{ keep: "replace", fs: "posix", efs: false },
		{ keep: "restart", fs: "any", efs: false },
		{ keep: "scratch", fs: "any", efs: false },
	] as const)("keep $keep, fs $fs: $efs", ({ keep, fs, efs }) => {
		expect(onEfs({ ...volume, keep, fs })).toBe(efs);
	});
});

describe("containerDefinitions", () => {
	const late = {
		region: "eu-west-1",
		logGroup: "/tracestack/dev/keeper",
		secretArns: [],
		sources: { fixed: "s3://files/keeper/0123/" },
	};
	const [main, init] = JSON.parse(containerDefinitions(workload, "busybox:1", late));

	test("sorts the environment by name and ports by number, whatever the order in the program", () => {
		expect(main.environment.map(({ name }: { name: string }) => name)).toEqual(["APPLE", "ZEBRA"]);
		expect(main.portMappings).toEqual([
			{ containerPort: 9000, hostPort: 9000, protocol: "tcp" },
			{ containerPort: 9001, hostPort: 9001, protocol: "tcp" },
		]);
	});

	test("has the empty lists and the zero that ECS would add", () => {
		expect(main).toMatchObject({ cpu: 0, systemControls: [], volumesFrom: [] });
		expect(init).toMatchObject({ cpu: 0, portMappings: [], systemControls: [], volumesFrom: [] });
	});

	test("fetches files into one mount for directories within each other", () => {
		expect(init.command).toEqual([
			[
				"aws s3 cp --recursive --only-show-errors 's3://files/keeper/0123/' /",
				"chown -R 1000:1000 '/etc/keeper'",
				"chown -R 1000:1000 '/data'",
			].join("\n"),
		]);
		expect(init.mountPoints.map(({ containerPath }: { containerPath: string }) => containerPath)).toEqual([
			"/data",
			"/etc/keeper",
		]);
	});

	test("asks a workload whether it works, with what its image has for that, and lets it take its time", () => {
		const ready = { port: "a", path: "/ready", timeoutSeconds: 90, ask: ["/keeper", "-health"] };
		const [asked] = JSON.parse(containerDefinitions({ ...workload, ready }, "busybox:1", late));
		expect(asked.healthCheck).toEqual({
			command: ["CMD", "/keeper", "-health"],
			interval: 30,
			retries: 10,
			startPeriod: 90,
			timeout: 10,
		});
		expect(main).not.toHaveProperty("healthCheck");
		expect(init).not.toHaveProperty("healthCheck");
	});

	test("has no init container when there is nothing to prepare", () => {
		const bare = { ...workload, files: {}, volumes: [{ ...volume, keep: "replace" as const }] };
		const all = JSON.parse(containerDefinitions(bare, "busybox:1", late));
		expect(all).toHaveLength(1);
		expect(all[0]).not.toHaveProperty("dependsOn");
	});
});

test("executionPolicy lets a task fetch its own repository from ECR, and needs nothing for other registries", () => {
	const resources = (image: string) => executionPolicy("log", [], [image]).Statement.map(({ Resource }) => Resource);
	expect(resources("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/keeper:1")).toEqual([
		"log:*",
		"*",
		["arn:aws:ecr:eu-west-1:123456789012:repository/team/keeper"],
	]);
	expect(resources("keeper:1")).toEqual(["log:*"]);
});

describe("problemsOf", () => {
	test("finds none in what Fargate runs", () => {
		expect(problemsOf(workload, "busybox:1")).toEqual([]);
	});

	test("finds room for the collector's queues, or says that there is none", () => {
		const of = (raw: object) =>
			collector(parseSettings(raw as Record<string, unknown>, { project: "tracestack", name: "dev" }), (w) => `${w}:1`);
		const size = (raw: object) => of(raw).volumes.map(({ sizeGiB }) => sizeGiB);
		expect(size({})).toEqual([10]);
		// Traces, metrics and logs.
		expect(size({ collector: { queueMiB: 8192 } })).toEqual([30]);
		expect(size({ collector: { queueMiB: 8192 }, logs: { enabled: false } })).toEqual([20]);
		const far = { name: "far", endpoint: "http://far:4318", signals: ["traces", "logs"], queueMiB: 4096 };
		expect(size({ collector: { queueMiB: 8192 }, archive: { enabled: true }, destinations: [far] })).toEqual([50]);
		expect(problemsOf(of({ collector: { queueMiB: 65_536 } }), "busybox:1")).toEqual([
			expect.stringContaining("260 GiB of task storage"),
		]);
	});

	test("names everything that Fargate would refuse", () => {
		const refused = {
			...workload,
			size: { cpu: 32, memoryMiB: 1024 },
			stopGraceSeconds: 121,
			command: ["x".repeat(60_000)],
			files: { "/data/big": { text: "" } },
			volumes: [{ ...volume, sizeGiB: 300 }],
		};
		expect(problemsOf(refused, "busybox:1")).toEqual([
			expect.stringContaining("no Fargate size holds 32 vCPU"),
			expect.stringContaining("stopGraceSeconds is 121"),
			expect.stringContaining("320 GiB of task storage"),
			expect.stringContaining("files can't lie in /data"),
			expect.stringMatching(/takes \d\d KiB, ECS takes 64/),
		]);
	});
});
