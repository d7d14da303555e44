// Whether AWS would let a request through, by its own rules for policies.

import { runSimulation } from "@cloud-copilot/iam-simulate";

/** What IAM decides about. */
export interface IamRequest {
	action: string;
	resource: string;
	/** What conditions ask for. */
	context?: Record<string, string>;
}

const accountId = "123456789012";

/**
 * @param identity Policy of who asks.
 * @param ofResource Policy of what is asked of, where it has one.
 */
export async function isAllowed(
	{ action, resource, context = {} }: IamRequest,
	identity: unknown,
	ofResource?: unknown,
): Promise<boolean> {
	const answer = await runSimulation(
		{
			request: {
				principal: `arn:aws:iam::${accountId}:role/task`,
				action,
				resource: { resource, accountId },
				contextVariables: context,
			},
			identityPolicies: [{ name: "task", policy: identity }],
			serviceControlPolicies: [],
			resourceControlPolicies: [],
			...(ofResource !== undefined && { resourcePolicy: ofResource }),
		},
		{},
	);
	if (answer.resultType === "error") throw new Error(`${action}: ${JSON.stringify(answer.errors)}`);
	return answer.overallResult === "Allowed";
}

/** Which permission each operation of S3's API needs: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html */
const permissions: Record<string, string> = {
	AbortMultipartUpload: "s3:AbortMultipartUpload",
	CompleteMultipartUpload: "s3:PutObject",
	CreateMultipartUpload: "s3:PutObject",
	DeleteObject: "s3:DeleteObject",
	GetBucketLocation: "s3:GetBucketLocation",
	GetObject: "s3:GetObject",
	GetObjectAttributes: "s3:GetObjectAttributes",
	HeadBucket: "s3:ListBucket",
	HeadObject: "s3:GetObject",
	ListMultipartUploads: "s3:ListBucketMultipartUploads",
	ListObjects: "s3:ListBucket",
	ListObjectsV2: "s3:ListBucket",
	ListParts: "s3:ListMultipartUploadParts",
	PutObject: "s3:PutObject",
	UploadPart: "s3:PutObject",
};

/** A line of an S3 server's access log. */
export interface Logged {
	/** The access key of who asked. */
	requester: string;
	request: IamRequest;
}

/**
 * Reads an access log in S3's own format.
 *
 * @throws when an operation is not known here: it may need a permission that nobody has.
 */
export function readAccessLog(text: string): Logged[] {
	return text.split("\n").flatMap((line) => {
		const fields = /^\S+ (\S+) \[[^\]]*\] \S+ (\S+) \S+ (\S+) (\S+) (\S+) \d+ /.exec(line);
		if (!fields) return [];
		const [, bucket = "", requester = "", operation = "", key = "", uri = ""] = fields;
		const name = operation.replace(/^s3_/, "");
		const action = permissions[name];
		if (!action) throw new Error(`the access log has an operation without a permission: ${line}`);
		const ofBucket = key === "-";
		const prefix = new URL(uri, "https://s3").searchParams.get("prefix");
		const context = { "aws:SecureTransport": "true", "s3:TlsVersion": "1.3" };
		return [
			{
				requester,
				request: {
					action,
					resource: `arn:aws:s3:::${bucket}${ofBucket ? "" : `/${key}`}`,
					context: { ...context, ...(prefix !== null && { "s3:prefix": prefix }) },
				},
			},
		];
	});
}
