// Settings about a stack on AWS: where it lies, by which names it is entered, and what must be set before it may be.

import { z } from "zod";
import type { Conflict } from "./explain.ts";
import { objectOf, type Raw } from "./raw.ts";

const cidr = z
	.string()
	.regex(/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/)
	.refine(isNetwork)
	.meta({ allowed: "an IPv4 network by its first address, such as 10.0.0.0/8" });

/** A network as AWS writes it: with an address that is not its first, every preview would show a difference. */
function isNetwork(text: string): boolean {
	if (!z.cidrv4().safeParse(text).success) return false;
	const [address = "", bits = ""] = text.split("/");
	const number = address.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
	return number % 2 ** (32 - Number(bits)) === 0;
}

const subnets = (description: string) =>
	z
		.array(
			z
				.string()
				.regex(/^subnet-[0-9a-f]{8,17}$/)
				.meta({ allowed: "a subnet's id, such as subnet-0a1b2c3d" }),
		)
		.default([])
		.meta({ description, allowed: "a list of subnet ids" });

const vpc = z
	.strictObject({
		id: z
			.string()
			.regex(/^vpc-[0-9a-f]{8,17}$/)
			.optional()
			.meta({
				description: "An existing VPC, with DNS resolution and DNS hostnames on.",
				allowed: "a VPC's id, such as vpc-0a1b2c3d",
				defaultInWords: "a new one",
			}),
		privateSubnetIds: subnets(
			"Of an existing VPC: where everything runs, in two zones at least, with a way out to fetch images.",
		),
		publicSubnetIds: subnets("Of an existing VPC: where entrances are that `public` opens, in two zones at least."),
		cidr: z
			.string()
			.regex(/^(\d{1,3}\.){3}\d{1,3}\/(1[6-9]|2[0-4])$/)
			.refine(isNetwork)
			.optional()
			.meta({
				description: "Of a new VPC: its addresses, shared by four subnets.",
				allowed: "an IPv4 network by its first address, from /16 to /24",
				defaultInWords: "10.42.0.0/16",
			}),
		zones: z
			.array(
				z
					.string()
					.regex(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/)
					.meta({ allowed: "an availability zone, such as eu-central-1a" }),
			)
			.length(2)
			.optional()
			.meta({
				description: "Of a new VPC: its two zones, if the account lacks the first two.",
				allowed: "a list of two availability zones",
				defaultInWords: "the region's a and b",
			}),
		natPerZone: z.boolean().optional().meta({
			description:
				"Of a new VPC: a NAT gateway in each zone, so that the loss of one zone does not cut off the other; else one in all.",
			defaultInWords: "in production",
		}),
	})
	.prefault({})
	.meta({ description: "The network." });

/** A way in. */
function entrance(description: string, cidrs: string) {
	return z
		.strictObject({
			domain: z
				.string()
				.regex(/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/)
				.meta({ description: "Its host name.", allowed: "a domain name in lower-case letters" }),
			certificateArn: z
				.string()
				.regex(/^arn:aws(-[a-z]+)*:acm:[a-z0-9-]+:\d{12}:certificate\/[0-9a-f-]+$/)
				.optional()
				.meta({
					description: "ACM's certificate for the name, in the stack's region.",
					allowed: "an ARN of ACM's",
					defaultInWords: "made and validated in `hostedZoneId`",
				}),
			public: z.boolean().default(false).meta({
				description:
					"Whether it has a public address; else it can be reached from the VPC and connected networks only.",
			}),
			cidrs: z.array(cidr).min(1).optional().meta({
				description: "Networks that are allowed in.",
				allowed: "a list of IPv4 networks",
				defaultInWords: cidrs,
			}),
		})
		.meta({ description });
}

/** A stack on AWS. */
export const aws = z
	.strictObject({
		region: z
			.string()
			.regex(/^[a-z]{2}(-[a-z]+)+-\d$/)
			.meta({ description: "Region.", allowed: "a region, such as eu-central-1" }),
		account: z
			.string()
			.regex(/^\d{12}$/)
			.optional()
			.meta({
				description: "The only account that the stack may be deployed to: credentials of another are refused.",
				allowed: "an account's number, 12 digits in quotes",
				defaultInWords: "whatever the credentials lead to",
			}),
		architecture: z.enum(["arm64", "x86_64"]).default("arm64").meta({
			description: "Processors. Fargate is a fifth cheaper on arm64; every image must exist for it.",
		}),
		vpc,
		hostedZoneId: z
			.string()
			.regex(/^Z[A-Z0-9]{1,31}$/)
			.optional()
			.meta({
				description:
					"Public Route 53 zone of both domains: their records are created in it, and certificates unless they are given.",
				allowed: "a hosted zone's id, such as Z0123456789ABCDEFGHIJ",
				defaultInWords: "none: DNS is yours",
			}),
		grafana: entrance("Where people come in: Grafana, by HTTPS.", "the VPC's own; everybody if `public`"),
		otlp: entrance("Where applications come in: OTLP, by TLS with a token.", "the VPC's own"),
		alarmTopicArns: z
			.array(
				z
					.string()
					.regex(/^arn:aws(-[a-z]+)*:sns:[a-z0-9-]+:\d{12}:[\w-]+$/)
					.meta({ allowed: "an ARN of SNS's" }),
			)
			.default([])
			.meta({
				description:
					"SNS topics that CloudWatch's alarms notify: they cover what Prometheus can't see, such as its own death.",
				allowed: "a list of SNS topics' ARNs",
			}),
		tags: z
			.record(z.string(), z.string().max(256))
			.refine((tags) =>
				Object.keys(tags).every((name) => /^(?!aws:|(project|stack|service)$)[\w .:/=+@-]{1,128}$/.test(name)),
			)
			.default({})
			.meta({
				description: "Tags of every resource, in addition to `project`, `stack` and `service`.",
				allowed: "names with texts; not aws:…, project, stack, service",
				defaultInWords: "none",
			}),
	})
	.optional()
	.meta({ description: "A stack on AWS: docs/aws.md. Required if `target` is aws." });

