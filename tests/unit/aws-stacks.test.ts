// The two stacks that are meant for AWS, as their files have them: every resource, and what must hold for them.

import type * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { configOf, outputs, settingsOf } from "./aws-mocks.ts";
import { golden, ofType, one, type Recorded, record } from "./mocks.ts";
import { recordedResource, violations } from "./policies/cases.ts";

const waited = vi.hoisted(() => ({ urls: [] as string[] }));
// It asks a balancer that is not there.
vi.mock("../../targets/aws/ready.ts", () => ({
	waitUntilReached: async ({ url }: { url: string }) => void waited.urls.push(url),
}));

type Name = "staging" | "prod";

let program: typeof import("../../index.ts")["default"];

const made = (stack: Name, settings = settingsOf(stack)) =>
	record(program, { stack, config: configOf(settings), outputs });

const stacks = {} as Record<Name, Recorded[]>;
const results = {} as Record<Name, Awaited<ReturnType<typeof made>>["result"]>;

beforeAll(async () => {
	// The catalogue of whoever runs the tests is not the one under test.
	vi.stubEnv("TRACESTACK_IMAGES", undefined);
	program = (await import("../../index.ts")).default;
	for (const stack of ["staging", "prod"] as const) {
		const { resources, result } = await made(stack);
		stacks[stack] = resources;
		results[stack] = result;
	}
});

const both = (check: (resources: Recorded[], stack: Name) => void) => {
	for (const [stack, resources] of Object.entries(stacks)) check(resources, stack as Name);
};

const ingressType = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const egressType = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";
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

describe("who comes in", () => {
	const open = (resources: Recorded[]) =>
		ofType(resources, ingressType).filter(({ inputs }) => String(inputs.cidrIpv4 ?? "").endsWith("/0"));

	test("the world, to HTTPS of Grafana's balancer and to nothing else; in staging not even there", () => {
		expect(open(stacks.prod).map(({ inputs }) => [inputs.securityGroupId, inputs.fromPort, inputs.toPort])).toEqual([
			["grafana-entrance-id", 443, 443],
		]);
		expect(open(stacks.staging)).toEqual([]);
		both((resources) => {
			const groups = resources.filter(({ type }) => /:SecurityGroup$/.test(type));
			expect(groups.length).toBeGreaterThan(8);
			for (const { inputs } of groups) expect(inputs).not.toHaveProperty("ingress");
		});
	});

	test("networks, only to entrances: a task is reached through them and by its own stack", () => {
		both((resources) => {
			const fromNetworks = ofType(resources, ingressType).filter(({ inputs }) => inputs.cidrIpv4);
			expect(fromNetworks.length).toBeGreaterThan(2);
			for (const { inputs } of fromNetworks) expect(inputs.securityGroupId).toMatch(/-entrance-id$/);
		});
	});

	test("nobody without TLS, nobody over less than TLS 1.2, and no port 80 that would redirect them", () => {
		both((resources) => {
			const listeners = ofType(resources, "aws:lb/listener:Listener");
			expect(listeners.map(({ inputs }) => [inputs.protocol, inputs.port])).toEqual([
				["TLS", 4317],
				["TLS", 4318],
				["HTTPS", 443],
			]);
			for (const { inputs } of listeners) {
				expect(inputs.sslPolicy).toBe("ELBSecurityPolicy-TLS13-1-2-Res-2021-06");
				expect(inputs.certificateArn).toMatch(/^arn:aws:acm:/);
			}
		});
	});

	test("applications by gRPC: without ALPN their clients refuse; by HTTP/1.1, as the receiver has no HTTP/2 without TLS", () => {
		const alpn = (name: string) => one(stacks.prod, "aws:lb/listener:Listener", name).inputs.alpnPolicy;
		expect(alpn("collector-otlpGrpc")).toBe("HTTP2Preferred");
		expect(alpn("collector-otlpHttp")).toBe("HTTP1Only");
	});

	test("applications from inside, people from outside, as the files say", () => {
		both((resources) => {
			const of = (name: string) => one(resources, balancerType, name).inputs;
			expect(of("otlp")).toMatchObject({ loadBalancerType: "network", internal: true });
			expect(of("otlp").subnets).toEqual(["private-0-id", "private-1-id"]);
			expect(of("grafana")).toMatchObject({ loadBalancerType: "application", internal: false });
			expect(of("grafana").subnets).toEqual(["public-0-id", "public-1-id"]);
		});
	});

	test("applications with a token, which the collector reads from a file", () => {
		both((resources) => {
			const main = containers(resources, "collector").collector!;
			const init = containers(resources, "collector")["collector-init"]!;
			expect(init.secrets?.map(({ name }) => name)).toContain("SECRET_0");
			expect(JSON.stringify(main)).not.toContain("opensesame");
			const file = init.environment.map(({ value }) => Buffer.from(value, "base64").toString()).join();
			expect(file).toContain("authenticator: bearertokenauth");
			// Else a client stays with the collector that it found first, however many there are.
			expect(file).toContain("max_connection_age: 5m");
		});
	});

	test("by the stack's names, whose records and certificates are made", () => {
		expect(Object.keys(results.prod.urls).sort()).toEqual(["grafana", "otlpGrpc", "otlpHttp"]);
		const record = one(stacks.prod, "aws:route53/record:Record", "otlp").inputs;
		expect(record).toMatchObject({ name: "otlp.example.com", type: "A", zoneId: "Z0123456789PRODUCTION" });
		const validated = one(stacks.prod, "aws:acm/certificateValidation:CertificateValidation", "otlp");
		expect(validated.from.certificateArn).toEqual(["aws:acm/certificate:Certificate otlp"]);
	});

	test("urls have the scheme of the balancer, not of the task", async () => {
		const { grafana, otlpGrpc, otlpHttp } = results.prod.urls as Record<string, pulumi.Output<string>>;
		expect(await Promise.all([grafana, otlpGrpc, otlpHttp].map((url) => value(url!)))).toEqual([
			"https://grafana.example.com",
			"otlp.example.com:4317",
			"https://otlp.example.com:4318",
		]);
		const { url } = one(stacks.prod, "pulumi:providers:grafana", "grafana-content").inputs;
		expect(url).toBe("https://grafana.example.com");
		const environment = containers(stacks.prod, "grafana").grafana!.environment;
		expect(environment).toContainEqual({ name: "GF_SERVER_ROOT_URL", value: "https://grafana.example.com" });
		expect(environment).toContainEqual({ name: "GF_SECURITY_COOKIE_SECURE", value: "true" });
	});

	test("dashboards are put into Grafana once it answers by its name", () => {
		expect(waited.urls).toEqual([
			"https://grafana.staging.example.com/api/health",
			"https://grafana.example.com/api/health",
		]);
	});
});

