import { createRequire } from "node:module";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { collector } from "../../components/collector.ts";
import { Service } from "../../components/service.ts";
import { tempo, tempoConfig } from "../../components/tempo.ts";
import type { Workload } from "../../components/workload.ts";
import { parseSettings } from "../../settings.ts";
import { AwsTarget } from "../../targets/aws/aws.ts";
import type { Entrance } from "../../targets/target.ts";
import { account, outputs, settingsOf } from "./aws-mocks.ts";
import { ofType, one, type Recorded, record } from "./mocks.ts";

// It asks a balancer that is not there.
vi.mock("../../targets/aws/asked.ts", () => ({ askedOfAws: async () => ({ problems: [], notes: [] }) }));
vi.mock("../../targets/aws/ready.ts", () => ({ waitUntilReached: async () => undefined }));

const settings = parseSettings(
	settingsOf("staging"),
	{ project: "tracestack", name: "staging" },
	"configs/versions.yaml",
);
const local = { backend: "local" } as const;
const secretText = "opensesame";

/** What neither Tempo nor the collector has: secrets of both kinds and room to scale. */
const keeper: Workload = {
	name: "keeper",
	description: "has secrets",
	image: "keeper:1",
	command: [],
	user: { uid: 1000, gid: 1000 },
	files: { "/etc/keeper/keeper.ini": { text: "a = 1\n" } },
	env: {},
	secrets: [
		{ value: pulumi.secret(secretText), as: { env: "TOKEN" } },
		{ value: pulumi.secret(secretText), as: { file: "/etc/keeper/secrets/password" } },
	],
	ports: [{ name: "a", number: 9000, protocol: "http", reach: "outside", audience: "people" }],
	calls: [{ workload: "tempo", port: 3200 }, { port: 587 }],
	volumes: [],
	ready: { port: "a", path: "/", timeoutSeconds: 1 },
	size: { cpu: 0.25, memoryMiB: 128 },
	scale: { min: 2, max: 4, deploy: "rolling" },
	stopGraceSeconds: 30,
};

interface Container {
	name: string;
	command?: string[];
	environment: { name: string; value: string }[];
	essential: boolean;
	dependsOn?: unknown[];
	linuxParameters: { capabilities: { drop: string[] } };
	mountPoints: { containerPath: string; sourceVolume: string; readOnly: boolean }[];
	restartPolicy?: { enabled: boolean };
	secrets?: { name: string; valueFrom: string }[];
	stopTimeout?: number;
	user: string;
}

interface Volumes {
	volumes: { name: string; efsVolumeConfiguration?: { authorizationConfig: { accessPointId: string } } }[];
}

let resources: Recorded[];
let target: AwsTarget;
let outside: Record<string, Entrance>[];

beforeAll(async () => {
	const recording = await record(
		() => {
			const made = new AwsTarget(settings);
			const running = [tempo(settings, made.address, local), collector(settings, made.address), keeper].map(
				(workload) => new Service({ workload, target: made }).running,
			);
			return { target: made, outside: running.map((one) => one.outside) };
		},
		{ stack: "staging", outputs },
	);
	resources = recording.resources;
	target = recording.result.target;
	outside = recording.result.outside;
});

const definitionType = "aws:ecs/taskDefinition:TaskDefinition";

function containers(workload: string): Record<"init" | "main", Container> {
	const all: Container[] = JSON.parse(one(resources, definitionType, workload).inputs.containerDefinitions as string);
	const [main, init] = [workload, `${workload}-init`].map((name) => all.find((container) => container.name === name));
	return { main: main!, init: init! };
}

function volumesOf(workload: string): Volumes["volumes"] {
	return (one(resources, definitionType, workload).inputs as unknown as Volumes).volumes;
}

function policy(name: string): { Statement: { Action: string | string[]; Resource: string | string[] }[] } {
	return JSON.parse(one(resources, "aws:iam/rolePolicy:RolePolicy", name).inputs.policy as string);
}

test("loads AWS: what a laptop's stack must not", () => {
	const loaded = Object.keys(createRequire(import.meta.url).cache);
	expect(loaded.filter((file) => file.includes("/@pulumi/aws/")).length).toBeGreaterThan(0);
});

describe("addresses", () => {
	test("are what Tempo's configuration says for Prometheus: it is written before anything exists", () => {
		const { metrics_generator } = parse(tempoConfig(settings, target.address, local));
		expect(metrics_generator.storage.remote_write[0].url).toBe(
			"http://prometheus.staging.tracestack.internal:9090/api/v1/write",
		);
		expect(target.address("prometheus", 9090)).toBe("prometheus.staging.tracestack.internal:9090");
	});

	test("are names that Cloud Map really serves", () => {
		expect(
			one(resources, "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace", "namespace").inputs.name,
		).toBe("staging.tracestack.internal");
		expect(one(resources, "aws:servicediscovery/service:Service", "tempo").inputs.name).toBe("tempo");
	});

	test("outside are those of entrances: nothing but the stack reaches the others", async () => {
		expect(outside.map((of) => Object.keys(of))).toEqual([[], ["otlpGrpc", "otlpHttp"], ["a"]]);
		expect(await value(outside[2]!.a!.address)).toBe("grafana.staging.example.com");
		expect(outside[2]!.a!.tls).toBe(true);
	});
});