/** What is missing before a stack may be on AWS, and what does not go together there. */
export function awsConflicts(raw: Raw): Conflict[] {
	const { aws } = raw;
	if (raw.target !== "aws")
		return ["aws", "managed"]
			.filter((key) => raw[key] !== undefined)
			.map((key) => ({ path: [key], problem: 'is not used\n    set target to "aws"' }));
	if (aws === undefined) {
		const needed = "allowed: an object with region, grafana, otlp and more: docs/aws.md";
		return [{ path: ["aws"], problem: `is missing, and target is "aws"\n    ${needed}` }, ...guardConflicts(raw)];
	}
	const given = objectOf(aws);
	return [...vpcConflicts(given), ...entranceConflicts(given), ...guardConflicts(raw)];
}

function vpcConflicts(aws: Raw): Conflict[] {
	const vpc = objectOf(aws.vpc);
	const conflicts: Conflict[] = [];
	const say = (key: string, problem: string) => conflicts.push({ path: ["aws", "vpc", key], problem });
	const ofNew = ["cidr", "zones", "natPerZone"].filter((key) => vpc[key] !== undefined);
	const ofOld = ["privateSubnetIds", "publicSubnetIds"].filter((key) => vpc[key] !== undefined);
	if (vpc.id === undefined) {
		for (const key of ofOld)
			say(key, "is not used without vpc.id\n    name the VPC that they are of, or leave them out");
		const zones = Array.isArray(vpc.zones) ? vpc.zones : [];
		if (zones.some((zone) => !String(zone).startsWith(String(aws.region))))
			say("zones", `is ${JSON.stringify(zones)}, and aws.region is ${aws.region}\n    allowed: two of the region's`);
		if (zones.length === 2 && zones[0] === zones[1]) say("zones", `is twice ${zones[0]}\n    allowed: two zones`);
		return conflicts;
	}
	for (const key of ofNew) say(key, "is not used with vpc.id\n    that is for a VPC that the stack makes");
	const open = ["grafana", "otlp"].filter((name) => objectOf(aws[name]).public === true);
	const needed = { privateSubnetIds: "everything runs in them", publicSubnetIds: `${open.join(", ")} is public` };
	for (const [key, why] of Object.entries(needed)) {
		if (key === "publicSubnetIds" && open.length === 0) continue;
		const count = new Set(Array.isArray(vpc[key]) ? vpc[key] : []).size;
		const what = count === 0 ? "is missing" : "has one subnet only";
		if (count < 2) say(key, `${what}: ${why}\n    allowed: subnets of vpc.id in two zones at least`);
	}
	return conflicts;
}

function entranceConflicts(aws: Raw): Conflict[] {
	const conflicts: Conflict[] = [];
	const say = (name: string, key: string, problem: string) => conflicts.push({ path: ["aws", name, key], problem });
	const [people, applications] = [objectOf(aws.grafana), objectOf(aws.otlp)];
	for (const [name, { certificateArn: arn }] of Object.entries({ grafana: people, otlp: applications })) {
		if (arn === undefined && aws.hostedZoneId === undefined)
			say(name, "certificateArn", "is missing\n    give ACM's certificate, or aws.hostedZoneId to have one made");
		const region = typeof arn === "string" ? arn.split(":")[3] : undefined;
		if (region && region !== aws.region)
			say(
				name,
				"certificateArn",
				`is in ${region}, and aws.region is ${aws.region}\n    a balancer takes those of its region`,
			);
	}
	if (people.domain !== undefined && people.domain === applications.domain)
		say("otlp", "domain", `is "${people.domain}", which grafana has already\n    each has a balancer of its own`);
	const open = Array.isArray(applications.cidrs) && applications.cidrs.find((one) => String(one).endsWith("/0"));
	if (open) say("otlp", "cidrs", `has ${open}, which is everybody\n    list the networks that applications are in`);
	if (applications.public === true && applications.cidrs === undefined)
		say("otlp", "cidrs", "is missing, and otlp is public\n    list the networks that applications are in");
	return conflicts;
}

/** What holds on the way in, and what has none. */
function guardConflicts(raw: Raw): Conflict[] {
	const access = objectOf(raw.access);
	const collector = objectOf(raw.collector);
	const conflicts: Conflict[] = [];
	if (access.token !== true) {
		const problem = `is false while target is "aws"\n    OTLP would take telemetry from the whole network: set it to true`;
		conflicts.push({ path: ["access", "token"], problem });
	}
	const unused = (path: string[]) =>
		conflicts.push({
			path,
			problem: `is not used while target is "aws"\n    aws.grafana and aws.otlp say who comes in, by which name: leave it out`,
		});
	if (raw.bindAddress !== undefined) unused(["bindAddress"]);
	for (const key of ["hosts", "certificate", "key", "ca"]) if (access[key] !== undefined) unused(["access", key]);
	if (access.tls !== undefined && access.tls !== "none") {
		const problem = `is ${JSON.stringify(access.tls)} while target is "aws"\n    TLS ends at the balancers, with ACM's certificates: leave it out`;
		conflicts.push({ path: ["access", "tls"], problem });
	}
	for (const format of ["jaeger", "zipkin"])
		if (collector[format] === true) {
			const problem = `is true while target is "aws"\n    it asks nobody who they are, and so has no way in there`;
			conflicts.push({ path: ["collector", format], problem });
		}
	return conflicts;
}
