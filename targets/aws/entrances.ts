// The ways into a stack: a load balancer for people, another for applications. TLS ends there; behind it only the stack's own
// security groups reach a task.

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Workload } from "../../components/workload.ts";
import type { Settings } from "../../settings.ts";
import { balancerAlarms, targetAlarm } from "./alarms.ts";
import { awsOf, tagsOf } from "./names.ts";
import type { Network } from "./network.ts";

type Port = Workload["ports"][number];
type Audience = NonNullable<Port["audience"]>;

/** Forward secrecy only, TLS 1.3 or 1.2. */
const sslPolicy = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06";

/** What differs between those who come. */
const kinds = {
	people: {
		setting: "grafana",
		balancer: { loadBalancerType: "application", dropInvalidHeaderFields: true },
		listener: () => ({ protocol: "HTTPS", port: 443 }),
		targets: "HTTP",
		metrics: "AWS/ApplicationELB",
	},
	applications: {
		setting: "otlp",
		// Few tasks in several zones: without it a zone's share goes to the zone's own tasks.
		balancer: { loadBalancerType: "network", enableCrossZoneLoadBalancing: true },
		// Clients of gRPC refuse a server that has not agreed to HTTP/2; the collector's HTTP receiver does not speak it without TLS.
		listener: ({ number, protocol }: Port) => ({
			protocol: "TLS",
			port: number,
			alpnPolicy: protocol === "grpc" ? "HTTP2Preferred" : "HTTP1Only",
		}),
		targets: "TCP",
		metrics: "AWS/NetworkELB",
	},
} as const;

/** What could not be told apart at an entrance, one sentence each. */
export function problemsOfEntrances(workloads: Workload[]): string[] {
	const wanted = new Map<string, string>();
	return workloads.flatMap((w) =>
		w.ports.flatMap((port) => {
			if (!port.audience) return [];
			const { setting, listener } = kinds[port.audience];
			const where = `port ${listener(port).port} of the entrance ${setting}`;
			const holder = wanted.get(where);
			wanted.set(where, holder ?? w.name);
			return holder ? [`${w.name}: ${where} is ${holder}'s. Give it a port or an entrance of its own.`] : [];
		}),
	);
}

/** A port of a workload, behind an entrance. */
export interface Entered {
	port: Port;
	/** As `host:port`; `host` alone at HTTPS's own port. */
	address: string;
	/** What `address` must lead to. */
	balancer: pulumi.Output<string>;
	targetGroupArn: pulumi.Output<string>;
	/** What must exist before a task is registered. */
	needs: pulumi.Resource[];
}

/** A load balancer with its name and certificate. */
export class Entrance extends pulumi.ComponentResource {
	readonly #settings: Settings;
	readonly #network: Network;
	readonly #kind: (typeof kinds)[Audience];
	readonly #name: string;
	readonly #balancer: aws.lb.LoadBalancer;
	readonly #certificateArn: pulumi.Input<string>;

