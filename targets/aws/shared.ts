import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings.ts";
import { fileSystemPolicy } from "./iam.ts";

/** Where tasks run. */
export interface Network {
	vpcId: pulumi.Output<string>;
	subnetIds: pulumi.Output<string>[];
	/** Holds whatever of the stack has an address. */
	securityGroup: aws.ec2.SecurityGroup;
	/** What must exist before a task starts. */
	rules: pulumi.Resource[];
}

/** The stack's file system. */
export interface FileSystem {
	resource: aws.efs.FileSystem;
	/** What must exist before a task mounts it. */
	reachable: pulumi.Resource[];
}

/** Their number must be known when the program runs: each is a mount target, and no resource is made inside an `apply`. */
const subnetCount = 2;

/** Whose a resource is. */
export function tagsOf(settings: Settings, service?: string): Record<string, string> {
	return { project: settings.project, stack: settings.stack, ...(service && { service }) };
}

/** The private DNS zone of a stack. */
export function zoneOf({ project, stack }: { project: string; stack: string }): string {
	return `${stack}.${project}.internal`;
}

/** What a stack has once, made when the first workload asks for it. */
export class Shared {
	readonly #settings: Settings;
	#cluster?: aws.ecs.Cluster;
	#namespace?: aws.servicediscovery.PrivateDnsNamespace;
	#network?: Network;
	#fileSystem?: FileSystem;
	#region?: pulumi.Output<string>;

	constructor(settings: Settings) {
		this.#settings = settings;
	}

	get region(): pulumi.Output<string> {
		this.#region ??= aws.getRegionOutput().region;
		return this.#region;
	}

	get cluster(): aws.ecs.Cluster {
		this.#cluster ??= new aws.ecs.Cluster("cluster", {
			name: this.#settings.namePrefix,
			tags: tagsOf(this.#settings),
		});
		return this.#cluster;
	}

	get namespace(): aws.servicediscovery.PrivateDnsNamespace {
		this.#namespace ??= new aws.servicediscovery.PrivateDnsNamespace("namespace", {
			name: zoneOf(this.#settings),
			vpc: this.network.vpcId,
			tags: tagsOf(this.#settings),
		});
		return this.#namespace;
	}

	/** In this first version the account's default VPC, whose subnets are public; a VPC by id is to become a setting. */
	get network(): Network {
		this.#network ??= this.#makeNetwork();
		return this.#network;
	}

	get fileSystem(): FileSystem {
		this.#fileSystem ??= this.#makeFileSystem();
		return this.#fileSystem;
	}

	#makeNetwork(): Network {
		const vpcId = aws.ec2.getVpcOutput({ default: true }).id;
		const { ids } = aws.ec2.getSubnetsOutput({
			filters: [
				{ name: "vpc-id", values: [vpcId] },
				// One for each zone, as a file system has one mount target for each zone.
				{ name: "default-for-az", values: ["true"] },
			],
		});
		const sorted = ids.apply((all) => all.toSorted());
		const tags = tagsOf(this.#settings);
		const securityGroup = new aws.ec2.SecurityGroup("stack", {
			description: "Within the stack anything, out of it HTTPS, into it nothing",
			vpcId,
			tags,
		});
		const within = {
			securityGroupId: securityGroup.id,
			referencedSecurityGroupId: securityGroup.id,
			ipProtocol: "-1",
			tags,
		};
		const rules = [
			new aws.vpc.SecurityGroupIngressRule("within-stack", within),
			new aws.vpc.SecurityGroupEgressRule("within-stack", within),
			// Images, logs and secrets.
			new aws.vpc.SecurityGroupEgressRule("https", {
				securityGroupId: securityGroup.id,
				cidrIpv4: "0.0.0.0/0",
				ipProtocol: "tcp",
				fromPort: 443,
				toPort: 443,
				tags,
			}),
		];
		const subnetIds = Array.from({ length: subnetCount }, (_, i) =>
			sorted.apply((all) => {
				const id = all[i];
				if (!id) throw new Error(`the default VPC has fewer than ${subnetCount} default subnets`);
				return id;
			}),
		);
		return { vpcId, subnetIds, securityGroup, rules };
	}

	#makeFileSystem(): FileSystem {
		const { production } = this.#settings;
		const resource = new aws.efs.FileSystem(
			"volumes",
			{
				encrypted: true,
				throughputMode: "elastic", // bursting starves a small file system
				tags: { ...tagsOf(this.#settings), Name: this.#settings.namePrefix },
			},
			{ protect: production },
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
		const { subnetIds, securityGroup } = this.network;
		const targets = subnetIds.map(
			(subnetId, i) =>
				new aws.efs.MountTarget(
					`volumes-${i}`,
					{ fileSystemId: resource.id, subnetId, securityGroups: [securityGroup.id] },
					below,
				),
		);
		return { resource, reachable: [policy, ...targets] };
	}
}
