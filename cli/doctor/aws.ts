// Checks of a stack on AWS. AWS's SDK is loaded for such a stack only.

import type { Deployed } from "../../targets/aws/condition.ts";
import type { Context } from "../drift/finding.ts";
import { UserError } from "../output.ts";
import { revealed, type StateResource } from "../state.ts";
import type { Check, Complaint } from "./complaint.ts";

type Condition = typeof import("../../targets/aws/condition.ts");

/** Fargate services whose deployment fails, that have too few tasks, or whose tasks end. */
export const onFargate: Check = (context) => asked(context, ({ ailingServices }, deployed) => ailingServices(deployed));

/** CloudWatch's alarms, for what Prometheus can't see. */
export const inCloudWatch: Check = (context) =>
	asked(context, ({ ringingAlarms }, deployed) => ringingAlarms(deployed));

async function asked(
	{ state }: Context,
	ask: (condition: Condition, deployed: Deployed) => Promise<Complaint[]>,
): Promise<Complaint[]> {
	const deployed = deployedOnAws(state.deployment.resources ?? []);
	return deployed ? ask(await condition(), deployed) : [];
}

/** What was deployed on AWS, according to the state; undefined where the stack runs elsewhere. */
export function deployedOnAws(resources: StateResource[]): Deployed | undefined {
	const of = (type: string) =>
		resources.filter((resource) => resource.type === type && resource.outputs && !resource.delete);
	const text = ({ inputs, outputs }: StateResource, property: string) =>
		revealed<string>(outputs?.[property] ?? inputs?.[property] ?? "");
	const [cluster] = of("aws:ecs/cluster:Cluster").map((resource) => text(resource, "arn"));
	if (!cluster) return undefined;
	const groups = of("aws:cloudwatch/logGroup:LogGroup").map((group) => text(group, "name"));
	return {
		region: cluster.split(":")[3] ?? "",
		cluster,
		services: of("aws:ecs/service:Service").map((service) => {
			const name = text(service, "name");
			return {
				name,
				// From the inputs: whether ECS really runs it is what is checked.
				taskDefinition: revealed<string>(service.inputs?.taskDefinition ?? ""),
				logGroup: groups.find((group) => group.endsWith(`/${name}`)) ?? "",
			};
		}),
		alarms: of("aws:cloudwatch/metricAlarm:MetricAlarm").map((alarm) => text(alarm, "name")),
	};
}

async function condition(): Promise<Condition> {
	try {
		return await import("../../targets/aws/condition.ts");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
		throw new UserError("AWS's SDK is not installed: run the same command once with TRACESTACK_FULL_INSTALL=1");
	}
}
