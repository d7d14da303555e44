// The two stacks that are meant for AWS, as their files have them: every resource, and what must hold for them.

import { beforeAll, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { containers, filesOf, recordStack, settingsOf } from "./aws-mocks.ts";
import { golden, ofType, one, type Recorded } from "./mocks.ts";
import { recordedResource, violations } from "./policies/cases.ts";

vi.mock("../../targets/aws/asked.ts", () => ({ askedOfAws: async () => ({ problems: [], notes: [] }) }));
vi.mock("../../targets/aws/ready.ts", () => ({ waitUntilReached: async () => undefined }));

type Name = "staging" | "prod";

const stacks = {} as Record<Name, Recorded[]>;

beforeAll(async () => {
	for (const stack of ["staging", "prod"] as const) stacks[stack] = (await recordStack(stack)).resources;
});

const both = (check: (resources: Recorded[], stack: Name) => void) => {
	for (const [stack, resources] of Object.entries(stacks)) check(resources, stack as Name);
};

const ingressType = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const serviceType = "aws:ecs/service:Service";
const balancerType = "aws:lb/loadBalancer:LoadBalancer";

test.each(["staging", "prod"] as const)("%s is the golden", (stack) => golden(stack, stacks[stack]));

test("both keep every policy, and prod as production", () => {
	both((resources, stack) => {
		expect(resources.filter(({ type }) => type.startsWith("aws:")).length).toBeGreaterThan(100);
		expect(violations(resources.map(recordedResource), stack === "prod"), stack).toEqual([]);
	});
});

test("nothing is in Docker, and everything on AWS is made by the stack's own provider", () => {
	both((resources, stack) => {
		expect(resources.filter(({ type }) => type.startsWith("docker:"))).toEqual([]);
		for (const { type, name, provider } of resources.filter(({ type }) => type.startsWith("aws:")))
			expect(provider, `${stack} ${type} ${name}`).toBe("pulumi:providers:aws aws");
	});
	expect(one(stacks.prod, "pulumi:providers:aws", "aws").inputs).toMatchObject({
		region: "eu-central-1",
		allowedAccountIds: '["210987654321"]',
	});
});

describe("the network", () => {
	test("has two zones; one NAT gateway in staging, one a zone in prod", () => {
		both((resources, stack) => {
			const zones = ofType(resources, "aws:ec2/subnet:Subnet").map(({ inputs }) => inputs.availabilityZone);
			expect(zones.sort()).toEqual(["eu-central-1a", "eu-central-1a", "eu-central-1b", "eu-central-1b"]);
			const nats = ofType(resources, "aws:ec2/natGateway:NatGateway").map(({ inputs }) => inputs.subnetId);
			expect(nats).toEqual(stack === "prod" ? ["public-0-id", "public-1-id"] : ["public-0-id"]);
			const routes = ["private-0", "private-1"].map((name) => one(resources, "aws:ec2/route:Route", name).inputs);
			expect(routes.map(({ natGatewayId }) => natGatewayId)).toEqual(
				stack === "prod" ? ["nat-0-id", "nat-1-id"] : ["nat-0-id", "nat-0-id"],
			);
		});
	});

	test("reaches S3 without a NAT gateway", () => {
		const { inputs } = one(stacks.prod, "aws:ec2/vpcEndpoint:VpcEndpoint", "s3");
		expect(inputs).toMatchObject({ serviceName: "com.amazonaws.eu-central-1.s3", vpcEndpointType: "Gateway" });
		expect(inputs.routeTableIds).toEqual(["private-0-id", "private-1-id"]);
	});

	test("gives no task a public address", () => {
		both((resources) => {
			for (const { inputs } of ofType(resources, serviceType))
				expect(inputs.networkConfiguration).toMatchObject({
					assignPublicIp: false,
					subnets: ["private-0-id", "private-1-id"],
				});
		});
	});

	test("may be one that is there: nothing of it is made", async () => {
		const ids = ["subnet-0a0a0a0a", "subnet-0b0b0b0b"];
		const settings = settingsOf("staging");
		const vpc = { id: "vpc-0a1b2c3d", privateSubnetIds: ids, publicSubnetIds: ["subnet-0c0c0c0c", "subnet-0d0d0d0d"] };
		const aws = settings.aws as Record<string, unknown>;
		const { resources } = await recordStack(
			"staging",
			{ ...settings, aws: { ...aws, vpc, architecture: "x86_64" } },
			{
				"aws:ec2/getVpc:getVpc": { cidrBlock: "10.9.0.0/16", enableDnsSupport: true, enableDnsHostnames: true },
				"aws:ec2/getSubnet:getSubnet": ({ id }) => ({ vpcId: vpc.id, availabilityZone: String(id) }),
			},
		);
		expect(resources.filter(({ type }) => /^aws:ec2\/(?!securityGroup:)/.test(type))).toEqual([]);
		expect(one(resources, serviceType, "tempo").inputs.networkConfiguration).toMatchObject({ subnets: ids });
		const admitted = one(resources, ingressType, "vpc-to-otlp-entrance-4317").inputs;
		expect(admitted.cidrIpv4).toBe("10.9.0.0/16");
		expect(processors(resources)).toEqual(new Set(["X86_64"]));
	});
});

describe("services", () => {
	const numbers = ({ inputs }: Recorded) => [
		inputs.deploymentMinimumHealthyPercent,
		inputs.deploymentMaximumPercent,
		inputs.availabilityZoneRebalancing,
	];

	test("are those of the platform; what runs nothing has none", () => {
		both((resources) => {
			const names = ["alertmanager", "collector", "grafana", "loki", "prometheus", "tempo"];
			expect(ofType(resources, serviceType).map(({ name }) => name)).toEqual(names);
			expect(ofType(resources, "aws:ecs/taskDefinition:TaskDefinition").map(({ name }) => name)).toEqual(names);
		});
	});

	test("stop first where two would share what only one may hold; the collector rolls", () => {
		both((resources) => {
			for (const service of ofType(resources, serviceType)) {
				const rolls = service.name === "collector";
				expect(numbers(service), service.name).toEqual(rolls ? [100, 200, "ENABLED"] : [0, 100, "DISABLED"]);
			}
		});
	});

	test("that fail to deploy roll back", () => {
		both((resources) => {
			for (const { inputs } of ofType(resources, serviceType)) {
				expect(inputs.deploymentCircuitBreaker).toEqual({ enable: true, rollback: true });
				expect(inputs.waitForSteadyState).toBe(true);
			}
		});
	});

	test("that ECS has rolled back fail an up: the provider takes the earlier tasks for the new ones", async () => {
		const taskDefinition = `arn:aws:ecs:eu-central-1:123456789012:task-definition/tempo:41`;
		const others = process.listeners("unhandledRejection");
		const reasons = new Set<string>();
		process
			.removeAllListeners("unhandledRejection")
			.on("unhandledRejection", ({ message }: Error) => reasons.add(message));
		try {
			await recordStack("staging", settingsOf("staging"), {}, { outputs: { [serviceType]: { taskDefinition } } });
			await vi.waitFor(() => expect(reasons.size).toBe(6), 10_000);
			// An output is more than one promise.
			await new Promise(setImmediate);
		} finally {
			process.removeAllListeners("unhandledRejection");
			for (const other of others) process.on("unhandledRejection", other);
		}
		expect([...reasons]).toContain(
			`tempo: its new tasks failed, and ECS has gone back to ${taskDefinition}. ` +
				"The service's events in ECS and its log say why; then run the same command again.",
		);
	});

	test("are asked whether they work: by a balancer where they have one, else by a program of their image", () => {
		both((resources) => {
			for (const { name, inputs } of ofType(resources, serviceType)) {
				const { healthCheck } = containers(resources, name)[name]!;
				expect(Boolean(healthCheck), name).toBe(inputs.loadBalancers === undefined);
				// Each essential container would have to be asked: with one that is not, a task is never healthy.
				for (const other of Object.values(containers(resources, name)))
					if (other.name !== name) expect(other.essential, other.name).toBe(false);
			}
			const group = one(resources, "aws:lb/targetGroup:TargetGroup", "collector-otlpGrpc").inputs;
			expect(group.healthCheck).toMatchObject({ protocol: "HTTP", port: "13133", path: "/" });
		});
	});

	test("of Temporal as well: asked whether it works, and reaching what it calls", async () => {
		const temporal = { endpoint: "https://temporal.example.com:7243" };
		const { resources } = await recordStack("staging", { ...settingsOf("staging"), temporal });
		const { command } = containers(resources, "temporal-poller")["temporal-poller"]!.healthCheck!;
		expect(command.slice(0, 2)).toEqual(["CMD", "node"]);
		expect(command[3]).toContain("http://127.0.0.1:8080/");
		const out = ofType(resources, "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule").map(({ name }) => name);
		expect(out.filter((name) => name.startsWith("temporal-poller-"))).toEqual([
			"temporal-poller-to-anywhere-443",
			"temporal-poller-to-anywhere-7243",
			"temporal-poller-to-collector-4318",
			"temporal-poller-to-prometheus-9090",
		]);
		expect(violations(resources.map(recordedResource), false)).toEqual([]);
	});

	test("of an archive as well: it reaches the database and the collector, and Grafana reads as who may only read", async () => {
		const { resources } = await recordStack("staging", { ...settingsOf("staging"), archive: { enabled: true } });
		const out = ofType(resources, "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule").map(({ name }) => name);
		expect(out.filter((name) => name.startsWith("otel-worker-"))).toEqual([
			"otel-worker-to-anywhere-443",
			"otel-worker-to-collector-4318",
			"otel-worker-to-database-5432",
		]);
		expect(out).toContain("collector-to-otel-worker-8080");
		expect(out).toContain("prometheus-to-otel-worker-8080");
		expect(filesOf(resources, "otel-worker").join("")).toContain('"host": "database.rds.amazonaws.com"');
		const { inputs } = one(resources, "grafana:oss/dataSource:DataSource", "archive");
		expect(inputs).toMatchObject({ url: "database.rds.amazonaws.com:5432", username: "archive_reader" });
		expect(inputs.jsonDataEncoded).toContain('"sslmode":"require"');
		// The server is there for Grafana already, and none is run beside it.
		expect(ofType(resources, "aws:rds/instance:Instance").map(({ inputs }) => inputs.dbName)).toEqual(["grafana"]);
		expect(ofType(resources, serviceType).map(({ name }) => name)).not.toContain("postgres");
		expect(violations(resources.map(recordedResource), false)).toEqual([]);
	});

	test("may be silent for a while: with a task that is replaced goes what is on its storage", () => {
		const { interval, retries } = containers(stacks.prod, "prometheus").prometheus!.healthCheck!;
		expect(interval * retries).toBeGreaterThanOrEqual(300);
		const { healthCheck } = one(stacks.prod, "aws:lb/targetGroup:TargetGroup", "collector-otlpGrpc").inputs;
		const { interval: every, unhealthyThreshold } = healthCheck as Record<string, number>;
		expect(every! * unhealthyThreshold!).toBeGreaterThanOrEqual(100);
	});

	test("have the time to stop that each needs", () => {
		both((resources) => {
			const times = ofType(resources, serviceType).map(({ name }) => [
				name,
				containers(resources, name)[name]!.stopTimeout,
			]);
			expect(Object.fromEntries(times)).toEqual({
				...{ alertmanager: 10, collector: 30, grafana: 10, loki: 30, prometheus: 60, tempo: 8 },
			});
		});
	});

	test("have no more than Fargate offers of CPU and memory, and leave a fifth of the memory to what Go does not manage", () => {
		both((resources) => {
			for (const { name, inputs } of ofType(resources, "aws:ecs/taskDefinition:TaskDefinition")) {
				const { environment } = containers(resources, name)[name]!;
				const limit = environment.find((variable) => variable.name === "GOMEMLIMIT")?.value;
				expect(Number.parseInt(limit ?? "", 10), name).toBeLessThanOrEqual(Number(inputs.memory) * 0.8);
				expect([256, 512, 1024, 2048, 4096, 8192, 16384], name).toContain(Number(inputs.cpu));
			}
		});
	});

	test("run on the processors that are asked for", () => {
		expect(processors(stacks.prod)).toEqual(new Set(["ARM64"]));
	});

	test("collectors follow their CPU between the numbers that are set, and a deployment leaves their number alone", () => {
		const { inputs } = one(stacks.prod, "aws:appautoscaling/target:Target", "collector");
		expect(inputs).toMatchObject({
			minCapacity: 2,
			maxCapacity: 6,
			resourceId: "service/tracestack-prod/collector",
			scalableDimension: "ecs:service:DesiredCount",
		});
		const policy = one(stacks.prod, "aws:appautoscaling/policy:Policy", "collector").inputs;
		expect(policy.targetTrackingScalingPolicyConfiguration).toMatchObject({
			predefinedMetricSpecification: { predefinedMetricType: "ECSServiceAverageCPUUtilization" },
			targetValue: 60,
		});
		both((resources) => {
			for (const { name, options } of ofType(resources, serviceType))
				expect(options?.ignoreChanges, name).toEqual(name === "collector" ? ["desiredCount"] : undefined);
			expect(ofType(resources, "aws:appautoscaling/target:Target")).toHaveLength(1);
		});
	});

	test("metrics of every collector are read, not of one at random", () => {
		const config = filesOf(stacks.prod, "prometheus").find((text) => text.includes("scrape_configs"));
		const { scrape_configs } = parse(config!) as { scrape_configs: Record<string, unknown>[] };
		expect(scrape_configs.find(({ job_name }) => job_name === "collector")).toEqual({
			job_name: "collector",
			dns_sd_configs: [
				{ names: ["collector.prod.tracestack.internal"], type: "A", port: 8888, refresh_interval: "15s" },
			],
		});
	});

	test("logs end, and Container Insights looks at production", () => {
		both((resources, stack) => {
			const logs = ofType(resources, "aws:cloudwatch/logGroup:LogGroup");
			expect(logs).toHaveLength(6);
			for (const { inputs } of logs) expect(inputs.retentionInDays).toBe(30);
			const { settings } = one(resources, "aws:ecs/cluster:Cluster", "cluster").inputs;
			const value = stack === "prod" ? "enhanced" : "disabled";
			expect(settings).toEqual([{ name: "containerInsights", value }]);
		});
	});
});

test("in prod balancers can't be deleted by mistake", () => {
	both((resources, stack) => {
		for (const { inputs } of ofType(resources, balancerType))
			expect(inputs.enableDeletionProtection).toBe(stack === "prod");
	});
});

test("everything that can have tags has those of the stack and those of its file", () => {
	both((resources, stack) => {
		const tagged = resources.filter(({ type, inputs }) => type.startsWith("aws:") && inputs.tags);
		expect(tagged.length).toBeGreaterThan(100);
		for (const { type, name, inputs } of tagged)
			expect(inputs.tags, `${type} ${name}`).toMatchObject({
				project: "tracestack",
				stack,
				team: "observability",
				environment: stack,
			});
	});
});

test.each(["staging", "prod"] as const)(
	"%s rendered again, and from settings in another order, is the same",
	async (stack) => {
		const given = {
			...settingsOf(stack),
			managed: { databaseGiB: 30, databaseBackupDays: 7 },
			alerts: { errorRatio: 0.1 },
		};
		const { resources } = await recordStack(stack, given);
		const again = await recordStack(stack, reversed(given) as Record<string, unknown>);
		expect(again.resources).toEqual(resources);
	},
);

/** Of all tasks. */
function processors(resources: Recorded[]): Set<string> {
	const definitions = ofType(resources, "aws:ecs/taskDefinition:TaskDefinition");
	return new Set(
		definitions.map(({ inputs }) => (inputs.runtimePlatform as { cpuArchitecture: string }).cpuArchitecture),
	);
}

/** The same with every object's keys in the opposite order. Lists mean their order. */
function reversed(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(reversed);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(
		Object.entries(value)
			.reverse()
			.map(([key, item]) => [key, reversed(item)]),
	);
}
