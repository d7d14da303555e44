import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings.ts";
import { databaseAlarm } from "./alarms.ts";
import { tagsOf } from "./names.ts";

/** The one user that the server is made with; it may make databases and users beside the first. */
export const databaseUser = "tracestack";

/** Its security group, and its port. */
export const databaseServer = { group: "database", port: 5432 };

export interface DatabaseArgs {
	settings: Settings;
	/** Name of the first database on it. */
	name: string;
	/** Of `databaseUser`. */
	password: pulumi.Input<string>;
	/** Where it lies: in two zones at least, as RDS wants of every subnet group. */
	subnetIds: pulumi.Input<string>[];
	/** Who reaches it: the rules of these groups say so. */
	securityGroupIds: pulumi.Input<string>[];
}

/** The stack's PostgreSQL server: in production in two zones, backed up, and not to be deleted by mistake. */
export function makeDatabase(
	{ settings, name, password, subnetIds, securityGroupIds }: DatabaseArgs,
	options: pulumi.CustomResourceOptions,
): aws.rds.Instance {
	const { production, namePrefix } = settings;
	const { kmsKey, databaseClass, databaseGiB, databaseBackupDays } = settings.managed;
	const tags = tagsOf(settings);
	const subnets = new aws.rds.SubnetGroup("database", { subnetIds, tags }, options);
	const database = new aws.rds.Instance(
		"database",
		{
			identifierPrefix: `${namePrefix}-`,
			engine: "postgres",
			engineVersion: "17",
			instanceClass: databaseClass ?? (production ? "db.t4g.small" : "db.t4g.micro"),
			storageType: "gp3",
			allocatedStorage: databaseGiB,
			// It grows by itself: what is full stops.
			maxAllocatedStorage: databaseGiB * 5,
			storageEncrypted: true,
			...(kmsKey && { kmsKeyId: kmsKey }),
			dbName: name,
			username: databaseUser,
			password,
			dbSubnetGroupName: subnets.name,
			vpcSecurityGroupIds: securityGroupIds,
			publiclyAccessible: false,
			multiAz: production,
			backupRetentionPeriod: databaseBackupDays ?? (production ? 14 : 1),
			copyTagsToSnapshot: true,
			deleteAutomatedBackups: !production,
			deletionProtection: production,
			skipFinalSnapshot: !production,
			...(production && { finalSnapshotIdentifier: `${namePrefix}-final` }),
			autoMinorVersionUpgrade: true,
			tags,
		},
		{ ...options, protect: production, ignoreChanges: ["identifierPrefix"] },
	);
	databaseAlarm(settings, database);
	return database;
}
