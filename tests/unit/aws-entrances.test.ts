// Who comes into the stacks that are meant for AWS, who in them reaches whom, and who is told when nobody does.

import type * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { containers, filesOf, recordStack, settingsOf } from "./aws-mocks.ts";
import { ofType, one, type Recorded } from "./mocks.ts";

const waited = vi.hoisted(() => ({ urls: [] as string[] }));
vi.mock("../../targets/aws/asked.ts", () => ({ askedOfAws: async () => ({ problems: [], notes: [] }) }));
vi.mock("../../targets/aws/ready.ts", () => ({
	waitUntilReached: async ({ url }: { url: string }) => void waited.urls.push(url),
}));

type Name = "staging" | "prod";

const stacks = {} as Record<Name, Recorded[]>;
const results = {} as Record<Name, Awaited<ReturnType<typeof recordStack>>["result"]>;

beforeAll(async () => {
	for (const stack of ["staging", "prod"] as const) {
		const { resources, result } = await recordStack(stack);
		stacks[stack] = resources;
		results[stack] = result;
	}
});

const both = (check: (resources: Recorded[], stack: Name) => void) => {
	for (const [stack, resources] of Object.entries(stacks)) check(resources, stack as Name);
};

const ingressType = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const egressType = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";
const balancerType = "aws:lb/loadBalancer:LoadBalancer";
const serviceType = "aws:ecs/service:Service";

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
			// AWS makes no public one in a VPC without a gateway.
			expect(one(resources, balancerType, "grafana").options?.dependsOn).toContain("aws:ec2/route:Route public");
		});
	});

	test("applications with a token, which the collector reads from a file", () => {
		both((resources) => {
			expect(ofType(resources, "aws:secretsmanager/secret:Secret").map(({ name }) => name)).toContain(
				"collector-etc-otelcol-contrib-secrets-otlp-token",
			);
			const config = filesOf(resources, "collector").join();
			expect(config.match(/authenticator: bearertokenauth/g)).toHaveLength(2);
			// Else a client stays with the collector that it found first, however many there are.
			expect(config).toContain("max_connection_age: 5m");
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
			"grafana database 5432",
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
		const { inputs } = alarms(stacks.prod).find(({ name }) => name === "collector-otlpGrpc-answers")!;
		// AWS: "we recommend that you monitor your Network Load Balancer using … the maximum of HealthyHostCount".
		expect(inputs).toMatchObject({ metricName: "HealthyHostCount", statistic: "Maximum", threshold: 2 });
	});

	test("tells of a database whose disk has not grown: full, it stops, and Grafana with it", () => {
		both((resources) => {
			const { inputs, options } = one(resources, "aws:cloudwatch/metricAlarm:MetricAlarm", "database-storage");
			expect(inputs).toMatchObject({
				namespace: "AWS/RDS",
				dimensions: { DBInstanceIdentifier: "database" },
				metricName: "FreeStorageSpace",
				threshold: 2 ** 30,
			});
			expect(options?.protect).toBeUndefined();
		});
	});

	test("tells whom the settings name", () => {
		for (const { name, inputs } of alarms(stacks.prod))
			expect([inputs.alarmActions, inputs.okActions], name).toEqual([
				["arn:aws:sns:eu-central-1:210987654321:oncall"],
				["arn:aws:sns:eu-central-1:210987654321:oncall"],
			]);
	});
});

test("each network comes in by a rule of its own: one that goes changes no other's, which would be there twice for a moment", async () => {
	const settings = settingsOf("prod");
	const aws = settings.aws as { otlp: { domain: string; cidrs: string[] } };
	const rules = async (cidrs: string[]) => {
		const { resources } = await recordStack("prod", { ...settings, aws: { ...aws, otlp: { ...aws.otlp, cidrs } } });
		const ofNetworks = ofType(resources, ingressType).filter(({ inputs }) => inputs.cidrIpv4);
		return ofNetworks.map(({ name, inputs }) => `${name}: ${inputs.cidrIpv4}`);
	};
	const fewer = await rules(["10.1.0.0/16"]);
	expect(fewer).toContain("10.1.0.0-16-to-otlp-entrance-4317: 10.1.0.0/16");
	expect(await rules(["10.0.0.0/16", "10.1.0.0/16"])).toEqual(expect.arrayContaining(fewer));
});

function value<T>(output: pulumi.Output<T>): Promise<T> {
	return new Promise((resolve) => output.apply(resolve));
}
