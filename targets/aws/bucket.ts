import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { tlsOnlyPolicy } from "./iam.ts";

export interface PrivateBucketArgs {
	/** Beginning of its name, which must be unique in the world. */
	prefix: string;
	/** Key that encrypts it. @default S3's own */
	kmsKey?: string | undefined;
	/** When what lies in a folder, without slash at its end, is given up. @default never */
	expire?: { folder: string; days: number }[];
	/** Whether nobody may lose what is in it: otherwise it is emptied when it is deleted. */
	production: boolean;
	tags: Record<string, string>;
}

/** A bucket that is nobody else's: private whatever becomes of its policy, encrypted, and answering over TLS only. */
export class PrivateBucket extends pulumi.ComponentResource {
	readonly name: pulumi.Output<string>;
	readonly arn: pulumi.Output<string>;
	/** What must exist before anything is put into it. */
	readonly ready: pulumi.Resource[];

	constructor(name: string, args: PrivateBucketArgs, opts?: pulumi.ComponentResourceOptions) {
		super("tracestack:aws:PrivateBucket", name, {}, opts);
		const { prefix, kmsKey, expire = [], production, tags } = args;
		const resource = new aws.s3.Bucket(
			name,
			{ bucketPrefix: `${prefix.slice(0, 35 - name.length)}-${name}-`, forceDestroy: !production, tags },
			// Another prefix must not mean another, empty bucket.
			{ parent: this, protect: production, ignoreChanges: ["bucketPrefix"] },
		);
		const bucket = resource.id;
		const below = { parent: this };
		const algorithm = kmsKey ? { sseAlgorithm: "aws:kms", kmsMasterKeyId: kmsKey } : { sseAlgorithm: "AES256" };
		this.ready = [
			new aws.s3.BucketPublicAccessBlock(
				name,
				{ bucket, blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
				below,
			),
			// No access lists: policies alone decide.
			new aws.s3.BucketOwnershipControls(name, { bucket, rule: { objectOwnership: "BucketOwnerEnforced" } }, below),
			new aws.s3.BucketServerSideEncryptionConfiguration(
				name,
				// With a bucket's own key, KMS is asked, and paid, a hundredth as often.
				{ bucket, rules: [{ applyServerSideEncryptionByDefault: algorithm, bucketKeyEnabled: kmsKey !== undefined }] },
				below,
			),
			new aws.s3.BucketPolicy(
				name,
				{ bucket, policy: resource.arn.apply((arn) => JSON.stringify(tlsOnlyPolicy(arn))) },
				below,
			),
			new aws.s3.BucketLifecycleConfiguration(
				name,
				{
					bucket,
					rules: [
						// Parts of what was never finished are in no listing, and paid for all the same.
						{
							id: "unfinished",
							status: "Enabled",
							filter: {},
							abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
						},
						...expire.map(({ folder, days }) => ({
							id: folder,
							status: "Enabled",
							filter: { prefix: `${folder}/` },
							expiration: { days },
						})),
					],
				},
				below,
			),
		];
		this.name = bucket;
		this.arn = resource.arn;
		this.registerOutputs({ name: this.name });
	}
}
