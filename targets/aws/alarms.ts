// CloudWatch alarms for what Prometheus can't see or tell: that it or Alertmanager is down, that a load balancer has no healthy
// target, that a certificate expires, that the database's disk is full.

import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { Workload } from "../../components/workload.ts";
import type { Settings } from "../../settings.ts";
import { awsOf, tagsOf } from "./names.ts";

type Condition = Omit<aws.cloudwatch.MetricAlarmArgs, "alarmActions" | "okActions" | "tags">;

/** An alarm of a stack, told to the topics that its settings name. */
function alarm(settings: Settings, name: string, condition: Condition, options: pulumi.CustomResourceOptions): void {
	const { alarmTopicArns } = awsOf(settings);
	new aws.cloudwatch.MetricAlarm(
		name,
		{
			name: `${settings.namePrefix}-${name}`,
			...condition,
			alarmActions: alarmTopicArns,
			okActions: alarmTopicArns,
			tags: tagsOf(settings),
		},
		options,
	);
}

/** Alarms of a service: fewer tasks than there must be, and memory that is nearly gone. */
export function serviceAlarms(
	settings: Settings,
	w: Workload,
	dimensions: { ClusterName: pulumi.Input<string>; ServiceName: pulumi.Input<string> },
	parent: pulumi.Resource,
): void {
	const common = { namespace: "AWS/ECS", dimensions, period: 60 };
	alarm(
		settings,
		`${w.name}-tasks`,
		{
			...common,
			alarmDescription: `Fewer than ${w.scale.min} of ${w.name} have run for five minutes: its events in ECS and its log say why.`,
			// Each task is one sample a minute.
			metricName: "CPUUtilization",
			statistic: "SampleCount",
			comparisonOperator: "LessThanThreshold",
			threshold: w.scale.min,
			evaluationPeriods: 5,
			treatMissingData: "breaching",
		},
		{ parent },
	);
	alarm(
		settings,
		`${w.name}-memory`,
		{
			...common,
			alarmDescription: `${w.name} has had more than 90 % of its memory for a quarter of an hour: it is killed at 100 %. See the setting size.`,
			metricName: "MemoryUtilization",
			statistic: "Maximum",
			comparisonOperator: "GreaterThanThreshold",
			threshold: 90,
			evaluationPeriods: 15,
			treatMissingData: "notBreaching",
		},
		{ parent },
	);
}

/** A port's alarm: no task behind it answers. */
export function targetAlarm(
	settings: Settings,
	w: Workload,
	of: {
		name: string;
		balancer: aws.lb.LoadBalancer;
		group: aws.lb.TargetGroup;
		namespace: string;
		parent: pulumi.Resource;
	},
): void {
	const { name, balancer, group, namespace, parent } = of;
	alarm(
		settings,
		`${name}-answers`,
		{
			namespace,
			dimensions: { LoadBalancer: balancer.arnSuffix, TargetGroup: group.arnSuffix },
			alarmDescription: `Fewer than ${w.scale.min} of ${w.name} have answered the load balancer for five minutes.`,
			metricName: "HealthyHostCount",
			// Of what a balancer's nodes see: AWS advises it, because a node that has just learnt of a task sees fewer than there are.
			statistic: "Maximum",
			period: 60,
			comparisonOperator: "LessThanThreshold",
			threshold: w.scale.min,
			evaluationPeriods: 5,
			treatMissingData: "breaching",
		},
		{ parent },
	);
}

/** Alarms of an entrance: errors of its own, and a certificate that ends. */
export function balancerAlarms(
	settings: Settings,
	name: string,
	of: {
		balancer: aws.lb.LoadBalancer;
		namespace: string;
		certificateArn: pulumi.Input<string>;
		parent: pulumi.Resource;
	},
): void {
	const { balancer, namespace, certificateArn, parent } = of;
	if (namespace === "AWS/ApplicationELB")
		alarm(
			settings,
			`${name}-errors`,
			{
				namespace,
				dimensions: { LoadBalancer: balancer.arnSuffix },
				alarmDescription: `The load balancer of ${name} has itself answered ten requests in five minutes with an error.`,
				metricName: "HTTPCode_ELB_5XX_Count",
				statistic: "Sum",
				period: 300,
				comparisonOperator: "GreaterThanOrEqualToThreshold",
				threshold: 10,
				evaluationPeriods: 1,
				treatMissingData: "notBreaching",
			},
			{ parent },
		);
	alarm(
		settings,
		`${name}-certificate`,
		{
			namespace: "AWS/CertificateManager",
			dimensions: { CertificateArn: certificateArn },
			alarmDescription: `The certificate of ${name} ends in less than three weeks: ACM renews its own while their DNS record is there.`,
			metricName: "DaysToExpiry",
			statistic: "Minimum",
			period: 86_400,
			comparisonOperator: "LessThanThreshold",
			threshold: 21,
			evaluationPeriods: 1,
			treatMissingData: "ignore",
		},
		{ parent },
	);
}

/** Alarm of the database: a disk that is nearly full, because it did not grow or may not grow further. */
export function databaseAlarm(settings: Settings, database: aws.rds.Instance): void {
	const { databaseGiB } = settings.managed;
	alarm(
		settings,
		"database-storage",
		{
			namespace: "AWS/RDS",
			dimensions: { DBInstanceIdentifier: database.identifier },
			alarmDescription: `Less than a twentieth of ${databaseGiB} GiB is free on the database's disk, which should have grown at a tenth: full, it stops. See the setting managed.databaseGiB.`,
			metricName: "FreeStorageSpace",
			statistic: "Minimum",
			period: 300,
			comparisonOperator: "LessThanThreshold",
			threshold: (databaseGiB * 2 ** 30) / 20,
			evaluationPeriods: 3,
			treatMissingData: "notBreaching",
		},
		// Nothing is lost with it.
		{ parent: database, protect: false },
	);
}
