// Who on AWS may do what: every statement of every role, and what IAM would decide by them.

import { beforeAll, describe, expect, test, vi } from "vitest";
import { isAllowed } from "../iam.ts";
import { type AwsStack, account, awsStack, region } from "./aws-mocks.ts";
import { ofType, one } from "./mocks.ts";

// There is no balancer to ask.
vi.mock("../../targets/aws/asked.ts", () => ({ askedOfAws: async () => ({ problems: [], notes: [] }) }));
vi.mock("../../targets/aws/ready.ts", () => ({ waitUntilReached: async () => undefined }));

const kmsKey = `arn:aws:kms:${region}:${account}:key/0123-4567`;
const workspaceArn = `arn:aws:aps:${region}:${account}:workspace/metrics`;

let prod: AwsStack;
/** With a key of its own. */
let encrypted: AwsStack;

beforeAll(async () => {
	prod = await awsStack("prod");
	encrypted = await awsStack("staging", { managed: { kmsKey } });
});

/** `Action on Resource` of each statement, with what it depends on. */
function allowed(role: string, { resources } = prod): string[] {
	const { Statement } = JSON.parse(one(resources, "aws:iam/rolePolicy:RolePolicy", role).inputs.policy as string);
	return Statement.map(({ Action, Resource, Condition }: Record<string, unknown>) =>
		[
			[Action].flat().join(" "),
			"on",
			[Resource].flat().join(" "),
			...(Condition ? [JSON.stringify(Condition)] : []),
		].join(" "),
	);
}

