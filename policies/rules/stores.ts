// What holds data: it can't be deleted by mistake, is kept and given up as declared, and is nobody else's.

import {
	comesFrom,
	documentOf,
	kindOf,
	listOf,
	objectOf,
	type Resource,
	type Rule,
	textsOf,
	type Violation,
} from "../rule.ts";

/** Kinds of stores, and what they must say beside `protect`. */
const stores: Record<string, (props: Resource["props"]) => string[]> = {
	"docker:index:Volume": () => [],
	"aws:s3:Bucket": ({ forceDestroy }) => (forceDestroy === true ? ["forceDestroy empties it first: leave it out"] : []),
	"aws:efs:FileSystem": () => [],
	"aws:amp:Workspace": () => [],
	"aws:rds:Instance": database,
	"aws:rds:Cluster": database,
	"aws:dynamodb:Table": ({ deletionProtectionEnabled }) =>
		deletionProtectionEnabled ? [] : ["AWS itself would delete it: set deletionProtectionEnabled"],
};

function database({ deletionProtection, skipFinalSnapshot }: Resource["props"]): string[] {
	return [
		...(deletionProtection ? [] : ["AWS itself would delete it: set deletionProtection"]),
		...(skipFinalSnapshot === true ? ["nothing would be left of it: leave skipFinalSnapshot out"] : []),
	];
}

export const protectedStores: Rule = {
	name: "protected-stores",
	description: "In production what holds data can't be deleted by mistake.",
	production: true,
	one: (resource) => {
		const more = stores[kindOf(resource)];
		if (!more) return [];
		const engine = resource.protect ? [] : ["the engine would delete it when asked: give it protect: true"];
		return [...engine, ...more(resource.props)];
	},
};

const backupDays = 7;

export const retention: Rule = {
	name: "retention",
	description: "In production what is stored is backed up, and given up, as declared.",
	production: true,
	all: (resources) => resources.flatMap((resource) => say(resource, notKept(resource, resources))),
};

function notKept(resource: Resource, all: Resource[]): string[] {
	const { backupRetentionPeriod: days, retentionInDays, pointInTimeRecovery } = resource.props;
	const has = (kind: string, property: string, is: (other: Resource) => boolean) =>
		all.some((other) => kindOf(other) === kind && comesFrom(other, property, resource) && is(other));
	switch (kindOf(resource)) {
		case "aws:rds:Instance":
		case "aws:rds:Cluster":
			if (days !== undefined && !(typeof days === "number" && days < backupDays)) return [];
			return [`its backups are kept for less than ${backupDays} days: set backupRetentionPeriod`];
		case "aws:dynamodb:Table":
			return objectOf(pointInTimeRecovery).enabled ? [] : ["it has no backup: enable pointInTimeRecovery"];
		case "aws:cloudwatch:LogGroup":
			return retentionInDays ? [] : ["logs are kept, and paid for, for ever: set retentionInDays"];
		case "aws:efs:FileSystem":
			if (has("aws:efs:BackupPolicy", "fileSystemId", isBackedUp)) return [];
			return ["it has no backup: add an aws.efs.BackupPolicy with status ENABLED"];
		case "aws:s3:Bucket":
			if (listOf(resource.props.lifecycleRules).length > 0) return [];
			if (has("aws:s3:BucketLifecycleConfiguration", "bucket", () => true)) return [];
			return ["what is in it is never given up: add an aws.s3.BucketLifecycleConfiguration"];
		default:
			return [];
	}
}

function isBackedUp({ props }: Resource): boolean {
	return objectOf(props.backupPolicy).status !== "DISABLED";
}

export const manyZones: Rule = {
	name: "many-zones",
	description: "In production what holds state survives the loss of an availability zone.",
	production: true,
	all: (resources) => resources.flatMap((resource) => say(resource, inOneZone(resource, resources))),
};

function inOneZone(resource: Resource, all: Resource[]): string[] {
	const { multiAz, availabilityZoneName } = resource.props;
	switch (kindOf(resource)) {
		case "aws:rds:Instance":
			return multiAz ? [] : ["it is in one availability zone: set multiAz"];
		case "aws:rds:Cluster": {
			const instances = all.filter(
				(one) => kindOf(one) === "aws:rds:ClusterInstance" && comesFrom(one, "clusterIdentifier", resource),
			);
			return instances.length > 1 ? [] : ["it has fewer than two instances: add an aws.rds.ClusterInstance"];
		}
		case "aws:efs:FileSystem":
			return availabilityZoneName ? ["it is in one availability zone: leave availabilityZoneName out"] : [];
		default:
			return [];
	}
}

export const privateBuckets: Rule = {
	name: "private-buckets",
	description: "A bucket is private, encrypted, and answers over TLS only.",
	all: (resources) =>
		resources
			.filter((resource) => kindOf(resource) === "aws:s3:Bucket")
			.flatMap((bucket) => say(bucket, wrongWithBucket(bucket, resources))),
};

const blocks = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];

function wrongWithBucket(bucket: Resource, all: Resource[]): string[] {
	const of = (kind: string) => all.filter((other) => kindOf(other) === kind && comesFrom(other, "bucket", bucket));
	const isPrivate = of("aws:s3:BucketPublicAccessBlock").some(({ props }) => blocks.every((block) => props[block]));
	const isPublic = [bucket, ...of("aws:s3:BucketAcl")].some(({ props }) => /^public/.test(String(props.acl ?? "")));
	const isEncrypted =
		bucket.props.serverSideEncryptionConfiguration !== undefined ||
		of("aws:s3:BucketServerSideEncryptionConfiguration").length > 0;
	const policies = of("aws:s3:BucketPolicy");
	return [
		...(isPrivate && !isPublic
			? []
			: ["it can become public: add an aws.s3.BucketPublicAccessBlock with all four set"]),
		...(isEncrypted ? [] : ["it names no encryption: add an aws.s3.BucketServerSideEncryptionConfiguration"]),
		...(policies.some(({ props }) => refusesPlain(props.policy))
			? []
			: ["it answers without TLS: add an aws.s3.BucketPolicy that denies where aws:SecureTransport is false"]),
	];
}

/** Whether a policy denies everything that comes without TLS; one that is not known yet may. */
function refusesPlain(policy: unknown): boolean {
	if (typeof policy === "symbol") return true;
	const { Statement } = objectOf(documentOf(policy));
	const statements = Array.isArray(Statement) ? listOf(Statement) : [objectOf(Statement)];
	return statements.some(({ Effect, Action, Condition }) => {
		const transport = objectOf(objectOf(Condition).Bool)["aws:SecureTransport"];
		return (
			Effect === "Deny" && textsOf(Action).some((action) => /^(s3:)?\*$/.test(action)) && String(transport) === "false"
		);
	});
}

function say(resource: Resource, messages: string[]): Violation[] {
	return messages.map((message) => ({ resource, message }));
}
