// The VPC that a stack runs in: one that is there, or a small one of its own.

import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings.ts";
import { awsOf, tagsOf, zonesOf } from "./names.ts";

/** A network of subnets in two zones. */
export interface Vpc {
	id: pulumi.Input<string>;
	cidr: pulumi.Input<string>;
	/** Where everything runs. Their number is known when the program runs: no resource is made inside an `apply`. */
	privateSubnetIds: pulumi.Input<string>[];
	/** Where entrances are that are open to others than the VPC; none where there are no such. */
	publicSubnetIds: pulumi.Input<string>[];
	/** What must exist before anything in it reaches what is outside. */
	wayOut: pulumi.Resource[];
	/** What must exist before anything in it has a public address. */
	wayIn: pulumi.Resource[];
}

const ownCidr = "10.42.0.0/16";
const anywhere = "0.0.0.0/0";

/** An existing VPC; `askedOfAws` has looked at it. */
export function existingVpc(settings: Settings, id: string, opts: pulumi.InvokeOptions): Vpc {
	const { privateSubnetIds, publicSubnetIds } = awsOf(settings).vpc;
	const { cidrBlock } = aws.ec2.getVpcOutput({ id }, opts);
	return { id, cidr: cidrBlock, privateSubnetIds, publicSubnetIds, wayOut: [], wayIn: [] };
}

/**
 * A VPC of the stack's own: two zones with a public and a private subnet each, a NAT gateway or two, and a way to S3 that costs
 * nothing. What runs in it has no public address.
 */
export function newVpc(settings: Settings, opts: pulumi.CustomResourceOptions): Vpc {
	const { region, vpc } = awsOf(settings);
	const zones = zonesOf(settings);
	const { cidr = ownCidr } = vpc;
	const { natPerZone = settings.production } = vpc;
	const tags = (name: string) => ({ ...tagsOf(settings), Name: `${settings.namePrefix}-${name}` });

	const { id } = new aws.ec2.Vpc(
		"vpc",
		// Names in a private zone need both.
		{ cidrBlock: cidr, enableDnsSupport: true, enableDnsHostnames: true, tags: tags("vpc") },
		opts,
	);
	// Whatever names no security group gets this one: it lets nothing in or out.
	new aws.ec2.DefaultSecurityGroup("default", { vpcId: id, tags: tags("default") }, opts);
	const gateway = new aws.ec2.InternetGateway("gateway", { vpcId: id, tags: tags("gateway") }, opts);

	const blocks = quarters(cidr);
	const subnet = (kind: "private" | "public", i: number) =>
		new aws.ec2.Subnet(
			`${kind}-${i}`,
			{
				vpcId: id,
				availabilityZone: zones[i],
				cidrBlock: blocks[kind === "private" ? i : i + zones.length],
				tags: tags(`${kind}-${i}`),
			},
			opts,
		);
	const table = (name: string) => new aws.ec2.RouteTable(name, { vpcId: id, tags: tags(name) }, opts);
	const associate = (name: string, subnetId: pulumi.Input<string>, routeTableId: pulumi.Input<string>) =>
		new aws.ec2.RouteTableAssociation(name, { subnetId, routeTableId }, opts);

	const toAll = table("public");
	const outward = new aws.ec2.Route(
		"public",
		{ routeTableId: toAll.id, destinationCidrBlock: anywhere, gatewayId: gateway.id },
		opts,
	);
	const publicSubnets = zones.map((_, i) => subnet("public", i));
	const wayIn = [outward, ...publicSubnets.map(({ id }, i) => associate(`public-${i}`, id, toAll.id))];

	const nats = publicSubnets.slice(0, natPerZone ? zones.length : 1).map(({ id: subnetId }, i) => {
		const address = new aws.ec2.Eip(`nat-${i}`, { domain: "vpc", tags: tags(`nat-${i}`) }, opts);
		return new aws.ec2.NatGateway(
			`nat-${i}`,
			{ subnetId, allocationId: address.id, tags: tags(`nat-${i}`) },
			{ ...opts, dependsOn: wayIn },
		);
	});

	const privateSubnets = zones.map((_, i) => subnet("private", i));
	// A table for each zone even with one NAT gateway: a second one changes a route, and no subnet.
	const tables = zones.map((_, i) => table(`private-${i}`));
	const routes = tables.map(
		({ id: routeTableId }, i) =>
			new aws.ec2.Route(
				`private-${i}`,
				{ routeTableId, destinationCidrBlock: anywhere, natGatewayId: (nats[i] ?? nats[0]!).id },
				opts,
			),
	);
	const associated = privateSubnets.map(({ id }, i) => associate(`private-${i}`, id, tables[i]!.id));
	const s3 = new aws.ec2.VpcEndpoint(
		"s3",
		{
			vpcId: id,
			serviceName: `com.amazonaws.${region}.s3`,
			vpcEndpointType: "Gateway",
			routeTableIds: tables.map(({ id }) => id),
			tags: tags("s3"),
		},
		opts,
	);
	return {
		id,
		cidr,
		privateSubnetIds: privateSubnets.map(({ id }) => id),
		publicSubnetIds: publicSubnets.map(({ id }) => id),
		wayOut: [...routes, ...associated, s3],
		wayIn,
	};
}

/** The four parts of a network, in order. */
export function quarters(cidr: string): string[] {
	const [address = "", bits = ""] = cidr.split("/");
	const size = 2 ** (32 - Number(bits));
	const first = address.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
	return [0, 1, 2, 3].map((i) => {
		const start = first + (i * size) / 4;
		const bytes = [24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256);
		return `${bytes.join(".")}/${Number(bits) + 2}`;
	});
}
