// What a stack's settings name on AWS, and whether it is there and fits: AWS would say so in the middle of an `up`.

import { ACMClient, DescribeCertificateCommand } from "@aws-sdk/client-acm";
import {
	DescribeAvailabilityZonesCommand,
	DescribeSubnetsCommand,
	DescribeVpcAttributeCommand,
	DescribeVpcsCommand,
	EC2Client,
} from "@aws-sdk/client-ec2";
import { DescribeKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { GetHostedZoneCommand, Route53Client } from "@aws-sdk/client-route-53";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { Settings } from "../../settings.ts";
import { aboutCredentials, patience, refusal } from "./ask.ts";
import { awsOf, zonesOf } from "./names.ts";

/** What AWS says of a stack's settings, one sentence each. */
export interface Answers {
	/** What would make an `up` fail. */
	problems: string[];
	/** What an `up` works with and somebody should know: also what the credentials may not look at. */
	notes: string[];
}

/** A certificate that ends sooner has not been renewed by itself: ACM does so 60 days before. */
const certificateDays = 21;

const nothing: Answers = { problems: [], notes: [] };
const problem = (...problems: string[]): Answers => ({ ...nothing, problems });

/**
 * Asks AWS about everything that the settings name: the account, VPC and subnets or zones, certificates, the key, the hosted
 * zone. It changes nothing. With credentials that lead nowhere nothing else is asked.
 */
export async function askedOfAws(settings: Settings): Promise<Answers> {
	const { account, region } = awsOf(settings);
	const common = { region, ...patience };
	let found = "";
	try {
		found = (await new STSClient(common).send(new GetCallerIdentityCommand({}))).Account ?? "";
	} catch (error) {
		const why = (error as Error).message.replace(/\.$/, "");
		if (!aboutCredentials(error))
			return problem(
				`aws: nothing could be asked in ${region}: ${why}. Is that a region, and is there a way to it from here?`,
			);
		return problem(
			`aws: nobody knows these credentials in ${region}: ${why}. ` +
				"Set AWS_PROFILE (aws sso login, where it has ended), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
		);
	}
	if (account && found !== account)
		return problem(
			`aws.account: the credentials are of ${found}, and the stack belongs into ${account}. Choose another AWS_PROFILE.`,
		);
	const answers = await Promise.all(
		questions(settings, common).map(async ({ about, action, ask }) => {
			try {
				return await ask();
			} catch (error) {
				switch (refusal(error)) {
					case "denied":
						return { ...nothing, notes: [`${about}: not looked at, for these credentials may not ${action}.`] };
					case "absent":
						return problem(`${about} is not there in account ${found}, ${region}.`);
					default:
						return problem(`${about} can't be looked at: ${(error as Error).message}`);
				}
			}
		}),
	);
	return {
		problems: answers.flatMap(({ problems }) => problems),
		notes: answers.flatMap(({ notes }) => notes),
	};
}

interface Question {
	/** The setting, and its value. */
	about: string;
	/** What the credentials must be allowed. */
	action: string;
	ask(): Promise<Answers>;
}

function questions(settings: Settings, common: Common): Question[] {
	const { vpc, hostedZoneId, grafana, otlp } = awsOf(settings);
	const { kmsKey } = settings.managed;
	return [
		...(vpc.id ? ofVpc(vpc, vpc.id, common) : [ofZones(settings, common)]),
		...Object.entries({ grafana, otlp }).flatMap(([name, { certificateArn, domain }]) =>
			certificateArn ? [ofCertificate(`aws.${name}.certificateArn`, certificateArn, domain, common)] : [],
		),
		...(kmsKey ? [ofKey(kmsKey, common)] : []),
		...(hostedZoneId ? [ofHostedZone(hostedZoneId, [grafana.domain, otlp.domain], common)] : []),
	];
}

interface Common {
	region: string;
}

function ofVpc(
	{ privateSubnetIds, publicSubnetIds }: { privateSubnetIds: string[]; publicSubnetIds: string[] },
	id: string,
	common: Common,
): Question[] {
	const ec2 = new EC2Client(common);
	const names = async () => {
		await ec2.send(new DescribeVpcsCommand({ VpcIds: [id] }));
		const [support, hostnames] = await Promise.all(
			(["enableDnsSupport", "enableDnsHostnames"] as const).map((Attribute) =>
				ec2.send(new DescribeVpcAttributeCommand({ VpcId: id, Attribute })),
			),
		);
		if (support?.EnableDnsSupport?.Value && hostnames?.EnableDnsHostnames?.Value) return nothing;
		return problem(
			`aws.vpc.id: ${id} lacks DNS resolution or DNS hostnames, which names within it need. Switch both on.`,
		);
	};
	const places = (key: string, ids: string[]) => async () => {
		const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({ SubnetIds: ids }));
		const strangers = Subnets.filter(({ VpcId }) => VpcId !== id);
		const zones = ids.map((one) => Subnets.find(({ SubnetId }) => SubnetId === one)?.AvailabilityZone);
		return problem(
			...strangers.map(({ SubnetId, VpcId }) => `aws.vpc.${key}: ${SubnetId} is in ${VpcId}, not in ${id}.`),
			// A file system has one mount target a zone, a balancer one subnet.
			...(new Set(zones).size < ids.length
				? [`aws.vpc.${key}: ${ids.join(", ")} are in ${zones.join(", ")}. Each must be in a zone of its own.`]
				: []),
		);
	};
	return [
		{ about: `aws.vpc.id: ${id}`, action: "ec2:DescribeVpcs and ec2:DescribeVpcAttribute", ask: names },
		...Object.entries({ privateSubnetIds, publicSubnetIds })
			.filter(([, ids]) => ids.length > 0)
			.map(([key, ids]) => ({
				about: `aws.vpc.${key}: one of ${ids.join(", ")}`,
				action: "ec2:DescribeSubnets",
				ask: places(key, ids),
			})),
	];
}

