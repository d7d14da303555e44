// What commands ask AWS, asked of moto, which answers as AWS does: before an `up`, and by the doctor.

import { ACMClient, ImportCertificateCommand, RequestCertificateCommand } from "@aws-sdk/client-acm";
import { CloudWatchClient, PutMetricAlarmCommand, SetAlarmStateCommand } from "@aws-sdk/client-cloudwatch";
import { CreateSubnetCommand, CreateVpcCommand, EC2Client, ModifyVpcAttributeCommand } from "@aws-sdk/client-ec2";
import {
	CreateClusterCommand,
	CreateServiceCommand,
	ECSClient,
	RegisterTaskDefinitionCommand,
	RunTaskCommand,
	StopTaskCommand,
} from "@aws-sdk/client-ecs";
import { CreateKeyCommand, DisableKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { CreateHostedZoneCommand, Route53Client } from "@aws-sdk/client-route-53";
import { AwsClient } from "aws4fetch";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { inCloudWatch, onFargate } from "../../cli/doctor/aws.ts";
import type { Context } from "../../cli/drift/finding.ts";
import { text, until } from "../../cli/verify/api.ts";
import { readCatalogue } from "../../settings/catalogue.ts";
import { parseSettings, type Settings } from "../../settings.ts";
import { askedOfAws } from "../../targets/aws/asked.ts";
import { ailingServices } from "../../targets/aws/condition.ts";
import { selfSigned } from "../certificate.ts";

const name = "e2e-aws-questions";
const endpoint = "http://127.0.0.1:23410";
const region = "eu-central-1";
/** Moto's own. */
const account = "123456789012";
const common = { region };

/** What somebody else has made. */
const there = {
	vpc: "",
	otherVpc: "",
	a: "",
	b: "",
	alsoB: "",
	elsewhere: "",
	certificate: "",
	pending: "",
	key: "",
	zone: "",
};

beforeAll(async () => {
	const image = readCatalogue(process.env.TRACESTACK_IMAGES ?? "configs/versions.yaml").moto?.image;
	if (!image) throw new Error("the image catalogue has no moto: ./tracestack airgap build --only moto says why");
	await remove();
	const labels = ["--label", `tracestack.stack=tracestack/${name}`];
	const publish = ["--publish", `${endpoint.replace("http://", "")}:5000`];
	// Services of moto's never run by themselves: each deployment has two tasks that failed.
	const env = ["--env", "MOTO_ECS_SERVICE_FAILED_TASKS=2"];
	await execa("docker", ["run", "--detach", "--name", name, ...labels, ...publish, ...env, image]);
	await until(120, () => text(`${endpoint}/moto-api/data.json`));
	vi.stubEnv("AWS_ENDPOINT_URL", endpoint);
	actAs({ id: "anyone", secret: "anything" });
	await furnish();
});

afterAll(remove);

async function remove(): Promise<void> {
	await execa("docker", ["rm", "--force", "--volumes", name], { reject: false });
}

function actAs({ id, secret }: { id: string; secret: string }): void {
	vi.stubEnv("AWS_ACCESS_KEY_ID", id);
	vi.stubEnv("AWS_SECRET_ACCESS_KEY", secret);
}

/** Networks, certificates, a key and a zone. */
async function furnish(): Promise<void> {
	const ec2 = new EC2Client(common);
	const vpc = async (CidrBlock: string) => (await ec2.send(new CreateVpcCommand({ CidrBlock }))).Vpc?.VpcId ?? "";
	const subnet = async (VpcId: string, CidrBlock: string, zone: string) => {
		const command = new CreateSubnetCommand({ VpcId, CidrBlock, AvailabilityZone: `${region}${zone}` });
		return (await ec2.send(command)).Subnet?.SubnetId ?? "";
	};
	there.vpc = await vpc("10.1.0.0/16");
	there.otherVpc = await vpc("10.2.0.0/16");
	await ec2.send(new ModifyVpcAttributeCommand({ VpcId: there.vpc, EnableDnsHostnames: { Value: true } }));
	there.a = await subnet(there.vpc, "10.1.0.0/24", "a");
	there.b = await subnet(there.vpc, "10.1.1.0/24", "b");
	there.alsoB = await subnet(there.vpc, "10.1.2.0/24", "b");
	there.elsewhere = await subnet(there.otherVpc, "10.2.0.0/24", "c");
	const acm = new ACMClient(common);
	const { certificate, key } = await selfSigned(["DNS:*.example.com"]);
	const imported = { Certificate: Buffer.from(certificate), PrivateKey: Buffer.from(key) };
	there.certificate = (await acm.send(new ImportCertificateCommand(imported))).CertificateArn ?? "";
	const requested = { DomainName: "otlp.example.com", ValidationMethod: "DNS" } as const;
	there.pending = (await acm.send(new RequestCertificateCommand(requested))).CertificateArn ?? "";
	there.key = (await new KMSClient(common).send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? "";
	const zone = new CreateHostedZoneCommand({ Name: "example.com", CallerReference: "1" });
	there.zone = ((await new Route53Client(common).send(zone)).HostedZone?.Id ?? "").replace("/hostedzone/", "");
}

/** Settings that name what is there, but for some. */
function settings(other: object = {}, more: object = {}): Settings {
	const aws = {
		region,
		account,
		// AWS's ids begin with a Z, moto's with anything.
		hostedZoneId: "Z0",
		vpc: { id: there.vpc, privateSubnetIds: [there.a, there.b] },
		grafana: { domain: "grafana.example.com", certificateArn: there.certificate },
		otlp: { domain: "otlp.example.com" },
		...other,
	};
	const raw = { target: "aws", access: { token: true }, managed: { kmsKey: there.key }, aws, ...more };
	const parsed = parseSettings(raw, { project: "tracestack", name: "questions" }, "configs/versions.yaml");
	const hostedZoneId = aws.hostedZoneId === "Z0" ? there.zone : aws.hostedZoneId;
	return { ...parsed, aws: { ...parsed.aws!, hostedZoneId } };
}

/** What AWS says of them. */
const asked = (other?: object, more?: object) => askedOfAws(settings(other, more));

describe("before an up", () => {
	it("what is there and fits is no problem; a certificate that ends soon is worth a word", async () => {
		expect(await asked()).toEqual({
			problems: [],
			notes: [expect.stringMatching(/grafana\.certificateArn: .* ends on \d{4}-\d\d-\d\d: renew it/)],
		});
	});

	it("what is not there, or does not fit, is told all at once", async () => {
		await new KMSClient(common).send(new DisableKeyCommand({ KeyId: there.key.split("/").at(-1) }));
		const { problems } = await asked({
			hostedZoneId: "ZABSENT",
			vpc: {
				id: there.otherVpc,
				privateSubnetIds: [there.a, there.elsewhere],
				publicSubnetIds: ["subnet-00000000", there.b],
			},
			grafana: { domain: "grafana.example.org", certificateArn: there.certificate },
			otlp: { domain: "otlp.example.com", certificateArn: there.pending },
		});
		expect(problems.map((one) => one.replaceAll(/arn:\S+(?=[ :])/g, "ARN"))).toEqual([
			`aws.vpc.id: ${there.otherVpc} lacks DNS resolution or DNS hostnames, which names within it need. Switch both on.`,
			`aws.vpc.privateSubnetIds: ${there.a} is in ${there.vpc}, not in ${there.otherVpc}.`,
			`aws.vpc.publicSubnetIds: one of subnet-00000000, ${there.b} is not there in account ${account}, ${region}.`,
			"aws.grafana.certificateArn: ARN is for own, *.example.com, not for grafana.example.org.",
			"aws.otlp.certificateArn: ARN is PENDING_VALIDATION, and a balancer takes those that are ISSUED. ACM's page of it says why.",
			"managed.kmsKey: ARN is Disabled: nothing can be encrypted with it. Enable it.",
			`aws.hostedZoneId: ZABSENT is not there in account ${account}, ${region}.`,
		]);
	});

	it("subnets share no zone, a zone is the account's, a hosted zone has both names", async () => {
		const vpc = { id: there.vpc, privateSubnetIds: [there.b, there.alsoB] };
		expect((await asked({ vpc }, { managed: {} })).problems).toEqual([
			expect.stringMatching(
				/privateSubnetIds: .* are in eu-central-1b, eu-central-1b\. Each must be in a zone of its own/,
			),
		]);
		const other = { vpc: { zones: [`${region}a`, `${region}q`] }, otlp: { domain: "otlp.example.org" } };
		expect((await asked(other, { managed: {} })).problems).toEqual([
			"aws.vpc.zones: this account has no eu-central-1q. It has eu-central-1a, eu-central-1b, eu-central-1c.",
			`aws.hostedZoneId: ${there.zone} is example.com, and otlp.example.org is not in it.`,
		]);
	});

	it("with credentials of another account nothing else is asked", async () => {
		const { problems } = await asked({ account: "210987654321" });
		expect(problems).toEqual([expect.stringContaining(`are of ${account}, and the stack belongs into 210987654321`)]);
	});
});

describe("the doctor", () => {
	const cluster = "tracestack-prod";
	const alarm = "tracestack-prod-tempo-tasks";
	const stopped = "CannotPullContainerError: pull image manifest has been retried 5 time(s)";
	let clusterArn = "";
	/** Task definitions: what the service has, and what was deployed after it. */
	let running = "";
	let wanted = "";
	/** A stack with these services, as the engine's state has it. */
	const stack = (services: Record<string, string>): Context => {
		const resource = (type: string, outputs: object, inputs = {}) => ({ urn: type, type, inputs, outputs });
		const resources = [
			resource("aws:ecs/cluster:Cluster", { arn: clusterArn }),
			resource("aws:cloudwatch/metricAlarm:MetricAlarm", { name: alarm }),
			...Object.entries(services).map(([name, taskDefinition]) =>
				resource("aws:ecs/service:Service", { name }, { taskDefinition }),
			),
		];
		return { state: { deployment: { resources } } } as Partial<Context> as Context;
	};

	beforeAll(async () => {
		const ecs = new ECSClient(common);
		clusterArn = (await ecs.send(new CreateClusterCommand({ clusterName: cluster }))).cluster?.clusterArn ?? "";
		const networkConfiguration = { awsvpcConfiguration: { subnets: [there.a], securityGroups: [] } };
		const define = async () => {
			const command = new RegisterTaskDefinitionCommand({
				...{ family: "tempo", networkMode: "awsvpc", requiresCompatibilities: ["FARGATE"], cpu: "256", memory: "512" },
				containerDefinitions: [{ name: "tempo", image: "tempo", cpu: 0, memory: 64 }],
			});
			return (await ecs.send(command)).taskDefinition?.taskDefinitionArn ?? "";
		};
		running = await define();
		const task = { cluster, taskDefinition: running, networkConfiguration, launchType: "FARGATE" } as const;
		await ecs.send(new CreateServiceCommand({ ...task, serviceName: "tempo", desiredCount: 1 }));
		// Moto's services start no tasks: this is one that could be of it.
		const { tasks = [] } = await ecs.send(
			new RunTaskCommand({ ...task, group: "service:tempo", startedBy: "ecs-svc/1" }),
		);
		await ecs.send(new StopTaskCommand({ cluster, task: tasks[0]?.taskArn ?? "", reason: stopped }));
		const condition = {
			ComparisonOperator: "LessThanThreshold",
			Threshold: 1,
			EvaluationPeriods: 5,
			Period: 60,
		} as const;
		const metric = { Namespace: "AWS/ECS", MetricName: "CPUUtilization", Statistic: "SampleCount" } as const;
		const put = { AlarmName: alarm, AlarmDescription: "Fewer than 1 of tempo", ...condition, ...metric };
		await new CloudWatchClient(common).send(new PutMetricAlarmCommand(put));
		wanted = await define();
	});

	it("tells of services that are gone, went back, or lack tasks, and why tasks ended", async () => {
		const about = (name: string, what: string, seen?: string) =>
			expect.objectContaining({ severity: "broken", about: name, what, ...(seen && { seen }) });
		expect(await onFargate(stack({ tempo: wanted, loki: wanted }))).toEqual([
			about("tempo", "it runs tempo:1, and tempo:2 was deployed: ECS has gone back, or somebody has"),
			about("tempo", "0 of 1 tasks run"),
			about("tempo", "its image could not be fetched", stopped),
			about("loki", "ECS has no such service"),
		]);
	});

	it("tells of failing tasks while ECS still tries", async () => {
		const [first] = await onFargate(stack({ tempo: running }));
		expect(first).toMatchObject({
			severity: "warning",
			what: "its deployment goes on, and 2 of its tasks have failed",
		});
	});

	it("tells of alarms that ring, and of no other", async () => {
		const cloudWatch = new CloudWatchClient(common);
		const set = (StateValue: "OK" | "ALARM") =>
			cloudWatch.send(new SetAlarmStateCommand({ AlarmName: alarm, StateValue, StateReason: "no datapoints" }));
		await set("OK");
		expect(await inCloudWatch(stack({}))).toEqual([]);
		await set("ALARM");
		expect(await inCloudWatch(stack({}))).toEqual([
			{
				...{ severity: "broken", about: "stack", what: `CloudWatch's alarm ${alarm} rings` },
				...{ seen: "no datapoints", todo: "Fewer than 1 of tempo" },
			},
		]);
	});
});

it("what the credentials may not look at is said, and stops nobody; what nobody knows is told alone", async () => {
	const iam = new AwsClient({ accessKeyId: "a", secretAccessKey: "b", service: "iam", region: "us-east-1" });
	const ask = async (Action: string) => {
		const body = `${new URLSearchParams({ Action, UserName: "deployer", Version: "2010-05-08" })}`;
		const headers = { "content-type": "application/x-www-form-urlencoded" };
		return (await iam.fetch(endpoint, { method: "POST", body, headers })).text();
	};
	await ask("CreateUser");
	const key = await ask("CreateAccessKey");
	const of = (tag: string) => new RegExp(`<${tag}>([^<]*)`).exec(key)?.[1] ?? "";
	// From here on moto asks who somebody is, and what they may.
	await fetch(`${endpoint}/moto-api/reset-auth`, { method: "POST", body: "0" });
	actAs({ id: of("AccessKeyId"), secret: of("SecretAccessKey") });
	const { problems, notes } = await asked();
	expect(problems).toEqual([]);
	const unseen = [
		/^aws\.vpc\.id: .*may not ec2:DescribeVpcs and ec2:DescribeVpcAttribute/,
		/^aws\.vpc\.privateSubnetIds: .*may not ec2:DescribeSubnets/,
		/^aws\.grafana\.certificateArn: .*may not acm:DescribeCertificate/,
		/^managed\.kmsKey: .*may not kms:DescribeKey/,
		/^aws\.hostedZoneId: .*may not route53:GetHostedZone/,
	];
	expect(notes).toEqual(unseen.map((one) => expect.stringMatching(one)));
	await expect(
		ailingServices({ region, cluster: "a", services: [{ name: "a", taskDefinition: "", logGroup: "" }], alarms: [] }),
	).rejects.toThrow("may not ecs:DescribeServices");

	actAs({ id: "AKIANOBODY", secret: "x" });
	expect(await asked()).toEqual({
		problems: [expect.stringMatching(/^aws: nobody knows these credentials in eu-central-1: .*[^.]\. Set AWS_PROFILE/)],
		notes: [],
	});
});
