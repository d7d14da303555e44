// Policies as plain data: each role gets what its workload needs and nothing else.

/** A policy document. */
export interface Policy {
	Version: "2012-10-17";
	Statement: Statement[];
}

/** What a policy says of one matter. */
export interface Statement {
	Effect: "Allow" | "Deny";
	Action: string | string[];
	Resource?: string | string[];
	Principal?: Record<string, string>;
	Condition?: Record<string, Record<string, string | string[]>>;
}

/** Lets ECS tasks, and nothing else, take on a role. */
export const assumedByTasks: Policy = {
	Version: "2012-10-17",
	Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "ecs-tasks.amazonaws.com" } }],
};

/** Statements as one policy. */
export function policyOf(statements: Statement[]): Policy {
	return { Version: "2012-10-17", Statement: statements };
}

/**
 * For the agent that starts a task: its own log group, its own secrets, its images where they lie in ECR.
 *
 * @param kmsKey What encrypts the secrets, where that is not the account's own key.
 */
export function executionPolicy(
	logGroupArn: string,
	secretArns: string[],
	images: string[],
	kmsKey?: string | undefined,
): Policy {
	const allow = (Action: string | string[], Resource: string | string[]): Statement => ({
		Effect: "Allow",
		Action,
		Resource,
	});
	const repositories = images.flatMap(ecrRepository);
	return policyOf([
		allow(["logs:CreateLogStream", "logs:PutLogEvents"], `${logGroupArn}:*`),
		...(secretArns.length > 0 ? [allow("secretsmanager:GetSecretValue", secretArns)] : []),
		...(secretArns.length > 0 && kmsKey ? [allow("kms:Decrypt", kmsKey)] : []),
		// The first names no resource.
		...(repositories.length > 0
			? [
					allow("ecr:GetAuthorizationToken", "*"),
					allow(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], repositories),
				]
			: []),
	]);
}

/** For the workload itself: its own directories on the file system. */
export function efsClient(fileSystemArn: string, accessPointArns: string[]): Statement[] {
	return [
		{
			Effect: "Allow",
			Action: ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
			Resource: fileSystemArn,
			Condition: { StringEquals: { "elasticfilesystem:AccessPointArn": accessPointArns } },
		},
	];
}

const objectActions = {
	read: ["s3:GetObject"],
	// Large objects are uploaded in parts.
	write: ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"],
};

/** For the workload itself: objects in one folder of a bucket, and their names. */
export function bucketFolder(bucketArn: string, folder: string, access: "read" | "write"): Statement[] {
	return [
		{
			Effect: "Allow",
			Action: "s3:ListBucket",
			Resource: bucketArn,
			Condition: { StringLike: { "s3:prefix": [folder, `${folder}/*`] } },
		},
		{ Effect: "Allow", Action: objectActions[access], Resource: `${bucketArn}/${folder}/*` },
	];
}

/** For the workload itself: what S3 asks of the key of a bucket when somebody reads or writes. */
export function bucketKey(keyArn: string, region: string, access: "read" | "write"): Statement[] {
	return [
		{
			Effect: "Allow",
			Action: access === "write" ? ["kms:Decrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"],
			Resource: keyArn,
			Condition: { StringEquals: { "kms:ViaService": `s3.${region}.amazonaws.com` } },
		},
	];
}

const metricActions = {
	"remote-write": ["aps:RemoteWrite"],
	query: ["aps:GetLabels", "aps:GetMetricMetadata", "aps:GetSeries", "aps:QueryMetrics"],
};

/** For the workload itself: the stack's long-term metrics. */
export function workspaceAccess(workspaceArn: string, access: "remote-write" | "query"): Statement[] {
	return [{ Effect: "Allow", Action: metricActions[access], Resource: workspaceArn }];
}

/** For a bucket: nobody without TLS, or with a version of it that is broken. */
export function tlsOnlyPolicy(bucketArn: string): Policy {
	const deny: Statement = {
		Effect: "Deny",
		Action: "s3:*",
		Principal: { AWS: "*" },
		Resource: [bucketArn, `${bucketArn}/*`],
	};
	return policyOf([
		{ ...deny, Condition: { Bool: { "aws:SecureTransport": "false" } } },
		{ ...deny, Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } } },
	]);
}

/**
 * For the file system: nobody without TLS. Having any policy of its own also ends EFS's default, which gives everything to
 * anyone who reaches a mount target.
 */
export function fileSystemPolicy(fileSystemArn: string): Policy {
	return {
		Version: "2012-10-17",
		Statement: [
			{
				Effect: "Deny",
				Action: "*",
				Principal: { AWS: "*" },
				Resource: fileSystemArn,
				Condition: { Bool: { "aws:SecureTransport": "false" } },
			},
		],
	};
}

function ecrRepository(image: string): string[] {
	const found = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com\/([^:@]+)/.exec(image);
	return found ? [`arn:aws:ecr:${found[2]}:${found[1]}:repository/${found[3]}`] : [];
}
