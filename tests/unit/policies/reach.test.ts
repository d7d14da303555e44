import type { Props } from "../../../policies/rule.ts";
import { cases, container, resource, tagged } from "./cases.ts";

const listening = (receiver: Props, props: Props = {}) => {
	const receivers = { otlp: { protocols: { grpc: { endpoint: "0.0.0.0:4317", ...receiver } } } };
	return container({
		ports: [{ internal: 4317, external: 4317, ip: "0.0.0.0" }],
		uploads: [{ file: "/etc/otelcol/config.yaml", content: JSON.stringify({ receivers }) }],
		...props,
	});
};
const guarded = { tls: { cert_file: "/a" }, auth: { authenticator: "bearertokenauth" } };

const group = (props: Props = {}) =>
	resource("aws:ec2/securityGroup:SecurityGroup", { tags: tagged, ...props }, { urn: "urn:group" });
const ingress = (props: Props) =>
	resource(
		"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
		{ ipProtocol: "tcp", ...props },
		{ name: "ingress", from: { securityGroupId: ["urn:group"] } },
	);
const balancer = (loadBalancerType: string) =>
	resource("aws:lb/loadBalancer:LoadBalancer", { loadBalancerType }, { from: { securityGroups: ["urn:group"] } });
const https = { cidrIpv4: "0.0.0.0/0", fromPort: 443, toPort: 443 };

cases(
	[
		[
			"a port on loopback",
			"guarded-ports",
			[container({ ports: [{ internal: 3200, external: 3200, ip: "127.0.0.1" }] })],
		],
		["a receiver with both", "guarded-ports", [listening(guarded)]],
		[
			"Grafana with TLS",
			"guarded-ports",
			[container({ ports: [{ internal: 3000, external: 3000, ip: "192.0.2.1" }], envs: ["GF_SERVER_PROTOCOL=https"] })],
		],
		["a listener with TLS", "guarded-ports", [resource("aws:lb/listener:Listener", { port: 443, protocol: "HTTPS" })]],
		[
			"a redirect to HTTPS",
			"guarded-ports",
			[resource("aws:lb/listener:Listener", { port: 80, protocol: "HTTP", defaultActions: [{ type: "redirect" }] })],
		],
		["HTTPS of an application load balancer", "closed-networks", [group(), balancer("application"), ingress(https)]],
		[
			"one's own network",
			"closed-networks",
			[group(), ingress({ cidrIpv4: "10.0.0.0/16", fromPort: 4317, toPort: 4317 })],
		],
	],
	[
		[
			"a receiver without a token",
			"guarded-ports",
			[listening({ tls: guarded.tls })],
			/port 4317 on 0\.0\.0\.0 lacks a token or a login: bind it to 127\.0\.0\.1, or/,
		],
		["a receiver without TLS", "guarded-ports", [listening({ auth: guarded.auth })], /lacks TLS/],
		[
			"every address",
			"guarded-ports",
			[container({ ports: [{ internal: 9090, external: 9090 }] })],
			/0\.0\.0\.0 lacks TLS and a token/,
		],
		[
			"Grafana that lets everybody in",
			"guarded-ports",
			[
				container({
					ports: [{ internal: 3000, external: 3000, ip: "0.0.0.0" }],
					envs: ["GF_SERVER_PROTOCOL=https", "GF_AUTH_ANONYMOUS_ENABLED=true"],
				}),
			],
			/lacks a token or a login/,
		],
		[
			"a plain listener",
			"guarded-ports",
			[resource("aws:lb/listener:Listener", { port: 4317, protocol: "TCP" })],
			/at 4317 speaks TCP: make it HTTPS or TLS/,
		],
		[
			"an open port",
			"closed-networks",
			[group(), balancer("application"), ingress({ ...https, fromPort: 80 })],
			/ports 80 to 443 are open to the world: name/,
		],
		["HTTPS of anything else", "closed-networks", [group(), balancer("network"), ingress(https)], /ports 443 are open/],
		[
			"everything by IPv6",
			"closed-networks",
			[group({ ingress: [{ protocol: "-1", ipv6CidrBlocks: ["::/0"] }] })],
			/of every kind are open/,
		],
		[
			"an open rule of the old kind",
			"closed-networks",
			[
				resource("aws:ec2/securityGroupRule:SecurityGroupRule", {
					type: "ingress",
					cidrBlocks: ["0.0.0.0/0"],
					fromPort: 22,
					toPort: 22,
					protocol: "tcp",
				}),
			],
			/ports 22 are open/,
		],
	],
);
