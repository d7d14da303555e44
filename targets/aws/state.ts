import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { keptHours } from "../../components/storage.ts";
import type { Grant, Offers, Workload } from "../../components/workload.ts";
import type { Settings } from "../../settings.ts";
import { PrivateBucket } from "./bucket.ts";
import { databaseServer, databaseUser, makeDatabase } from "./database.ts";
import { type FileSources, storeFiles } from "./files.ts";
import { bucketFolder, bucketKey, type Statement, workspaceAccess } from "./iam.ts";
import { awsOf, tagsOf } from "./names.ts";
import type { Shared } from "./shared.ts";

/** Placeholders, for texts that are written before the resource exists whose name or address they need. */
const late = {
	store: "<aws.store>",
	database: "<aws.database>",
	metrics: "<aws.metrics>",
} as const;

/** Retention deletes; this much later S3 would, should it not. */
const backstopDays = 7;

/** What of the stack outlives its tasks: buckets, the database, long-term metrics. Each is made when a workload asks for it. */
export class State {
	readonly offers: Offers;
	readonly #settings: Settings;
	readonly #shared: Shared;
	#configuration?: PrivateBucket;
	#store?: PrivateBucket;
	#database?: aws.rds.Instance;
	#workspace?: aws.amp.Workspace;

	constructor(settings: Settings, shared: Shared) {
		this.#settings = settings;
		this.#shared = shared;
		const { region } = awsOf(settings);
		this.offers = {
			storage: { bucket: late.store, endpoint: `s3.${region}.amazonaws.com`, region },
			database: { host: late.database, port: databaseServer.port, user: databaseUser },
			...(settings.managed.longTermMetrics && { metrics: { url: late.metrics, region } }),
			liveFiles: true,
			quotas: true,
		};
	}

	resolve = (text: string): pulumi.Input<string> => {
		const wanted = Object.values(late).filter((placeholder) => text.includes(placeholder));
		if (wanted.length === 0) return text;
		return pulumi
			.all(wanted.map((placeholder) => this.#valueOf(placeholder)))
			.apply((values) => values.reduce((filled, value, i) => filled.replaceAll(wanted[i]!, value), text));
	};

	/** Puts a workload's files where its tasks find them. */
	files(w: Workload, parent: pulumi.Resource): { sources: pulumi.Output<FileSources>; objects: pulumi.Resource[] } {
		if (Object.keys(w.files).length === 0) return { sources: pulumi.output({}), objects: [] };
		return storeFiles(w, this.#configurationBucket(), this.resolve, parent);
	}

	/** What a workload's role may do: read its own files, and what it is granted. */
	statements(w: Workload): pulumi.Output<Statement[]> {
		const own = Object.keys(w.files).length > 0 ? [this.#folder(this.#configurationBucket().arn, w.name, "read")] : [];
		const granted = (w.grants ?? []).map((grant) => this.#granted(grant));
		return pulumi.all([...own, ...granted]).apply((all) => merged(all.flat()));
	}

	/** What must exist before a task of the workload starts. */
	needs({ name, grants = [] }: Workload): pulumi.Resource[] {
		return grants.flatMap((grant) => {
			if ("database" in grant)
				return [
					this.#databaseFor(grant),
					...this.#shared.network.allow(name, databaseServer.group, databaseServer.port),
				];
			if ("bucket" in grant && grant.bucket === late.store) return this.#storeBucket().ready;
			return [];
		});
	}

	#granted(grant: Grant): pulumi.Output<Statement[]> {
		// Its password opens it.
		if ("database" in grant) return pulumi.output([]);
		if ("metrics" in grant) return this.#metrics().arn.apply((arn) => workspaceAccess(arn, grant.metrics));
		const { bucket, prefix, access } = grant;
		if (bucket === late.store) return this.#folder(this.#storeBucket().arn, prefix, access);
		return pulumi.output(bucketFolder(`arn:aws:s3:::${bucket}`, prefix, access));
	}

	#folder(bucketArn: pulumi.Output<string>, folder: string, access: "read" | "write") {
		const { kmsKey } = this.#settings.managed;
		const { region } = awsOf(this.#settings);
		return bucketArn.apply((arn) => [
			...bucketFolder(arn, folder, access),
			...(kmsKey ? bucketKey(kmsKey, region, access) : []),
		]);
	}

	#valueOf(placeholder: (typeof late)[keyof typeof late]): pulumi.Output<string> {
		switch (placeholder) {
			case late.store:
				return this.#storeBucket().name;
			case late.metrics:
				// It ends with a slash.
				return this.#metrics().prometheusEndpoint.apply((url) => url.replace(/\/$/, ""));
			case late.database:
				if (!this.#database) throw new Error("a file names the database, and no workload was granted it before");
				return this.#database.address;
		}
	}

	#configurationBucket(): PrivateBucket {
		this.#configuration ??= this.#bucket("configuration");
		return this.#configuration;
	}

	#storeBucket(): PrivateBucket {
		const expire = keptHours(this.#settings).map(({ folder, hours }) => ({
			folder,
			days: Math.ceil(hours / 24) + backstopDays,
		}));
		this.#store ??= this.#bucket("store", expire);
		return this.#store;
	}

	#bucket(name: string, expire?: { folder: string; days: number }[]): PrivateBucket {
		const { namePrefix: prefix, production, managed } = this.#settings;
		return new PrivateBucket(
			name,
			{ prefix, kmsKey: managed.kmsKey, production, tags: tagsOf(this.#settings), ...(expire && { expire }) },
			{ providers: [this.#shared.provider] },
		);
	}

	#databaseFor({ database, password }: Extract<Grant, { database: string }>): aws.rds.Instance {
		const { network, provider } = this.#shared;
		this.#database ??= makeDatabase(
			{
				settings: this.#settings,
				name: database,
				password,
				subnetIds: network.vpc.privateSubnetIds,
				securityGroupIds: [network.group(databaseServer.group).id],
			},
			{ provider },
		);
		return this.#database;
	}

	#metrics(): aws.amp.Workspace {
		const { namePrefix, production, managed } = this.#settings;
		this.#workspace ??= new aws.amp.Workspace(
			"metrics",
			{ alias: namePrefix, ...(managed.kmsKey && { kmsKeyArn: managed.kmsKey }), tags: tagsOf(this.#settings) },
			{ protect: production, provider: this.#shared.provider },
		);
		return this.#workspace;
	}
}

/** The same said twice is said once. */
function merged(statements: Statement[]): Statement[] {
	const seen = new Map(statements.map((statement) => [JSON.stringify(statement), statement]));
	return [...seen.values()];
}