describe("a deployment", () => {
	test("leaves the task count to autoscaling only where there is room to scale", () => {
		expect(one(resources, "aws:ecs/service:Service", "keeper").options?.ignoreChanges).toEqual(["desiredCount"]);
		expect(one(resources, "aws:ecs/service:Service", "tempo").options?.ignoreChanges).toBeUndefined();
	});

	test("gives a service the time to stop that it asks for", () => {
		expect(containers("collector").main.stopTimeout).toBe(30);
	});

	test("mounts the file system only once it can be reached", () => {
		expect(one(resources, "aws:ecs/service:Service", "tempo").options?.dependsOn).toEqual(
			expect.arrayContaining([
				"aws:efs/mountTarget:MountTarget volumes-0",
				"aws:efs/mountTarget:MountTarget volumes-1",
				"aws:iam/rolePolicy:RolePolicy tempo-execution",
				"aws:iam/rolePolicy:RolePolicy tempo-task",
			]),
		);
	});
});

describe("volumes", () => {
	test("Tempo's lies on EFS, in a directory of its user", () => {
		const points = ofType(resources, "aws:efs/accessPoint:AccessPoint");
		expect(points.map(({ name }) => name)).toEqual(["tempo-data"]);
		expect(points[0]?.inputs.posixUser).toEqual({ uid: 10001, gid: 10001 });
		const data = volumesOf("tempo").find(({ name }) => name === "data");
		expect(data?.efsVolumeConfiguration?.authorizationConfig.accessPointId).toBe("tempo-data-id");
	});

	test("the collector's queue does not: its database is a mapped file, which a network file system breaks", () => {
		const queue = volumesOf("collector").find(({ name }) => name === "queue");
		expect(queue).toEqual({ name: "queue" });
		expect(one(resources, definitionType, "collector").inputs.ephemeralStorage).toEqual({ sizeInGib: 30 });
	});

	test("on task storage belong to root until the init container hands them over", () => {
		const { init } = containers("collector");
		expect(init.command?.at(-1)).toContain("chown -R 10001:10001 '/var/lib/otelcol'");
		expect(init.mountPoints.map(({ sourceVolume }) => sourceVolume)).toContain("queue");
	});

	test("on task storage survive a crash: the container restarts within its task", () => {
		expect(containers("collector").main.restartPolicy?.enabled).toBe(true);
	});

	test("there is one file system, with a mount target in each subnet that tasks run in", () => {
		expect(ofType(resources, "aws:efs/fileSystem:FileSystem")).toHaveLength(1);
		const mounted = ofType(resources, "aws:efs/mountTarget:MountTarget").map(({ inputs }) => inputs.subnetId);
		expect(mounted).toEqual(["private-0-id", "private-1-id"]);
		for (const { inputs } of ofType(resources, "aws:ecs/service:Service")) {
			expect((inputs.networkConfiguration as { subnets: string[] }).subnets).toEqual(mounted);
		}
	});
});

describe("files", () => {
	test("reach Tempo before it starts, where its command looks for them", () => {
		const { main, init } = containers("tempo");
		const { key, content } = one(
			resources,
			"aws:s3/bucketObjectv2:BucketObjectv2",
			"tempo/etc/tempo/tempo.yaml",
		).inputs;
		expect(main.dependsOn).toEqual([{ condition: "SUCCESS", containerName: "tempo-init" }]);
		expect(init.essential).toBe(false);
		const from = `s3://configuration-id/${String(key).replace("/etc/tempo/tempo.yaml", "/")}`;
		expect(init.command?.at(-1)).toContain(`aws s3 cp --recursive --only-show-errors '${from}' /`);
		expect(content).toBe(tempoConfig(settings, target.address, local));
		expect(main.mountPoints).toContainEqual({
			containerPath: "/etc/tempo",
			readOnly: true,
			sourceVolume: "files-etc-tempo",
		});
	});
});

