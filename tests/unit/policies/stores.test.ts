import type { Props } from "../../../policies/rule.ts";
import { cases, resource, unknown } from "./cases.ts";

const bucket = (props: Props = {}, protect = true) =>
	resource("aws:s3/bucket:Bucket", props, { urn: "urn:bucket", protect });
const ofBucket = (kind: string, props: Props) =>
	resource(`aws:s3/x:${kind}`, props, { name: kind, from: { bucket: ["urn:bucket"] } });
const tlsOnly = {
	Effect: "Deny",
	Action: "s3:*",
	Principal: "*",
	Condition: { Bool: { "aws:SecureTransport": "false" } },
};
const blocked = { blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true };
const aroundBucket = [
	ofBucket("BucketPublicAccessBlock", blocked),
	ofBucket("BucketServerSideEncryptionConfigurationV2", {}),
	ofBucket("BucketPolicy", { policy: JSON.stringify({ Statement: [tlsOnly] }) }),
	ofBucket("BucketLifecycleConfigurationV2", {}),
];
const without = (kind: string) => aroundBucket.filter(({ name }) => !name.startsWith(kind));

const database = (props: Props = {}, protect = true) =>
	resource(
		"aws:rds/instance:Instance",
		{ deletionProtection: true, multiAz: true, backupRetentionPeriod: 7, ...props },
		{ urn: "urn:database", protect },
	);
const fileSystem = (props: Props = {}) =>
	resource("aws:efs/fileSystem:FileSystem", props, { urn: "urn:files", protect: true });
const backup = (status: string) =>
	resource(
		"aws:efs/backupPolicy:BackupPolicy",
		{ backupPolicy: { status } },
		{ from: { fileSystemId: ["urn:files"] } },
	);

cases(
	[
		["a protected volume", "protected-stores", [resource("docker:index/volume:Volume", {}, { protect: true })]],
		["a protected database", "protected-stores", [database()]],
		["a protected bucket", "protected-stores", [bucket()]],
		["backups", "retention", [database(), fileSystem(), backup("ENABLED")]],
		["a lifecycle", "retention", [bucket(), ...aroundBucket]],
		["logs for some time", "retention", [resource("aws:cloudwatch/logGroup:LogGroup", { retentionInDays: 30 })]],
		["a private bucket", "private-buckets", [bucket(), ...aroundBucket]],
		[
			"a bucket whose policy is not known yet",
			"private-buckets",
			[bucket(), ...without("BucketPolicy"), ofBucket("BucketPolicy", { policy: unknown })],
		],
		["two zones", "many-zones", [database(), fileSystem()]],
	],
	[
		["a volume", "protected-stores", [resource("docker:index/volume:Volume", {})], /give it protect: true/],
		["a database", "protected-stores", [database({ deletionProtection: false })], /set deletionProtection/],
		[
			"a database without a last snapshot",
			"protected-stores",
			[database({ skipFinalSnapshot: true })],
			/leave skipFinalSnapshot out/,
		],
		["a bucket that empties itself", "protected-stores", [bucket({ forceDestroy: true })], /forceDestroy/],
		[
			"short backups",
			"retention",
			[database({ backupRetentionPeriod: 1 })],
			/less than 7 days: set backupRetentionPeriod/,
		],
		["no backup", "retention", [fileSystem(), backup("DISABLED")], /BackupPolicy/],
		["no lifecycle", "retention", [bucket(), ...without("BucketLifecycle")], /BucketLifecycleConfiguration/],
		["logs for ever", "retention", [resource("aws:cloudwatch/logGroup:LogGroup", {})], /set retentionInDays/],
		["a public bucket", "private-buckets", [bucket(), ...without("BucketPublic")], /can become public: add/],
		[
			"a half private bucket",
			"private-buckets",
			[
				bucket(),
				...without("BucketPublic"),
				ofBucket("BucketPublicAccessBlock", { ...blocked, blockPublicAcls: false }),
			],
			/all four/,
		],
		["a public ACL", "private-buckets", [bucket({ acl: "public-read" }), ...aroundBucket], /can become public/],
		["no encryption", "private-buckets", [bucket(), ...without("BucketServer")], /names no encryption/],
		["no TLS", "private-buckets", [bucket(), ...without("BucketPolicy")], /answers without TLS/],
		["one zone", "many-zones", [database({ multiAz: false })], /set multiAz/],
		[
			"files in one zone",
			"many-zones",
			[fileSystem({ availabilityZoneName: "eu-west-1a" })],
			/leave availabilityZoneName out/,
		],
	],
);
