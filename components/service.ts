import * as pulumi from "@pulumi/pulumi";
import type { Running, Target } from "../targets/target.ts";
import type { Workload } from "./workload.ts";

export interface ServiceArgs {
	workload: Workload;
	target: Target;
}

/** A workload, realised by a target: `tracestack:service:Tempo` and its children. */
export class Service extends pulumi.ComponentResource {
	readonly running: Running;

	constructor({ workload, target }: ServiceArgs, opts?: pulumi.ComponentResourceOptions) {
		const { name } = workload;
		super(
			`tracestack:service:${name[0]?.toUpperCase()}${name.slice(1)}`,
			name,
			{},
			{ ...opts, providers: target.providers },
		);
		this.running = target.run(workload, this);
		const addresses = Object.entries(this.running.outside).map(([port, { address }]) => [port, address]);
		this.registerOutputs(Object.fromEntries(addresses));
	}
}
