import type { ComponentResource, Input, Output, ProviderResource, Resource } from "@pulumi/pulumi";
import type { AddressOf, Offers, Workload } from "../components/workload.ts";
import type { Settings } from "../settings.ts";

/** Where a port is reached. */
export interface Entrance {
	/** As `host:port`; resolves once the workload is ready (in a preview at once). */
	address: Output<string>;
	/** Whether it speaks TLS there, whatever the workload itself speaks. */
	tls: boolean;
}

/** A workload that a target has realised. */
export interface Running {
	/**
	 * What holds the service's content: its volume if it has one, else the process. What other providers create inside the
	 * service is `deletedWith` it.
	 */
	keeper: Resource;
	/**
	 * By name, each `host` or `outside` port that is reached from where the stack is made. Addresses carry no dependency on the
	 * process: what is made in the service outlives its container.
	 */
	outside: Record<string, Entrance>;
}

/** Where a stack runs. Components never ask which one they have. */
export interface Target {
	/** Providers of the resources below a service. @default the engine's own */
	providers?: ProviderResource[];
	/** Address of a workload within the stack. Pure, known before anything exists: Tempo and Prometheus name each other. */
	address: AddressOf;
	/** What there is beside containers. Known before anything exists, like addresses: a resource is made when a workload asks for it. */
	offers: Offers;
	/** Replaces the placeholders of `offers` in a text by the values of the resources that they stand for. */
	resolve(text: string): Input<string>;
	/** Everything that would make the deployment fail half way, one sentence each; empty when nothing would. */
	preflight(workloads: Workload[]): Promise<string[]>;
	/** Creates the workload's resources as children of `parent`. */
	run(workload: Workload, parent: ComponentResource): Running;
}

/** Loads the target that a stack asks for, and only that one: a laptop's stack never pays for the AWS SDK. */
export async function loadTarget(settings: Settings): Promise<Target> {
	switch (settings.target) {
		case "docker":
			return new (await import("./docker/docker.ts")).DockerTarget(settings);
		case "aws":
			return new (await import("./aws/aws.ts")).AwsTarget(settings);
	}
}
