import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { Workload } from "../../components/workload.ts";
import type { Settings } from "../../settings.ts";
import { Entrance } from "./entrances.ts";
import { fileSystemPolicy } from "./iam.ts";
import { awsOf, tagsOf, zoneOf } from "./names.ts";
import { Network } from "./network.ts";

type Audience = NonNullable<Workload["ports"][number]["audience"]>;

/** The stack's file system. */
export interface FileSystem {
	resource: aws.efs.FileSystem;
	/** What must exist before a task mounts it. */
	reachable: pulumi.Resource[];
}

/** The file system's security group, and the port of NFS. */
export const volumes = { group: "volumes", port: 2049 };

/** What a stack has once, made when the first workload asks for it. */
export class Shared {
	readonly #settings: Settings;
	#cluster?: aws.ecs.Cluster;
	#namespace?: aws.servicediscovery.PrivateDnsNamespace;
	#network?: Network;
	#fileSystem?: FileSystem;
	#provider?: aws.Provider;
	readonly #entrances = new Map<Audience, Entrance>();

	constructor(settings: Settings) {
		this.#settings = settings;
	}

	/** Makes everything that is on AWS: in the stack's region, and in no other account than the one that is named. */
	get provider(): aws.Provider {
		const { account, region } = awsOf(this.#settings);
		this.#provider ??= new aws.Provider("aws", {
			region: region as aws.Region,
			...(account && { allowedAccountIds: [account] }),
		});
		return this.#provider;
	}

	get cluster(): aws.ecs.Cluster {
		this.#cluster ??= new aws.ecs.Cluster(
			"cluster",
			{
				name: this.#settings.namePrefix,
				// Metrics of each task; they cost what a small service does.
				settings: [{ name: "containerInsights", value: this.#settings.production ? "enhanced" : "disabled" }],
				tags: tagsOf(this.#settings),
			},
			{ provider: this.provider },
		);
		return this.#cluster;
	}

	get namespace(): aws.servicediscovery.PrivateDnsNamespace {
		this.#namespace ??= new aws.servicediscovery.PrivateDnsNamespace(
			"namespace",
			{ name: zoneOf(this.#settings), vpc: this.network.vpc.id, tags: tagsOf(this.#settings) },
			{ provider: this.provider },
		);
		return this.#namespace;
	}

	get network(): Network {
		this.#network ??= new Network(this.#settings, { providers: [this.provider] });
		return this.#network;
	}

	/** The way in for those who come. */
	entrance(audience: Audience): Entrance {
		const entrance =
			this.#entrances.get(audience) ??
			new Entrance(audience, this.#settings, this.network, { providers: [this.provider] });
		this.#entrances.set(audience, entrance);
		return entrance;
	}

	get fileSystem(): FileSystem {
		this.#fileSystem ??= this.#makeFileSystem();
		return this.#fileSystem;
	}

	#makeFileSystem(): FileSystem {
		const { production, managed } = this.#settings;
		const resource = new aws.efs.FileSystem(
			"volumes",
			{
				encrypted: true,
				...(managed.kmsKey && { kmsKeyId: managed.kmsKey }),
				throughputMode: "elastic", // bursting starves a small file system
				tags: { ...tagsOf(this.#settings), Name: this.#settings.namePrefix },
			},
			{ protect: production, provider: this.provider },
		);
		// Nothing is lost with these.
		const below = { parent: resource, protect: false };
		if (production) {
			const backupPolicy = { status: "ENABLED" };
			new aws.efs.BackupPolicy("volumes", { fileSystemId: resource.id, backupPolicy }, below);
		}
		const policy = new aws.efs.FileSystemPolicy(
			"volumes",
			{ fileSystemId: resource.id, policy: resource.arn.apply((arn) => JSON.stringify(fileSystemPolicy(arn))) },
			below,
		);
		const { vpc } = this.network;
		const securityGroups = [this.network.group(volumes.group).id];
		const targets = vpc.privateSubnetIds.map(
			(subnetId, i) =>
				new aws.efs.MountTarget(`volumes-${i}`, { fileSystemId: resource.id, subnetId, securityGroups }, below),
		);
		return { resource, reachable: [policy, ...targets] };
	}
}
