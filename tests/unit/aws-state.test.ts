// What of a stack on AWS outlives its tasks, and who may touch it: the whole program, under mocks.

import { beforeAll, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { type AwsStack, account, awsStack, region } from "./aws-mocks.ts";
import { ofType, one, type Recorded } from "./mocks.ts";

// There is no balancer to ask.
vi.mock("../../targets/aws/asked.ts", () => ({ askedOfAws: async () => ({ problems: [], notes: [] }) }));
vi.mock("../../targets/aws/ready.ts", () => ({ waitUntilReached: async () => undefined }));

const kmsKey = `arn:aws:kms:${region}:${account}:key/0123-4567`;
const objectType = "aws:s3/bucketObjectv2:BucketObjectv2";

let prod: AwsStack;
let staging: AwsStack;
/** With a key of its own. */
let encrypted: AwsStack;
/** Without what can be left out. */
let bare: AwsStack;

beforeAll(async () => {
	prod = await awsStack("prod");
	staging = await awsStack("staging");
	encrypted = await awsStack("staging", { managed: { kmsKey } });
	bare = await awsStack("staging", { managed: { longTermMetrics: false }, logs: { enabled: false } });
});

function bucketPart(kind: string, bucket: string, { resources } = prod): Recorded["inputs"] {
	const type = `aws:s3/bucket${kind}:Bucket${kind}`;
	return one(resources, type, bucket).inputs;
}

describe.each(["store", "configuration"])("the bucket %s", (bucket) => {
	test("can't become public, and has no access lists", () => {
		expect(bucketPart("PublicAccessBlock", bucket)).toMatchObject({
			blockPublicAcls: true,
			blockPublicPolicy: true,
			ignorePublicAcls: true,
			restrictPublicBuckets: true,
		});
		expect(bucketPart("OwnershipControls", bucket).rule).toEqual({ objectOwnership: "BucketOwnerEnforced" });
	});

	test("answers over TLS 1.2 and later only", () => {
		const { Statement } = JSON.parse(bucketPart("Policy", bucket).policy as string);
		const everything = [`arn:aws:s3:::${bucket}-id`, `arn:aws:s3:::${bucket}-id/*`];
		const deny = { Effect: "Deny", Action: "s3:*", Principal: { AWS: "*" }, Resource: everything };
		expect(Statement).toEqual([
			{ ...deny, Condition: { Bool: { "aws:SecureTransport": "false" } } },
			{ ...deny, Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } } },
		]);
	});

	test("is encrypted, with a key of the stack's where there is one", () => {
		const rules = (stack: AwsStack) => bucketPart("ServerSideEncryptionConfiguration", bucket, stack).rules;
		expect(rules(prod)).toMatchObject([{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }]);
		expect(rules(encrypted)).toMatchObject([
			{ applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: kmsKey } },
		]);
	});

	test("gives up parts of uploads that never ended after a day", () => {
		expect(bucketPart("LifecycleConfiguration", bucket).rules).toContainEqual({
			id: "unfinished",
			status: "Enabled",
			filter: {},
			abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
		});
	});

	test("is protected in production, and goes with a stack that is not", () => {
		const made = (stack: AwsStack) => one(stack.resources, "aws:s3/bucket:Bucket", bucket);
		expect(made(prod).options?.protect).toBe(true);
		expect(made(prod).inputs.forceDestroy).toBe(false);
		expect(made(staging).options?.protect).toBeUndefined();
		expect(made(staging).inputs.forceDestroy).toBe(true);
	});

	test("has a name that AWS takes", () => {
		const { bucketPrefix } = one(prod.resources, "aws:s3/bucket:Bucket", bucket).inputs;
		expect(bucketPrefix).toMatch(/^[a-z0-9][a-z0-9-]{0,36}$/);
	});
});

