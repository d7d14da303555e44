// Settings about what AWS keeps for a stack beside its tasks.

import { z } from "zod";

/** What outlives every task on AWS. */
export const managed = z
	.strictObject({
		kmsKey: z
			.string()
			.regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/)
			.optional()
			.meta({
				description:
					"KMS key that encrypts buckets, the database, the file system, secrets and long-term metrics. Choose it before the first `up`: another key means another database and another file system.",
				allowed: "a key's ARN",
				defaultInWords: "each service's own key",
			}),
		databaseClass: z
			.string()
			.regex(/^db\.[a-z0-9]+\.[a-z0-9]+$/)
			.optional()
			.meta({
				description: "Instance class of the PostgreSQL server that holds Grafana's state.",
				allowed: "a class, such as db.t4g.small",
				defaultInWords: "`db.t4g.small` in production, `db.t4g.micro` elsewhere",
			}),
		databaseGiB: z.int().min(20).max(13_000).default(20).meta({
			description: "Its initial disk; it grows by itself to five times that.",
			allowed: "GiB, a whole number from 20",
		}),
		databaseBackupDays: z.int().min(1).max(35).optional().meta({
			description: "How long its backups are kept.",
			allowed: "1 to 35",
			defaultInWords: "14 in production, 1 elsewhere",
		}),
		longTermMetrics: z.boolean().default(true).meta({
			description:
				"Whether Prometheus also writes to Amazon Managed Prometheus, which keeps samples (not exemplars) when Prometheus's task is replaced.",
		}),
	})
	.prefault({})
	.meta({
		description: "On AWS: buckets, database and long-term metrics, which outlive tasks: docs/aws-state.md.",
	});
