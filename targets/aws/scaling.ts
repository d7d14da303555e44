import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Workload } from "../../components/workload.ts";
import type { Settings } from "../../settings.ts";
import { tagsOf } from "./names.ts";

/** Share of their CPU that tasks are held at: a new one takes minutes to come, and load doubles faster. */
const cpuPercent = 60;

/** Lets CPU decide how many tasks of a service run, where its workload may have more than one. */
export function scaleByCpu(
	settings: Settings,
	w: Workload,
	{ cluster, service }: { cluster: aws.ecs.Cluster; service: aws.ecs.Service },
	parent: pulumi.Resource,
): void {
	if (w.scale.max <= w.scale.min) return;
	const target = new aws.appautoscaling.Target(
		w.name,
		{
			serviceNamespace: "ecs",
			scalableDimension: "ecs:service:DesiredCount",
			resourceId: pulumi.interpolate`service/${cluster.name}/${service.name}`,
			minCapacity: w.scale.min,
			maxCapacity: w.scale.max,
			tags: tagsOf(settings, w.name),
		},
		{ parent },
	);
	new aws.appautoscaling.Policy(
		w.name,
		{
			policyType: "TargetTrackingScaling",
			serviceNamespace: target.serviceNamespace,
			scalableDimension: target.scalableDimension,
			resourceId: target.resourceId,
			targetTrackingScalingPolicyConfiguration: {
				predefinedMetricSpecification: { predefinedMetricType: "ECSServiceAverageCPUUtilization" },
				targetValue: cpuPercent,
				scaleOutCooldown: 60,
				// Slowly: with a task goes what is on its storage.
				scaleInCooldown: 600,
			},
		},
		{ parent },
	);
}