test("what retention would have deleted, S3 gives up a week later", () => {
	const rules = bucketPart("LifecycleConfiguration", "store").rules as { id: string }[];
	expect(rules.slice(1)).toEqual([
		{ id: "tempo", status: "Enabled", filter: { prefix: "tempo/" }, expiration: { days: 37 } },
		{ id: "loki", status: "Enabled", filter: { prefix: "loki/" }, expiration: { days: 21 } },
	]);
	expect(bucketPart("LifecycleConfiguration", "configuration").rules).toHaveLength(1);
});

describe("configuration", () => {
	const objects = ({ resources }: AwsStack) => ofType(resources, objectType);
	const definitions = ({ resources }: AwsStack) =>
		Object.fromEntries(
			ofType(resources, "aws:ecs/taskDefinition:TaskDefinition").map(({ name, inputs }) => [
				name,
				inputs.containerDefinitions as string,
			]),
		);
	/** Names of what differs between two stacks, without what the change is about. */
	const changed = (a: AwsStack, b: AwsStack) =>
		b.resources
			.filter(({ type, name, inputs }) => {
				const before = a.resources.find((other) => other.type === type && other.name === name);
				return JSON.stringify(before?.inputs) !== JSON.stringify(inputs);
			})
			.map(({ type, name }) => `${type.split(":").at(-1)} ${name}`);

	test("of a service lies under the hash of all of it, where its task fetches it", () => {
		const { key, content } = one(prod.resources, objectType, "tempo/etc/tempo/tempo.yaml").inputs;
		expect(key).toMatch(/^tempo\/[0-9a-f]{16}\/etc\/tempo\/tempo\.yaml$/);
		const from = `s3://configuration-id/${String(key).split("/").slice(0, 2).join("/")}/`;
		expect(definitions(prod).tempo).toContain(`aws s3 cp --recursive --only-show-errors '${from}' /\\n`);
		expect(parse(content as string).storage.trace.s3).toMatchObject({
			bucket: "store-id",
			endpoint: `s3.${region}.amazonaws.com`,
			prefix: "tempo",
			region,
		});
	});

	test("holds nothing that is known later by a name that only the program knows", () => {
		for (const { inputs } of objects(prod)) expect(String(inputs.content)).not.toMatch(/<aws\.\w+>/);
	});

	test("of earlier revisions stays for a task that ECS rolls back to", () => {
		for (const { name, options, inputs } of objects(prod))
			expect(options?.retainOnDelete, name).toBe(String(inputs.key).includes("/live/") ? undefined : true);
	});

	test("that changes in a line changes that file and its service, and nothing else", async () => {
		const other = await awsStack("prod", { receivers: [{ name: "audit", type: "webhook", url: "https://a.example" }] });
		expect(changed(prod, other)).toEqual([
			"TaskDefinition alertmanager",
			"BucketObjectv2 alertmanager/etc/alertmanager/alertmanager.yaml",
		]);
	});

	test("whose rules change leaves every task alone: Prometheus reads them again", async () => {
		const other = await awsStack("prod", { alerts: { errorRatio: 0.2 } });
		expect(changed(prod, other)).toEqual(["BucketObjectv2 prometheus/etc/prometheus/rules/thresholds.yaml"]);
		const containers = JSON.parse(definitions(prod).prometheus ?? "");
		const [main, , refresh] = containers;
		expect(containers.map(({ name }: { name: string }) => name)).toEqual([
			"prometheus",
			"prometheus-init",
			"prometheus-refresh",
		]);
		expect(main.command).toContain("--enable-feature=exemplar-storage,auto-reload-config");
		expect(refresh).toMatchObject({ essential: false, user: "65534:65534" });
		expect(refresh.command[0]).toContain(
			"'s3://configuration-id/prometheus/live/etc/prometheus/rules/' '/etc/prometheus/rules'",
		);
	});
});