	constructor(audience: Audience, settings: Settings, network: Network, opts: pulumi.ComponentResourceOptions) {
		const kind = kinds[audience];
		super("tracestack:aws:Entrance", kind.setting, {}, opts);
		this.#settings = settings;
		this.#network = network;
		this.#kind = kind;
		this.#name = `${kind.setting}-entrance`;
		const { domain, public: open } = this.#given;
		const { vpc } = network;
		const tags = tagsOf(settings);
		this.#balancer = new aws.lb.LoadBalancer(
			kind.setting,
			{
				...kind.balancer,
				internal: !open,
				subnets: open ? vpc.publicSubnetIds : vpc.privateSubnetIds,
				securityGroups: [network.group(this.#name).id],
				enableDeletionProtection: settings.production,
				tags,
			},
			// AWS makes no public one in a VPC whose gateway is still to come.
			{ parent: this, dependsOn: open ? vpc.wayIn : [] },
		);
		this.#certificateArn = this.#certificate();
		const { hostedZoneId } = awsOf(settings);
		const { dnsName, zoneId } = this.#balancer;
		if (hostedZoneId) {
			const aliases = [{ name: dnsName, zoneId, evaluateTargetHealth: false }];
			new aws.route53.Record(
				kind.setting,
				{ zoneId: hostedZoneId, name: domain, type: "A", aliases },
				{ parent: this },
			);
		} else if (!pulumi.runtime.isDryRun()) {
			dnsName.apply((name) => void pulumi.log.info(`${domain} must be a CNAME of ${name}`, this.#balancer));
		}
		balancerAlarms(settings, kind.setting, {
			balancer: this.#balancer,
			namespace: kind.metrics,
			certificateArn: this.#certificateArn,
			parent: this,
		});
		this.registerOutputs({ domain, balancer: dnsName });
	}

	/** Opens a workload's port to those who come here. */
	open(w: Workload, port: Port): Entered {
		const { domain, cidrs, public: open } = this.#given;
		const listening = this.#kind.listener(port);
		const name = `${w.name}-${port.name}`;
		const tags = tagsOf(this.#settings, w.name);
		const health = w.ports.find((one) => one.name === w.ready.port) ?? port;
		const group = new aws.lb.TargetGroup(
			name,
			{
				vpcId: this.#network.vpc.id,
				targetType: "ip",
				protocol: this.#kind.targets,
				port: port.number,
				// A task that leaves may end what it has begun.
				deregistrationDelay: w.stopGraceSeconds,
				healthCheck: {
					protocol: "HTTP",
					port: `${health.number}`,
					...(w.ready.path && { path: w.ready.path }),
					matcher: "200-299",
					interval: 10,
					healthyThreshold: 2,
					// ECS replaces a task that doesn't answer, and what is on its storage goes with it: it may take its time.
					unhealthyThreshold: 10,
				},
				tags,
			},
			{ parent: this },
		);
		const listener = new aws.lb.Listener(
			name,
			{
				loadBalancerArn: this.#balancer.arn,
				...listening,
				sslPolicy,
				certificateArn: this.#certificateArn,
				defaultActions: [{ type: "forward", targetGroupArn: group.arn }],
				tags,
			},
			{ parent: this },
		);
		// Only HTTPS with a login is open to everybody, and only where it is asked to be.
		const networks = cidrs ?? (open && this.#kind === kinds.people ? ["0.0.0.0/0"] : undefined);
		const admitted = networks
			? // By what they admit: numbered, those after one that goes would each become what the next still is, which AWS refuses.
				networks.map((cidr) => this.#network.admit(cidr, cidr.replace("/", "-"), this.#name, listening.port))
			: [this.#network.admit(this.#network.vpc.cidr, "vpc", this.#name, listening.port)];
		const within = [...new Set([port.number, health.number])].flatMap((number) =>
			this.#network.allow(this.#name, w.name, number),
		);
		targetAlarm(this.#settings, w, {
			name,
			balancer: this.#balancer,
			group,
			namespace: this.#kind.metrics,
			parent: this,
		});
		return {
			port,
			address: listening.port === 443 ? domain : `${domain}:${listening.port}`,
			balancer: this.#balancer.dnsName,
			targetGroupArn: group.arn,
			needs: [listener, ...admitted, ...within],
		};
	}

	get #given() {
		return awsOf(this.#settings)[this.#kind.setting];
	}

	/** The one that is given, or one that is made and validated by a record in the zone. */
	#certificate(): pulumi.Input<string> {
		const { domain, certificateArn } = this.#given;
		const { hostedZoneId } = awsOf(this.#settings);
		if (certificateArn || !hostedZoneId) return certificateArn ?? "";
		const name = this.#kind.setting;
		const certificate = new aws.acm.Certificate(
			name,
			{ domainName: domain, validationMethod: "DNS", tags: tagsOf(this.#settings) },
			{ parent: this },
		);
		const option = certificate.domainValidationOptions.apply(([first]) => first!);
		const proof = new aws.route53.Record(
			`${name}-validation`,
			{
				zoneId: hostedZoneId,
				name: option.resourceRecordName,
				type: option.resourceRecordType,
				records: [option.resourceRecordValue],
				ttl: 300,
				// Another stack's certificate for the same name has the same record.
				allowOverwrite: true,
			},
			{ parent: this },
		);
		return new aws.acm.CertificateValidation(
			name,
			{ certificateArn: certificate.arn, validationRecordFqdns: [proof.fqdn] },
			{ parent: this },
		).certificateArn;
	}
}
