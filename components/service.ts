import * as pulumi from "@pulumi/pulumi";
import type { Running, Target } from "../targets/target.ts";
import type { Workload } from "./workload.ts";

export interface ServiceArgs {
	/** What runs. */
	workload: Workload;
	/** Where it runs: it makes the children of the component. */
	target: Target;
}

/** A workload, realised by a target: `tracestack:service:Tempo` and its children. */
export class Service extends pulumi.ComponentResource {
	/** Where it is reached, and what holds its data. */
	readonly running: Running;

	constructor({ workload, target }: ServiceArgs, opts?: pulumi.ComponentResourceOptions) {
		const { name } = workload;
		super(`tracestack:service:${inPascalCase(name)}`, name, {}, { ...opts, providers: target.providers });
		this.running = target.run(workload, this);
		const addresses = Object.entries(this.running.outside).map(([port, { address }]) => [port, address]);
		this.registerOutputs(Object.fromEntries(addresses));
	}
}

/** `temporal-poller` as `TemporalPoller`. */
function inPascalCase(name: string): string {
	return name.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