describe("secrets", () => {
	test("stand in no task definition, file or other plain input", () => {
		const plain = JSON.stringify(prod.resources.map(({ inputs }) => inputs));
		for (const name of ["grafana-admin", "database", "objectstore-key"]) {
			expect(plain).not.toContain(`secret-of-${name}`);
			expect(plain).not.toContain(Buffer.from(`secret-of-${name}`).toString("base64"));
		}
	});

	test("S3 is opened by roles: nobody has a key", () => {
		expect(JSON.stringify(prod.resources)).not.toMatch(
			/AWS_SHARED_CREDENTIALS_FILE|AWS_ACCESS_KEY_ID|aws_access_key_id/,
		);
	});
});

describe("the file system", () => {
	const made = (type: string, { resources }: AwsStack) => ofType(resources, `aws:efs/${type}`);

	test("is encrypted, where it lies and on the way, and refuses who is not", () => {
		for (const stack of [prod, staging]) {
			expect(made("fileSystem:FileSystem", stack).map(({ inputs }) => inputs.encrypted)).toEqual([true]);
			const [policy] = made("fileSystemPolicy:FileSystemPolicy", stack);
			expect(JSON.parse(policy?.inputs.policy as string).Statement).toEqual([
				{
					...{ Effect: "Deny", Action: "*", Principal: { AWS: "*" } },
					Resource: `arn:aws:efs:${region}:${account}:filesystem/volumes`,
					Condition: { Bool: { "aws:SecureTransport": "false" } },
				},
			]);
		}
	});

	test("is mounted through each service's own directory, as its role, over TLS", () => {
		const mounts = ofType(prod.resources, "aws:ecs/taskDefinition:TaskDefinition").flatMap(({ name, inputs }) =>
			(inputs.volumes as { name: string; efsVolumeConfiguration?: object }[])
				.filter(({ efsVolumeConfiguration }) => efsVolumeConfiguration)
				.map(({ efsVolumeConfiguration }) => [name, efsVolumeConfiguration]),
		);
		const through = (service: string) => [
			service,
			{
				fileSystemId: "volumes-id",
				transitEncryption: "ENABLED",
				authorizationConfig: { accessPointId: `${service}-data-id`, iam: "ENABLED" },
			},
		];
		expect(mounts).toEqual(["alertmanager", "loki", "tempo"].map(through));
	});

	test("is backed up every day in production", () => {
		const policies = (stack: AwsStack) =>
			made("backupPolicy:BackupPolicy", stack).map(({ inputs }) => inputs.backupPolicy);
		expect(policies(prod)).toEqual([{ status: "ENABLED" }]);
		expect(policies(staging)).toEqual([]);
	});
});

test("in production what keeps something can't be deleted by mistake, elsewhere nothing stays behind", () => {
	const kept = ({ resources }: AwsStack) =>
		resources.filter(({ options }) => options?.protect).map(({ type, name }) => `${type.split(":").at(-1)} ${name}`);
	expect(kept(prod)).toEqual([
		"Workspace metrics",
		"FileSystem volumes",
		"Instance database",
		"Bucket configuration",
		"Bucket store",
	]);
	expect(kept(staging)).toEqual([]);
});

test("a key of the stack's own encrypts what can be encrypted with one", () => {
	const keys = ({ resources }: AwsStack, type: string, property: string) => [
		...new Set(ofType(resources, type).map(({ inputs }) => inputs[property])),
	];
	for (const [type, property] of [
		["aws:rds/instance:Instance", "kmsKeyId"],
		["aws:efs/fileSystem:FileSystem", "kmsKeyId"],
		["aws:secretsmanager/secret:Secret", "kmsKeyId"],
		["aws:amp/workspace:Workspace", "kmsKeyArn"],
	] as const) {
		expect(keys(encrypted, type, property), type).toEqual([kmsKey]);
		expect(keys(prod, type, property), type).toEqual([undefined]);
	}
});