/** Of a new VPC: some accounts lack a region's first zones. */
function ofZones(settings: Settings, common: Common): Question {
	const zones = zonesOf(settings);
	return {
		about: `aws.vpc.zones: one of ${zones.join(", ")}`,
		action: "ec2:DescribeAvailabilityZones",
		ask: async () => {
			const { AvailabilityZones = [] } = await new EC2Client(common).send(new DescribeAvailabilityZonesCommand({}));
			const open = AvailabilityZones.filter(({ State }) => State === "available").map(({ ZoneName }) => ZoneName);
			const absent = zones.filter((zone) => !open.includes(zone));
			if (absent.length === 0) return nothing;
			return problem(`aws.vpc.zones: this account has no ${absent.join(" and no ")}. It has ${open.join(", ")}.`);
		},
	};
}

function ofCertificate(key: string, CertificateArn: string, domain: string, common: Common): Question {
	const about = `${key}: ${CertificateArn}`;
	return {
		about,
		action: "acm:DescribeCertificate",
		ask: async () => {
			const { Certificate } = await new ACMClient(common).send(new DescribeCertificateCommand({ CertificateArn }));
			const { Status = "", NotAfter, DomainName = "", SubjectAlternativeNames = [] } = Certificate ?? {};
			if (Status !== "ISSUED")
				return problem(`${about} is ${Status}, and a balancer takes those that are ISSUED. ACM's page of it says why.`);
			const names = [...new Set([DomainName, ...SubjectAlternativeNames])];
			if (!names.some((name) => covers(name, domain)))
				return problem(`${about} is for ${names.join(", ")}, not for ${domain}.`);
			if (!NotAfter || NotAfter.getTime() - Date.now() > certificateDays * 86_400_000) return nothing;
			const ends = NotAfter.toISOString().slice(0, 10);
			return { ...nothing, notes: [`${about} ends on ${ends}: renew it, or see why ACM has not.`] };
		},
	};
}

/** Whether a certificate's name stands for a host: a star is one label. */
function covers(name: string, host: string): boolean {
	return name === host || (name.startsWith("*.") && host.slice(host.indexOf(".") + 1) === name.slice(2));
}

function ofKey(KeyId: string, common: Common): Question {
	const about = `managed.kmsKey: ${KeyId}`;
	return {
		about,
		action: "kms:DescribeKey",
		ask: async () => {
			const { KeyMetadata } = await new KMSClient(common).send(new DescribeKeyCommand({ KeyId }));
			const { KeyState, KeySpec } = KeyMetadata ?? {};
			if (KeyState !== "Enabled")
				return problem(`${about} is ${KeyState}: nothing can be encrypted with it. Enable it.`);
			if (KeySpec !== "SYMMETRIC_DEFAULT")
				return problem(`${about} is of ${KeySpec}: S3 and RDS take symmetric keys (SYMMETRIC_DEFAULT).`);
			return nothing;
		},
	};
}

function ofHostedZone(Id: string, domains: string[], common: Common): Question {
	const about = `aws.hostedZoneId: ${Id}`;
	return {
		about,
		action: "route53:GetHostedZone",
		ask: async () => {
			const { HostedZone } = await new Route53Client(common).send(new GetHostedZoneCommand({ Id }));
			const zone = (HostedZone?.Name ?? "").replace(/\.$/, "");
			const elsewhere = domains.filter((domain) => domain !== zone && !domain.endsWith(`.${zone}`));
			return problem(
				...(HostedZone?.Config?.PrivateZone
					? [`${about} is private: certificates are validated in a public zone.`]
					: []),
				...elsewhere.map((domain) => `${about} is ${zone}, and ${domain} is not in it.`),
			);
		},
	};
}
