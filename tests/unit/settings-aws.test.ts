// Mistakes in the settings of a stack on AWS.

import { describe } from "vitest";
import { aws, type Mistake, onAws, testMistakes } from "./mistakes.ts";

const s3 = { backend: "s3", bucket: "traces", endpoint: "s3.example" };
const webhook = { type: "webhook", name: "audit", url: "https://example.com" };
const docker = (port: string) => `http://host.docker.internal:${port}`;
const certificateArn = "arn:aws:acm:eu-central-1:123456789012:certificate/0a-1b";
const id = "vpc-0a1b2c3d";
const subnetIds = ["subnet-0a1b2c3d", "subnet-0a1b2c3e"];

const mistakes: Mistake[] = [
	[{ target: "aws", access: { token: true } }, "aws", 'is missing, and target is "aws" allowed: an object with region'],
	[{ target: "aws", aws }, "access.token", 'is false while target is "aws"'],
	[{ aws }, "aws", "is not used set target to"],
	[onAws({ region: "frankfurt" }), "aws.region", 'is "frankfurt" allowed: a region, such as eu-central-1'],
	[onAws({ region: undefined }), "aws.region", "is missing"],
	[onAws({ account: 123456789012 }), "aws.account", "12 digits in quotes"],
	[onAws({ architecture: "arm" }), "aws.architecture", "did you mean arm64?"],
	[onAws({ tags: { stack: "mine" } }), "aws.tags", "not aws:…, project, stack, service"],
	[onAws({ alarmTopicArns: ["oncall"] }), "aws.alarmTopicArns[0]", "an ARN of SNS's"],
	[
		onAws({ hostedZoneId: undefined, grafana: { ...aws.grafana, certificateArn } }),
		"aws.otlp.certificateArn",
		"is missing give ACM's certificate, or aws.hostedZoneId",
	],
	[
		onAws({ otlp: { ...aws.otlp, certificateArn: "arn:aws:acm:us-east-1:123456789012:certificate/0a-1b" } }),
		"aws.otlp.certificateArn",
		"is in us-east-1, and aws.region is eu-central-1",
	],
	[onAws({ otlp: aws.grafana }), "aws.otlp.domain", "which grafana has already"],
	[onAws({ otlp: { domain: "OTLP.example.com" } }), "aws.otlp.domain", "in lower-case letters"],
	[onAws({ otlp: { ...aws.otlp, cidrs: ["0.0.0.0/0"] } }), "aws.otlp.cidrs", "has 0.0.0.0/0, which is everybody"],
	[
		onAws({ otlp: { ...aws.otlp, cidrs: ["10.0.0.0/33"] } }),
		"aws.otlp.cidrs[0]",
		"an IPv4 network by its first address",
	],
	[onAws({ otlp: { ...aws.otlp, cidrs: [] } }), "aws.otlp.cidrs", "a list of IPv4 networks"],
	[onAws({ otlp: { ...aws.otlp, public: true } }), "aws.otlp.cidrs", "is missing, and otlp is public"],
	[onAws({ vpc: { cidr: "10.0.0.0/8" } }), "aws.vpc.cidr", "from /16 to /24"],
	[onAws({ vpc: { cidr: "10.0.0.1/16" } }), "aws.vpc.cidr", "by its first address"],
	[onAws({ vpc: { zones: ["eu-central-1a"] } }), "aws.vpc.zones", "a list of two availability zones"],
	[onAws({ vpc: { zones: ["eu-west-1a", "eu-west-1b"] } }), "aws.vpc.zones", "and aws.region is eu-central-1"],
	[onAws({ vpc: { zones: ["eu-central-1a", "eu-central-1a"] } }), "aws.vpc.zones", "is twice eu-central-1a"],
	[onAws({ vpc: { privateSubnetIds: subnetIds } }), "aws.vpc.privateSubnetIds", "is not used without vpc.id"],
	[onAws({ vpc: { id } }), "aws.vpc.privateSubnetIds", "is missing: everything runs in them"],
	[onAws({ vpc: { id, privateSubnetIds: ["subnet-0a1b2c3d"] } }), "aws.vpc.privateSubnetIds", "has one subnet only"],
	[onAws({ vpc: { id, privateSubnetIds: [...subnetIds, "here"] } }), "aws.vpc.privateSubnetIds[2]", "a subnet's id"],
	[
		onAws({ vpc: { id, privateSubnetIds: subnetIds }, grafana: { ...aws.grafana, public: true } }),
		"aws.vpc.publicSubnetIds",
		"is missing: grafana is public",
	],
	[onAws({ vpc: { id, privateSubnetIds: subnetIds, cidr: "10.0.0.0/16" } }), "aws.vpc.cidr", "is not used with vpc.id"],
	[{ ...onAws({}), access: { token: true, tls: "generated" } }, "access.tls", "TLS ends at the balancers"],
	[{ ...onAws({}), collector: { jaeger: true } }, "collector.jaeger", "has no way in there"],
	[{ ...onAws({}), bindAddress: "0.0.0.0" }, "bindAddress", 'is not used while target is "aws"'],
	[{ ...onAws({}), access: { token: true, certificate: "x" } }, "access.certificate", "is not used while target is"],
	[{ managed: { databaseGiB: 50 } }, "managed", "is not used set target to"],
	[
		{ ...onAws({}), collector: { instances: { max: 2 } }, sampling: { percent: 50 } },
		"collector.instances.max",
		"is 2, and sampling is on allowed: 1",
	],
	[
		{ ...onAws({}), temporal: { endpoint: docker("7243") } },
		"temporal.endpoint",
		"leads to host.docker.internal while",
	],
	[
		{ ...onAws({}), temporal: { endpoint: "https://t.example", metrics: "localhost:1" } },
		"temporal.metrics",
		"localhost",
	],
	[
		{ ...onAws({}), destinations: [{ name: "a", endpoint: "http://127.0.0.1" }] },
		"destinations[0].endpoint",
		"127.0.0.1",
	],
	[
		{ ...onAws({}), scrapes: [{ job: "a", targets: ["b:1", "localhost:1"] }] },
		"scrapes[0].targets[1]",
		"the VPC reaches",
	],
	[{ ...onAws({}), receivers: [{ ...webhook, url: docker("1") }] }, "receivers[0].url", "the VPC reaches"],
	[{ ...onAws({}), storage: { ...s3, endpoint: "localhost:9000" } }, "storage.endpoint", "leads to localhost while"],
	[
		{ ...onAws({}), archive: { enabled: true, database: "postgres://me:hush@localhost/archive" } },
		"archive.database",
		"leads to localhost while",
	],
	[{ ...onAws({}), storage: { backend: "s3", bucket: "acme" } }, "storage.endpoint", "is missing: only Docker has"],
];

describe("a mistake names its key, its value, what is allowed and what was meant", () => testMistakes(mistakes));