describe("the database", () => {
	const database = ({ resources }: AwsStack) => one(resources, "aws:rds/instance:Instance", "database");

	test("in production lies in two zones, is backed up, and can't be deleted by mistake", () => {
		const { inputs, options } = database(prod);
		expect(inputs).toMatchObject({
			backupRetentionPeriod: 14,
			deletionProtection: true,
			engine: "postgres",
			finalSnapshotIdentifier: "tracestack-prod-final",
			multiAz: true,
			password: "[secret]",
			publiclyAccessible: false,
			skipFinalSnapshot: false,
			storageEncrypted: true,
		});
		expect(options?.protect).toBe(true);
	});

	test("in staging is one small instance that goes with the stack", () => {
		const { inputs, options } = database(staging);
		expect(inputs).toMatchObject({
			// A day of it can be gone back in, to the second.
			backupRetentionPeriod: 1,
			deletionProtection: false,
			instanceClass: "db.t4g.micro",
			multiAz: false,
			skipFinalSnapshot: true,
			storageEncrypted: true,
		});
		expect(options?.protect).toBeUndefined();
	});

	test("is where Grafana keeps its state, over TLS, with a password out of a file", () => {
		const ini = one(prod.resources, objectType, "grafana/etc/grafana/grafana.ini").inputs.content as string;
		expect(ini.slice(ini.indexOf("[database]")).trim().split("\n")).toEqual([
			"[database]",
			"type = postgres",
			"host = database.rds.amazonaws.com:5432",
			"name = grafana",
			"user = tracestack",
			"password = $__file{/etc/grafana/secrets/database-password}",
			"ssl_mode = require",
		]);
		expect(one(prod.resources, "aws:ecs/service:Service", "grafana").options?.dependsOn).toContain(
			"aws:rds/instance:Instance database",
		);
	});
});

test("metrics of the recent window never fill their task's disk: the oldest go first", () => {
	const commandOf = ({ resources }: AwsStack) =>
		one(resources, "aws:ecs/taskDefinition:TaskDefinition", "prometheus").inputs.containerDefinitions;
	expect(commandOf(prod)).toContain("--storage.tsdb.retention.size=16GB");
});

describe("long-term metrics", () => {
	const remoteWrite = ({ resources }: AwsStack) =>
		parse(one(resources, objectType, "prometheus/etc/prometheus/prometheus.yaml").inputs.content as string)
			.remote_write;
	const endpoint = `https://aps-workspaces.${region}.amazonaws.com/workspaces/ws-1`;

	test("are what Prometheus writes to Amazon's, signed by its role and without exemplars, which are not kept there", () => {
		expect(remoteWrite(prod)).toMatchObject([
			{
				url: `${endpoint}/api/v1/remote_write`,
				sigv4: { region },
				send_exemplars: false,
				send_native_histograms: true,
			},
		]);
		expect(one(prod.resources, "aws:amp/workspace:Workspace", "metrics").options?.protect).toBe(true);
	});

	test("are in Grafana beside the recent window, by the datasource that signs", () => {
		const source = one(prod.resources, "grafana:oss/dataSource:DataSource", "prometheus-long-term").inputs;
		expect(source).toMatchObject({ type: "grafana-amazonprometheus-datasource", url: endpoint, isDefault: false });
		expect(JSON.parse(source.jsonDataEncoded as string)).toMatchObject({ sigV4Auth: true, sigV4Region: region });
		const definition = one(prod.resources, "aws:ecs/taskDefinition:TaskDefinition", "grafana").inputs;
		expect(definition.containerDefinitions).toContain("grafana-amazonprometheus-datasource@");
	});

	test("are a matter of choice", () => {
		expect(remoteWrite(bare)).toBeUndefined();
		expect(ofType(bare.resources, "aws:amp/workspace:Workspace")).toEqual([]);
		expect(JSON.stringify(bare.resources)).not.toContain("aps:");
	});
});

test("what is switched off runs nowhere, and keeps its directory", () => {
	const { resources } = bare;
	expect(resources.filter(({ type, name }) => type.startsWith("aws:ecs/") && /loki|objectstore/.test(name))).toEqual(
		[],
	);
	expect(one(resources, "aws:efs/accessPoint:AccessPoint", "loki-data").inputs.rootDirectory).toMatchObject({
		path: "/loki/data",
	});
});
