import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Call } from "../../components/workload.ts";
import type { Settings } from "../../settings.ts";
import { awsOf, tagsOf } from "./names.ts";
import { existingVpc, newVpc, type Vpc } from "./vpc.ts";

const rules = { in: aws.vpc.SecurityGroupIngressRule, out: aws.vpc.SecurityGroupEgressRule };

/** From one group, or something else of that name, to another. */
interface Way {
	from: string;
	to: string;
	port: number;
}

/** Who is at the other end. */
type Other = { referencedSecurityGroupId: pulumi.Input<string> } | { cidrIpv4: pulumi.Input<string> };

/**
 * Where a stack runs, and who in it reaches whom: a security group for each workload, file system and entrance, and a rule for
 * each port that one of them calls. What has no rule is closed.
 */
export class Network extends pulumi.ComponentResource {
	readonly vpc: Vpc;
	readonly #settings: Settings;
	readonly #groups = new Map<string, aws.ec2.SecurityGroup>();
	readonly #rules = new Map<string, pulumi.Resource>();

	constructor(settings: Settings, opts: pulumi.ComponentResourceOptions) {
		super("tracestack:aws:Network", "network", {}, opts);
		this.#settings = settings;
		const { id } = awsOf(settings).vpc;
		this.vpc = id ? existingVpc(settings, id, { parent: this }) : newVpc(settings, { parent: this });
		this.registerOutputs({ vpcId: this.vpc.id });
	}

	/** The security group of whatever has this name, made when it is first asked for. */
	group(name: string): aws.ec2.SecurityGroup {
		const { project, stack, namePrefix } = this.#settings;
		const group =
			this.#groups.get(name) ??
			new aws.ec2.SecurityGroup(
				name,
				{
					description: `${name} of ${project} ${stack}`,
					vpcId: this.vpc.id,
					tags: { ...tagsOf(this.#settings, name), Name: `${namePrefix}-${name}` },
				},
				{ parent: this },
			);
		this.#groups.set(name, group);
		return group;
	}

	/**
	 * Lets a workload call what it has to call, and fetch its image, its secrets and its files by HTTPS from wherever they are.
	 *
	 * @returns what must exist before it starts.
	 */
	letCall(name: string, calls: Call[]): pulumi.Resource[] {
		const outward = new Set([443, ...calls.filter(({ workload }) => !workload).map(({ port }) => port)]);
		return [
			...calls.flatMap(({ workload, port }) => (workload ? this.allow(name, workload, port) : [])),
			...[...outward].map((port) => this.#rule("out", { from: name, to: "anywhere", port }, { cidrIpv4: "0.0.0.0/0" })),
		];
	}

	/** Lets one group call a port of another. */
	allow(from: string, to: string, port: number): pulumi.Resource[] {
		return [
			this.#rule("out", { from, to, port }, { referencedSecurityGroupId: this.group(to).id }),
			this.#rule("in", { from, to, port }, { referencedSecurityGroupId: this.group(from).id }),
		];
	}

	/** Lets a network call a port of a group. */
	admit(cidrIpv4: pulumi.Input<string>, nickname: string, to: string, port: number): pulumi.Resource {
		return this.#rule("in", { from: nickname, to, port }, { cidrIpv4 });
	}

	/** A rule of the group at one end, made once, whoever asks for it. */
	#rule(direction: keyof typeof rules, { from, to, port }: Way, other: Other): pulumi.Resource {
		const name = `${from}-to-${to}-${port}`;
		const key = `${direction} ${name}`;
		const rule =
			this.#rules.get(key) ??
			new rules[direction](
				name,
				{
					securityGroupId: this.group(direction === "in" ? to : from).id,
					...other,
					ipProtocol: "tcp",
					fromPort: port,
					toPort: port,
					tags: tagsOf(this.#settings),
				},
				{ parent: this },
			);
		this.#rules.set(key, rule);
		return rule;
	}
}