describe("secrets", () => {
	test("stand in no task definition, whether readable or encoded", () => {
		const encoded = Buffer.from(secretText).toString("base64");
		for (const { inputs } of resources) {
			expect(JSON.stringify(inputs)).not.toContain(secretText);
			expect(JSON.stringify(inputs)).not.toContain(encoded);
		}
	});

	test("are referred to by version, so that a new value reaches the task", () => {
		const version = (name: string) => `arn:aws:secretsmanager:eu-central-1:${account}:secret/${name}:::version-1`;
		expect(containers("keeper").main.secrets).toEqual([{ name: "TOKEN", valueFrom: version("keeper-token") }]);
		expect(containers("keeper").init.secrets).toEqual([
			{ name: "SECRET_1", valueFrom: version("keeper-etc-keeper-secrets-password") },
		]);
	});

	test("are a service's own: its execution role reads no others", () => {
		const read = (name: string) =>
			policy(`${name}-execution`).Statement.find(({ Action }) => Action === "secretsmanager:GetSecretValue")?.Resource;
		expect(read("keeper")).toHaveLength(2);
		expect(read("tempo")).toBeUndefined();
	});
});

describe("privileges", () => {
	test("no service runs as root or keeps a capability", () => {
		for (const name of ["tempo", "collector", "keeper"]) {
			const { main } = containers(name);
			expect(main.user).not.toMatch(/^0/);
			expect(main.linuxParameters.capabilities.drop).toEqual(["ALL"]);
		}
	});

	test("the init container runs as root and keeps nothing but CHOWN", () => {
		const { init } = containers("tempo");
		expect(init.user).toBe("0");
		expect(init.linuxParameters.capabilities.drop).toContain("DAC_OVERRIDE");
		expect(init.linuxParameters.capabilities.drop).not.toContain("CHOWN");
	});

	test("a role may everything on nothing", () => {
		for (const { name } of ofType(resources, "aws:iam/rolePolicy:RolePolicy")) {
			for (const { Action, Resource } of policy(name).Statement) {
				expect(String(Action)).not.toContain("*");
				expect(Resource).not.toBe("*");
			}
		}
	});

	test("a workload may call what it declares, within the stack and beyond, and HTTPS", () => {
		const rules = ofType(resources, "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule");
		const own = rules.filter(({ inputs }) => inputs.securityGroupId === "keeper-id");
		expect(
			own.map(({ inputs }) => [inputs.referencedSecurityGroupId ?? inputs.cidrIpv4, inputs.fromPort, inputs.toPort]),
		).toEqual([
			["0.0.0.0/0", 443, 443],
			["0.0.0.0/0", 587, 587],
			["tempo-id", 3200, 3200],
		]);
	});
});

test("container definitions are canonical, or each preview shows a replacement", () => {
	for (const { inputs } of ofType(resources, definitionType)) {
		const all: Container[] = JSON.parse(inputs.containerDefinitions as string);
		expect(all.map(({ name }) => name)).toEqual(all.map(({ name }) => name).toSorted());
		for (const container of all) {
			expect(Object.keys(container)).toEqual(Object.keys(container).toSorted());
			const paths = container.mountPoints.map(({ containerPath }) => containerPath);
			expect(paths).toEqual(paths.toSorted());
		}
	}
});

test("preflight finds nothing wrong with the services, and two that would be one to those who come", async () => {
	const workloads = [tempo(settings, target.address, local), collector(settings, target.address), keeper];
	expect(await target.preflight(workloads)).toEqual([]);
	expect(await target.preflight([keeper, { ...keeper, name: "other" }])).toEqual([
		"other: port 443 of the entrance grafana is keeper's. Give it a port or an entrance of its own.",
	]);
});

test("preflight finds a stack's name that would be no name of a bucket or a database", async () => {
	const named = (raw: object, name: string) =>
		new AwsTarget(
			parseSettings({ ...settingsOf("staging"), ...raw }, { project: "tracestack", name }, "configs/versions.yaml"),
		).preflight([]);
	expect(await named({}, "eu_West")).toEqual([expect.stringContaining(`can't begin with "tracestack-eu_West"`)]);
	expect(await named({ namePrefix: "1st" }, "eu")).toHaveLength(1);
	expect(await named({ namePrefix: "a".repeat(37) }, "eu")).toHaveLength(1);
	expect(await named({ namePrefix: "eu-west" }, "eu_West")).toEqual([]);
});

function value<T>(output: pulumi.Output<T>): Promise<T> {
	return new Promise((resolve) => output.apply(resolve));
}

test("in production the file system is protected and backed up, and what is around it can be replaced", async () => {
	const identity = { project: "tracestack", name: "prod" };
	const production = parseSettings(settingsOf("prod"), identity, "configs/versions.yaml");
	const recording = await record(
		() => {
			const made = new AwsTarget(production);
			new Service({ workload: tempo(production, made.address, local), target: made });
		},
		{
			stack: "prod",
			outputs,
		},
	);
	const inEfs = recording.resources.filter(({ type }) => type.startsWith("aws:efs/"));
	expect(inEfs.filter(({ options }) => options?.protect).map(({ type }) => type)).toEqual([
		"aws:efs/fileSystem:FileSystem",
	]);
	expect(one(inEfs, "aws:efs/backupPolicy:BackupPolicy", "volumes").inputs.backupPolicy).toEqual({ status: "ENABLED" });
});
