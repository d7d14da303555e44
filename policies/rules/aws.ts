// What holds for everything on AWS: who may do what, and whose it is.

import { documentOf, kindOf, listOf, objectOf, type Props, type Resource, type Rule, textsOf } from "../rule.ts";

export const leastPrivilege: Rule = {
	name: "least-privilege",
	description: "What is allowed is named: no wildcard among actions, none instead of a resource, nobody as everybody.",
	one: (resource) => {
		const attached = String(resource.props.policyArn ?? "");
		if (/:aws:policy\/.*(AdministratorAccess|PowerUserAccess|FullAccess)$/.test(attached))
			return [`${attached.split("/").at(-1)} allows everything: attach a policy that names what is needed`];
		return policiesOf(resource).flatMap(statementsOf).flatMap(wrongWith);
	},
};

/** Actions that no resource can be named for. */
const withoutResource = new Set(["ecr:GetAuthorizationToken"]);

function policiesOf(resource: Resource): unknown[] {
	const { policy, inlinePolicies } = resource.props;
	const isAws = kindOf(resource).startsWith("aws:");
	return isAws ? [policy, ...listOf(inlinePolicies).map((inline) => inline.policy)].map(documentOf) : [];
}

function statementsOf(policy: unknown): Props[] {
	const { Statement } = objectOf(policy);
	return Array.isArray(Statement) ? listOf(Statement) : Statement ? [objectOf(Statement)] : [];
}

function wrongWith({ Effect, Action, NotAction, Resource: on, NotResource, Principal }: Props): string[] {
	if (Effect !== "Allow") return [];
	const wrong: string[] = [];
	const actions = textsOf(Action);
	if (NotAction !== undefined || NotResource !== undefined)
		wrong.push("NotAction and NotResource allow whatever AWS adds next: name what is needed");
	for (const action of actions.filter((one) => one.includes("*")))
		wrong.push(`the action ${action} is a wildcard: name each action that is needed`);
	const needsNone = actions.length > 0 && actions.every((action) => withoutResource.has(action));
	for (const resource of textsOf(on).filter((one) => isAnything(one) && !(one === "*" && needsNone)))
		wrong.push(`the resource ${resource} is a wildcard: name the ARN, as far as it is the stack's own`);
	if ([Principal, objectOf(Principal).AWS].some((who) => textsOf(who).includes("*")))
		wrong.push("everybody may: name the principal");
	return wrong;
}

/** Whether an ARN names nothing of one's own: what follows the account, or the type of the resource, is a wildcard. */
function isAnything(arn: string): boolean {
	if (arn === "*") return true;
	const [, , service, region, account, ...rest] = arn.split(":");
	if (region === "*" || account === "*") return true;
	const name = rest.join(":");
	return service === "s3" ? name.startsWith("*") : /^([a-z-]+[:/])?\*/i.test(name);
}

/** Kinds that have no tags; all others have. */
const untagged = new Set(
	[
		["aws:iam", "RolePolicy", "RolePolicyAttachment", "UserPolicy", "GroupPolicy", "PolicyAttachment", "Group"],
		["aws:efs", "FileSystemPolicy", "MountTarget", "BackupPolicy"],
		["aws:secretsmanager", "SecretVersion", "SecretPolicy", "SecretRotation"],
		["aws:cloudwatch", "LogResourcePolicy", "LogStream", "Dashboard"],
		["aws:ec2", "Route", "RouteTableAssociation", "SecurityGroupRule", "VpcDhcpOptionsAssociation"],
		["aws:route53", "Record"],
		["aws:acm", "CertificateValidation"],
		["aws:appautoscaling", "Policy", "ScheduledAction"],
		["aws:ecs", "ClusterCapacityProviders"],
		["aws:lb", "TargetGroupAttachment", "ListenerCertificate"],
		["aws:kms", "Alias", "KeyPolicy"],
		["aws:amp", "AlertManagerDefinition", "QueryLoggingConfiguration"],
	].flatMap(([module, ...names]) => names.map((name) => `${module}:${name}`)),
);

const wanted = ["project", "stack"];

export const tags: Rule = {
	name: "tags",
	description: "Whose a resource on AWS is, its tags say.",
	one: (resource) => {
		const kind = kindOf(resource);
		// What belongs to a bucket is no resource of its own to AWS.
		const hasNone = !kind.startsWith("aws:") || untagged.has(kind) || /^aws:s3:Bucket./.test(kind);
		if (hasNone || typeof resource.props.tags === "symbol") return [];
		const missing = wanted.filter((tag) => objectOf(resource.props.tags)[tag] === undefined);
		const advice = "give it tagsOf(settings); a kind that has no tags is named in policies/rules/aws.ts";
		return missing.length > 0 ? [`it lacks the tag ${missing.join(" and ")}: ${advice}`] : [];
	},
};