describe("what roles may do, all of it:", () => {
	const read = (service: string) => [
		`s3:ListBucket on arn:aws:s3:::configuration-id {"StringLike":{"s3:prefix":["${service}","${service}/*"]}}`,
		`s3:GetObject on arn:aws:s3:::configuration-id/${service}/*`,
	];
	const write = (folder: string) => [
		`s3:ListBucket on arn:aws:s3:::store-id {"StringLike":{"s3:prefix":["${folder}","${folder}/*"]}}`,
		`s3:AbortMultipartUpload s3:DeleteObject s3:GetObject s3:ListMultipartUploadParts s3:PutObject on arn:aws:s3:::store-id/${folder}/*`,
	];
	const mount = (volume: string) =>
		`elasticfilesystem:ClientMount elasticfilesystem:ClientWrite on arn:aws:efs:${region}:${account}:filesystem/volumes {"StringEquals":{"elasticfilesystem:AccessPointArn":["arn:aws:efs:${region}:${account}:accesspoint/${volume}"]}}`;

	test.each([
		["tempo", [mount("tempo-data"), ...read("tempo"), ...write("tempo")]],
		["loki", [mount("loki-data"), ...read("loki"), ...write("loki")]],
		["collector", read("collector")],
		["alertmanager", [mount("alertmanager-data"), ...read("alertmanager")]],
		["prometheus", [...read("prometheus"), `aps:RemoteWrite on ${workspaceArn}`]],
		[
			"grafana",
			[...read("grafana"), `aps:GetLabels aps:GetMetricMetadata aps:GetSeries aps:QueryMetrics on ${workspaceArn}`],
		],
	])("%s", (service, statements) => {
		expect(allowed(`${service}-task`)).toEqual(statements);
	});

	test("the agent that starts Grafana: its log, its secrets", () => {
		const secret = (name: string) =>
			`arn:aws:secretsmanager:${region}:${account}:secret/grafana-etc-grafana-secrets-${name}`;
		expect(allowed("grafana-execution")).toEqual([
			`logs:CreateLogStream logs:PutLogEvents on arn:aws:cloudwatch:${region}:${account}:loggroup/grafana:*`,
			`secretsmanager:GetSecretValue on ${["admin", "metrics", "database"].map((of) => secret(`${of}-password`)).join(" ")}`,
		]);
	});

	test("a key of the stack's own opens by S3 only, and for writers only to write", () => {
		const viaS3 = `{"StringEquals":{"kms:ViaService":"s3.${region}.amazonaws.com"}}`;
		expect(allowed("collector-task", encrypted)).toContain(`kms:Decrypt on ${kmsKey} ${viaS3}`);
		expect(allowed("collector-task", encrypted).join()).not.toContain("kms:GenerateDataKey");
		expect(allowed("tempo-task", encrypted)).toContain(`kms:Decrypt kms:GenerateDataKey on ${kmsKey} ${viaS3}`);
		expect(allowed("grafana-execution", encrypted)).toContain(`kms:Decrypt on ${kmsKey}`);
	});

	const inBucket = { "aws:SecureTransport": "true", "s3:TlsVersion": "1.3" };
	const below = (prefix: string) => ({ ...inBucket, "s3:prefix": prefix });
	const decide = (role: string, action: string, resource: string, context: Record<string, string> = inBucket) => {
		const policyIn = (type: string, name: string) =>
			JSON.parse(one(prod.resources, type, name).inputs.policy as string);
		const bucket = /^arn:aws:s3:::(\w+)-id/.exec(resource)?.[1];
		return isAllowed(
			{ action, resource, context: bucket ? context : {} },
			policyIn("aws:iam/rolePolicy:RolePolicy", role),
			bucket && policyIn("aws:s3/bucketPolicy:BucketPolicy", bucket),
		);
	};
	const store = "arn:aws:s3:::store-id";
	const configuration = "arn:aws:s3:::configuration-id";
	type Case = [role: string, action: string, resource: string, context?: Record<string, string>];

	test.each<Case>([
		["tempo-task", "s3:GetObject", `${store}/tempo/single-tenant/1/meta.json`],
		["tempo-task", "s3:PutObject", `${store}/tempo/single-tenant/1/data.parquet`],
		["tempo-task", "s3:AbortMultipartUpload", `${store}/tempo/single-tenant/1/data.parquet`],
		["tempo-task", "s3:ListBucket", store, below("tempo/single-tenant/")],
		["loki-task", "s3:DeleteObject", `${store}/loki/fake/1`],
		["collector-task", "s3:ListBucket", configuration, below("collector/0123/")],
		["prometheus-task", "s3:GetObject", `${configuration}/prometheus/live/etc/prometheus/rules/a.yaml`],
		["prometheus-task", "aps:RemoteWrite", workspaceArn],
		["grafana-task", "aps:QueryMetrics", workspaceArn],
	])("%s may %s on %s", async (role, action, resource, context) => {
		expect(await decide(role, action, resource, context)).toBe(true);
	});

	test.each<Case>([
		["tempo-task", "s3:GetObject", `${store}/loki/fake/1`],
		["tempo-task", "s3:GetObject", `${store}/tempo-of-another/1`],
		["tempo-task", "s3:GetObject", `${store}/tempo/1`, { "aws:SecureTransport": "false" }],
		["tempo-task", "s3:GetObject", `${store}/tempo/1`, { ...inBucket, "s3:TlsVersion": "1.1" }],
		["tempo-task", "s3:ListBucket", store],
		["tempo-task", "s3:ListBucket", store, below("")],
		["tempo-task", "s3:ListBucket", store, below("loki/")],
		["tempo-task", "s3:PutObject", `${configuration}/tempo/0123/etc/tempo/tempo.yaml`],
		["tempo-task", "s3:GetObject", `${configuration}/grafana/0123/etc/grafana/grafana.ini`],
		["tempo-task", "s3:PutObjectAcl", `${store}/tempo/1`],
		["tempo-task", "s3:DeleteObjectVersion", `${store}/tempo/1`],
		["tempo-task", "s3:PutBucketPolicy", store],
		["tempo-task", "s3:PutLifecycleConfiguration", store],
		["tempo-task", "s3:DeleteBucket", store],
		["tempo-task", "secretsmanager:GetSecretValue", `arn:aws:secretsmanager:${region}:${account}:secret:any-abcdef`],
		["loki-task", "s3:DeleteObject", `${store}/tempo/1`],
		["collector-task", "s3:PutObject", `${store}/tempo/1`],
		["alertmanager-task", "s3:GetObject", `${store}/tempo/1`],
		["prometheus-task", "aps:QueryMetrics", workspaceArn],
		["prometheus-task", "aps:DeleteWorkspace", workspaceArn],
		["prometheus-task", "s3:DeleteObject", `${configuration}/prometheus/live/etc/prometheus/rules/a.yaml`],
		["grafana-task", "aps:RemoteWrite", workspaceArn],
		["grafana-task", "rds:DeleteDBInstance", `arn:aws:rds:${region}:${account}:db:database`],
		["grafana-execution", "s3:GetObject", `${configuration}/grafana/0123/etc/grafana/grafana.ini`],
	])("%s may not %s on %s", async (role, action, resource, context) => {
		expect(await decide(role, action, resource, context)).toBe(false);
	});

	test("nobody but ECS's tasks takes a role on", () => {
		for (const { resources } of [prod, encrypted]) {
			const roles = ofType(resources, "aws:iam/role:Role");
			expect(roles).toHaveLength(12);
			for (const { name, inputs } of roles)
				expect(JSON.parse(inputs.assumeRolePolicy as string).Statement, name).toEqual([
					{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "ecs-tasks.amazonaws.com" } },
				]);
		}
	});

	test("no statement has a wildcard for an action, or for everything", () => {
		for (const { resources } of [prod, encrypted])
			for (const { name, inputs } of ofType(resources, "aws:iam/rolePolicy:RolePolicy"))
				for (const { Action, Resource } of JSON.parse(inputs.policy as string).Statement) {
					expect(String(Action), name).not.toContain("*");
					for (const arn of [Resource].flat()) expect(arn, name).toMatch(/^arn:aws:[a-z0-9]+:[^*]*:[^*]+\/?(\*)?$/);
				}
	});
});
