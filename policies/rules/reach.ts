// Who reaches what: ports on Docker, listeners and security groups on AWS.

import { parse } from "yaml";
import { comesFrom, kindOf, listOf, objectOf, type Props, type Resource, type Rule, textsOf } from "../rule.ts";

export const guardedPorts: Rule = {
	name: "guarded-ports",
	description: "What is reached from outside the machine speaks TLS and asks who you are.",
	one: (resource) => {
		if (kindOf(resource) === "docker:index:Container") return openPorts(resource);
		if (["aws:lb:Listener", "aws:alb:Listener"].includes(kindOf(resource))) return plainListener(resource);
		return [];
	},
};

function openPorts(container: Resource): string[] {
	// Without an address Docker takes every one.
	const beyond = listOf(container.props.ports).filter(({ ip }) => !(typeof ip === "string" && ip.startsWith("127.")));
	return beyond.flatMap(({ internal, external, ip }) => {
		const missing = missingAt(container, Number(internal));
		if (missing.length === 0) return [];
		const where = `port ${external} on ${String(ip ?? "0.0.0.0")}`;
		return [`${where} lacks ${missing.join(" and ")}: bind it to 127.0.0.1, or set access.tls and access.token`];
	});
}

/** What a server that is known here lacks at a port; a server that is not lacks everything. */
function missingAt(container: Resource, port: number): string[] {
	const envs = textsOf(container.props.envs);
	const isGrafana = envs.some((env) => env.startsWith("GF_"));
	const guard = isGrafana
		? { tls: envs.includes("GF_SERVER_PROTOCOL=https"), asks: !envs.includes("GF_AUTH_ANONYMOUS_ENABLED=true") }
		: receiverAt(container, port);
	return [...(guard.tls ? [] : ["TLS"]), ...(guard.asks ? [] : ["a token or a login"])];
}

/** The collector's receiver that listens at a port: it is in the configuration that the container is given. */
function receiverAt({ props }: Resource, port: number) {
	const texts = listOf(props.uploads).flatMap(({ file, content }) =>
		typeof content === "string" && /\.ya?ml$/.test(String(file)) ? [content] : [],
	);
	const at = texts.flatMap((text) => listeners(objectOf(parse(text)).receivers, port));
	return {
		tls: at.length > 0 && at.every(({ tls }) => objectOf(tls).cert_file),
		asks: at.length > 0 && at.every(({ auth }) => objectOf(auth).authenticator),
	};
}

function listeners(value: unknown, port: number): Props[] {
	const object = objectOf(value);
	if (String(object.endpoint).endsWith(`:${port}`)) return [object];
	return Object.values(object).flatMap((below) => listeners(below, port));
}

function plainListener({ props }: Resource): string[] {
	const { protocol, port } = props;
	if (typeof protocol !== "string" || ["HTTPS", "TLS"].includes(protocol)) return [];
	const redirects = listOf(props.defaultActions).every(({ type }) => type === "redirect");
	if (protocol === "HTTP" && redirects && listOf(props.defaultActions).length > 0) return [];
	return [`the listener at ${String(port)} speaks ${protocol}: make it HTTPS or TLS, with a certificate`];
}

export const closedNetworks: Rule = {
	name: "closed-networks",
	description: "A security group lets the world in only to HTTPS of an application load balancer.",
	all: (resources) => {
		const balancers = resources.filter(
			({ type, props }) =>
				type.endsWith(":LoadBalancer") && (props.loadBalancerType ?? "application") === "application",
		);
		const groups = resources.filter((resource) => kindOf(resource) === "aws:ec2:SecurityGroup");
		const ofBalancer = (group?: Resource) =>
			group !== undefined && balancers.some((balancer) => comesFrom(balancer, "securityGroups", group));
		return resources.flatMap((resource) => {
			const group = groups.find((one) => one === resource || comesFrom(resource, "securityGroupId", one));
			return ingressOf(resource)
				.filter((rule) => isOpen(rule) && !(isHttps(rule) && ofBalancer(group)))
				.map((rule) => {
					const what = `ports ${portsOf(rule)} are open to the world`;
					const message = `${what}: name a security group or a network instead; 443 of an application load balancer may be open`;
					return { resource, message };
				});
		});
	},
};

/** Rules about who may come in, in the three ways that AWS's provider has. */
function ingressOf(resource: Resource): Props[] {
	switch (kindOf(resource)) {
		case "aws:ec2:SecurityGroup":
			return listOf(resource.props.ingress);
		case "aws:ec2:SecurityGroupRule":
			return resource.props.type === "ingress" ? [resource.props] : [];
		case "aws:vpc:SecurityGroupIngressRule":
			return [resource.props];
		default:
			return [];
	}
}

function isOpen(rule: Props): boolean {
	const from = [rule.cidrIpv4, rule.cidrIpv6, rule.cidrBlocks, rule.ipv6CidrBlocks].flatMap(textsOf);
	return from.some((network) => network.endsWith("/0"));
}

function isHttps({ fromPort, toPort }: Props): boolean {
	return fromPort === 443 && toPort === 443;
}

function portsOf({ fromPort, toPort, ipProtocol, protocol }: Props): string {
	if ([ipProtocol, protocol].includes("-1") || fromPort === undefined) return "of every kind";
	return fromPort === toPort ? String(fromPort) : `${String(fromPort)} to ${String(toPort)}`;
}
