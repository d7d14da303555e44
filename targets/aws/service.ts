import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Workload } from "../../components/workload.ts";
import type { Settings } from "../../settings.ts";
import { serviceAlarms } from "./alarms.ts";
import type { Entered } from "./entrances.ts";
import { tagsOf } from "./names.ts";
import { scaleByCpu } from "./scaling.ts";
import type { Shared } from "./shared.ts";

export interface FargateServiceArgs {
	/** What each task runs. */
	definition: aws.ecs.TaskDefinition;
	/** Its ports behind load balancers. */
	entered: Entered[];
	/** What must exist before a task starts. */
	needs: pulumi.Resource[];
	/** The component that all of it belongs to. */
	parent: pulumi.Resource;
}

/** Keeps a workload's tasks running, under its name in the stack's private zone and behind its entrances. */
export function fargateService(
	settings: Settings,
	shared: Shared,
	w: Workload,
	{ definition, entered, needs, parent }: FargateServiceArgs,
): aws.ecs.Service {
	const { vpc } = shared.network;
	const tags = tagsOf(settings, w.name);
	const discovery = new aws.servicediscovery.Service(
		w.name,
		{
			name: w.name,
			dnsConfig: {
				namespaceId: shared.namespace.id,
				dnsRecords: [{ type: "A", ttl: 10 }],
				routingPolicy: "MULTIVALUE",
			},
			// ECS reports a task's health through it. Deprecated, but an empty block is dropped (pulumi/pulumi-aws#6289).
			healthCheckCustomConfig: { failureThreshold: 1 },
			forceDestroy: true, // else a task that is still listed stops a destroy
			tags,
		},
		{ parent, deleteBeforeReplace: true },
	);
	const stopFirst = w.scale.deploy === "stop-first";
	const service = new aws.ecs.Service(
		w.name,
		{
			name: w.name,
			cluster: shared.cluster.arn,
			taskDefinition: definition.arn,
			launchType: "FARGATE",
			platformVersion: "1.4.0",
			desiredCount: w.scale.min,
			deploymentMinimumHealthyPercent: stopFirst ? 0 : 100,
			deploymentMaximumPercent: stopFirst ? 100 : 200,
			deploymentCircuitBreaker: { enable: true, rollback: true },
			// It starts a second task before it stops the first.
			availabilityZoneRebalancing: stopFirst ? "DISABLED" : "ENABLED",
			networkConfiguration: {
				subnets: vpc.privateSubnetIds,
				securityGroups: [shared.network.group(w.name).id],
				assignPublicIp: false,
			},
			serviceRegistries: { registryArn: discovery.arn },
			...(entered.length > 0 && {
				loadBalancers: entered.map(({ targetGroupArn, port }) => ({
					targetGroupArn,
					containerName: w.name,
					containerPort: port.number,
				})),
				healthCheckGracePeriodSeconds: w.ready.timeoutSeconds,
			}),
			enableEcsManagedTags: true,
			propagateTags: "SERVICE",
			// Pulumi deletes the previous task definition afterwards, which a rollback still needs.
			waitForSteadyState: true,
			tags,
		},
		{
			parent,
			dependsOn: needs,
			// Its name is taken until it is gone.
			deleteBeforeReplace: true,
			// Autoscaling sets it.
			ignoreChanges: w.scale.max > w.scale.min ? ["desiredCount"] : [],
		},
	);
	// ECS that has gone back to earlier tasks is steady too, and the provider calls that a success.
	if (!pulumi.runtime.isDryRun())
		pulumi.all([service.taskDefinition, definition.arn]).apply(([runs, wanted]) => {
			if (runs !== wanted)
				throw new pulumi.RunError(
					`${w.name}: its new tasks failed, and ECS has gone back to ${runs}. ` +
						"The service's events in ECS and its log say why; then run the same command again.",
				);
		});
	scaleByCpu(settings, w, { cluster: shared.cluster, service }, parent);
	serviceAlarms(settings, w, { ClusterName: shared.cluster.name, ServiceName: service.name }, parent);
	return service;
}
