// Settings about where traces and logs are stored.

import { z } from "zod";
import type { Conflict } from "./explain.ts";
import { credential, hasPort } from "./kinds.ts";
import { objectAt, type Raw } from "./raw.ts";

const bucketName = (what: string) =>
	z
		.string()
		.regex(/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/)
		.meta({
			description: `${what} for traces and logs. It must exist.`,
			allowed: "3 to 63 lower-case letters, digits, dots, hyphens",
		});

const prefix = z
	.string()
	.regex(/^[A-Za-z0-9](-?[A-Za-z0-9]){0,39}$/)
	.optional()
	.meta({
		description: "Prefix of the folders `tempo` and `loki` in it, if several stacks share it: `<prefix>-tempo`.",
		allowed: "up to 40 letters, digits and single hyphens: Loki takes no others",
	});

const s3 = z
	.strictObject({
		backend: z.literal("s3"),
		bucket: bucketName("Bucket").optional(),
		endpoint: z
			.string()
			.regex(/^[A-Za-z0-9.-]+(:\d{1,5})?$/)
			.refine(hasPort)
			.optional()
			.meta({
				description: "Host of the S3 API, without scheme.",
				allowed: "a host, or host:port",
				defaultInWords:
					"on Docker an S3 server of the stack's own, with a volume, a bucket and a random key; on AWS a bucket of the stack's own, opened by roles",
			}),
		region: z.string().min(1).optional().meta({
			description: "Region, if the endpoint does not imply it.",
			allowed: "a region, such as eu-central-1",
		}),
		prefix,
		insecure: z
			.boolean()
			.default(false)
			.meta({ description: "Plain HTTP, for an S3 server in the same private network." }),
		forcePathStyle: z.boolean().default(false).meta({
			description: "Bucket in the path and not in the host name, as most S3 servers other than AWS need.",
		}),
		accessKeyId: credential("Access key; without it the SDK's own chain is used, such as a task's role."),
		secretAccessKey: credential("Its secret."),
	})
	.meta({ description: "S3, or a server that speaks its API." });

/** Where Tempo and Loki store. */
export const storage = z
	.discriminatedUnion("backend", [
		z.strictObject({ backend: z.literal("local") }).meta({ description: "Each service's own volume." }),
		s3,
		z
			.strictObject({
				backend: z.literal("gcs"),
				bucket: bucketName("Bucket"),
				prefix,
				serviceAccountKey: credential("JSON key of a service account; without it the machine's own identity is used."),
			})
			.meta({ description: "Google Cloud Storage." }),
		z
			.strictObject({
				backend: z.literal("azure"),
				container: bucketName("Blob container"),
				account: z
					.string()
					.regex(/^[a-z0-9]{3,24}$/)
					.meta({ description: "Storage account.", allowed: "3 to 24 lower-case letters and digits" }),
				prefix,
				accountKey: credential("Key of the account; without it the machine's managed identity is used."),
			})
			.meta({ description: "Azure Blob Storage." }),
	])
	.optional()
	.meta({
		description:
			"Where Tempo stores its blocks and Loki its chunks. After a change, older data stays where it was and is not read until the setting is changed back.",
		defaultInWords: "`backend: local`; on AWS `backend: s3`, a bucket of the stack's own",
	});

/** Where a stack stores that does not say. */
export function storageOn(target: "docker" | "aws"): NonNullable<z.infer<typeof storage>> {
	return target === "aws" ? s3.parse({ backend: "s3" }) : { backend: "local" };
}

/** What is missing of an S3 that is not the stack's own. */
export function storageConflicts(raw: Raw): Conflict[] {
	const storage = objectAt(raw, "storage");
	if (storage.backend !== "s3") return [];
	const missing = (key: string, why: string) => ({ path: ["storage", key], problem: `is missing: ${why}` });
	const given = (key: string) => storage[key] !== undefined;
	const elsewhere = ["bucket", "endpoint", "region", "accessKeyId", "secretAccessKey"].filter(given);
	const conflicts: Conflict[] = [];
	if (elsewhere.length > 0) {
		if (!given("endpoint")) conflicts.push(missing("endpoint", "only Docker has an S3 server of the stack's own"));
		if (!given("bucket")) conflicts.push(missing("bucket", "only the stack's own S3 server makes one"));
	}
	for (const [one, other] of [["accessKeyId", "secretAccessKey"] as const, ["secretAccessKey", "accessKeyId"] as const])
		if (given(one) && !given(other)) conflicts.push(missing(other, "a key has two parts"));
	return conflicts;
}