describe("who reaches whom", () => {
	/** Pairs of names and ports that rules of both ends let through. */
	const pairs = (resources: Recorded[]) => {
		const of = (type: string) =>
			ofType(resources, type)
				.filter(({ inputs }) => inputs.referencedSecurityGroupId)
				.map(({ inputs }) => {
					const [own, other] = [inputs.securityGroupId, inputs.referencedSecurityGroupId].map(String);
					const [from, to] = type === egressType ? [own, other] : [other, own];
					expect([inputs.ipProtocol, inputs.fromPort]).toEqual(["tcp", inputs.toPort]);
					return `${from} ${to} ${inputs.fromPort}`.replaceAll("-id", "");
				})
				.sort();
		expect(of(egressType)).toEqual(of(ingressType));
		return of(ingressType);
	};

	test("is what they call, port by port", () => {
		expect(pairs(stacks.prod)).toEqual([
			"alertmanager volumes 2049",
			"collector loki 3100",
			"collector prometheus 9090",
			"collector tempo 4317",
			"grafana alertmanager 9093",
			"grafana loki 3100",
			"grafana prometheus 9090",
			"grafana tempo 3200",
			"grafana-entrance grafana 3000",
			"loki volumes 2049",
			"otlp-entrance collector 13133",
			"otlp-entrance collector 4317",
			"otlp-entrance collector 4318",
			"prometheus alertmanager 9093",
			"prometheus collector 8888",
			"prometheus grafana 3000",
			"prometheus loki 3100",
			"prometheus tempo 3200",
			"tempo prometheus 9090",
			"tempo volumes 2049",
		]);
	});

	test("outwards is HTTPS, for images, secrets and AWS itself", () => {
		both((resources) => {
			const out = ofType(resources, egressType).filter(({ inputs }) => inputs.cidrIpv4);
			expect(out).toHaveLength(6);
			for (const { inputs } of out) expect([inputs.fromPort, inputs.toPort]).toEqual([443, 443]);
		});
	});

	test("a task starts once its rules and its way out are there", () => {
		const { options } = one(stacks.prod, serviceType, "tempo");
		expect(options?.dependsOn).toEqual(
			expect.arrayContaining([
				"aws:ec2/route:Route private-0",
				"aws:ec2/vpcEndpoint:VpcEndpoint s3",
				`${egressType} tempo-to-anywhere-443`,
				`${ingressType} tempo-to-prometheus-9090`,
			]),
		);
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
		const { resources } = await record(program, {
			stack: "staging",
			config: configOf({ ...settings, aws: { ...aws, vpc } }),
			outputs,
			calls: {
				"aws:ec2/getVpc:getVpc": { cidrBlock: "10.9.0.0/16", enableDnsSupport: true, enableDnsHostnames: true },
				"aws:ec2/getSubnet:getSubnet": ({ id }) => ({ vpcId: vpc.id, availabilityZone: String(id) }),
			},
		});
		expect(resources.filter(({ type }) => /^aws:ec2\/(?!securityGroup:)/.test(type))).toEqual([]);
		expect(one(resources, serviceType, "tempo").inputs.networkConfiguration).toMatchObject({ subnets: ids });
		const admitted = one(resources, ingressType, "network-0-to-otlp-entrance-4317").inputs;
		expect(admitted.cidrIpv4).toBe("10.9.0.0/16");
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

	test("are asked whether they work: by a balancer where they have one, else by a container beside them", () => {
		both((resources) => {
			for (const { name, inputs } of ofType(resources, serviceType)) {
				const health = containers(resources, name)[`${name}-health`];
				expect(Boolean(health), name).toBe(inputs.loadBalancers === undefined);
				if (!health) continue;
				expect(health.essential).toBe(true);
				expect(health.user).toBe("65534:65534");
				expect(health.healthCheck?.command.at(-1)).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/.*(ready|health)$/);
			}
			const group = one(resources, "aws:lb/targetGroup:TargetGroup", "collector-otlpGrpc").inputs;
			expect(group.healthCheck).toMatchObject({ protocol: "HTTP", port: "13133", path: "/" });
		});
	});

	test("may be silent for a while: with a task that is replaced goes what is on its storage", () => {
		const { interval, retries } = containers(stacks.prod, "prometheus")["prometheus-health"]!.healthCheck!;
		expect(interval * retries).toBeGreaterThanOrEqual(300);
		const { healthCheck } = one(stacks.prod, "aws:lb/targetGroup:TargetGroup", "collector-otlpGrpc").inputs;
		const { interval: every, unhealthyThreshold } = healthCheck as Record<string, number>;
		expect(every! * unhealthyThreshold!).toBeGreaterThanOrEqual(100);
	});

	test("run on the processors that are asked for", async () => {
		const platforms = (resources: Recorded[]) =>
			ofType(resources, "aws:ecs/taskDefinition:TaskDefinition").map(
				({ inputs }) => (inputs.runtimePlatform as { cpuArchitecture: string }).cpuArchitecture,
			);
		expect(new Set(platforms(stacks.prod))).toEqual(new Set(["ARM64"]));
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
		const init = containers(stacks.prod, "prometheus")["prometheus-init"]!;
		const files = init.environment.map(({ value }) => Buffer.from(value, "base64").toString());
		const config = files.find((text) => text.includes("scrape_configs"));
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

describe("CloudWatch", () => {
	const alarms = (resources: Recorded[]) => ofType(resources, "aws:cloudwatch/metricAlarm:MetricAlarm");

	test("tells of each service that is not there: Prometheus can't tell of itself", () => {
		both((resources) => {
			for (const { name, inputs } of ofType(resources, serviceType)) {
				const { inputs: alarm } = one(resources, "aws:cloudwatch/metricAlarm:MetricAlarm", `${name}-tasks`);
				expect(alarm).toMatchObject({
					dimensions: { ServiceName: name },
					threshold: inputs.desiredCount,
					comparisonOperator: "LessThanThreshold",
					treatMissingData: "breaching",
				});
			}
		});
	});

	test("tells of each way in that leads nowhere, and of certificates that end", () => {
		const names = alarms(stacks.prod).map(({ name }) => name);
		expect(names).toEqual(
			expect.arrayContaining([
				"collector-otlpGrpc-answers",
				"collector-otlpHttp-answers",
				"grafana-grafana-answers",
				"grafana-errors",
				"grafana-certificate",
				"otlp-certificate",
			]),
		);
	});

	test("tells whom the settings name", () => {
		for (const { name, inputs } of alarms(stacks.prod))
			expect([inputs.alarmActions, inputs.okActions], name).toEqual([
				["arn:aws:sns:eu-central-1:210987654321:oncall"],
				["arn:aws:sns:eu-central-1:210987654321:oncall"],
			]);
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

test("rendered again, and from settings in another order, it is the same", async () => {
	const { resources } = await made("prod", reversed(settingsOf("prod")) as Record<string, unknown>);
	expect(resources).toEqual(stacks.prod);
});

interface Container {
	name: string;
	environment: { name: string; value: string }[];
	essential: boolean;
	healthCheck?: { command: string[]; interval: number; retries: number };
	secrets?: { name: string }[];
	user: string;
}

function containers(resources: Recorded[], workload: string): Record<string, Container> {
	const { inputs } = one(resources, "aws:ecs/taskDefinition:TaskDefinition", workload);
	const all: Container[] = JSON.parse(inputs.containerDefinitions as string);
	return Object.fromEntries(all.map((container) => [container.name, container]));
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

function value<T>(output: pulumi.Output<T>): Promise<T> {
	return new Promise((resolve) => output.apply(resolve));
}
