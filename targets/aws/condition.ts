// How a stack on AWS fares: what ECS and CloudWatch say of its services, its tasks and its alarms.

import { CloudWatchClient, DescribeAlarmsCommand } from "@aws-sdk/client-cloudwatch";
import {
	DescribeServicesCommand,
	DescribeTasksCommand,
	ECSClient,
	ListTasksCommand,
	type Service,
	type Task,
} from "@aws-sdk/client-ecs";
import { patience, refusal } from "./ask.ts";

/** What was deployed, as far as AWS is asked about it. */
export interface Deployed {
	region: string;
	/** ARN. */
	cluster: string;
	/** Services with the task definition that each was given. */
	services: { name: string; taskDefinition: string; logGroup: string }[];
	/** Names of alarms. */
	alarms: string[];
}

/** Something that is wrong. */
export interface Ailment {
	severity: "broken" | "warning";
	/** The service. */
	about: string;
	what: string;
	seen?: string;
	todo: string;
}

/** Why a task ended, as ECS words it: the first that fits. `calm`: it was meant to. */
const ends: { pattern: RegExp; what: string; todo: string; calm?: boolean }[] = [
	{
		pattern: /OutOfMemory/,
		what: "a task of it had used up its memory and was killed",
		todo: "a larger tracestack:size; what fills it: docs/durability.md",
	},
	{
		pattern: /CannotPull/,
		what: "its image could not be fetched",
		todo: "is it there for the stack's aws.architecture, does its registry ask for a login, and have private subnets a way out?",
	},
	{
		pattern: /ResourceInitializationError/,
		what: "a task of it could not be made ready",
		todo: "secrets, log group and EFS are reached from private subnets by HTTPS and NFS: ./tracestack preview puts back roles and rules",
	},
	{
		pattern: /health checks?/i,
		what: "a task of it did not answer and was replaced",
		todo: "its log: aws logs tail $log --since 1h",
	},
	{ pattern: /Scaling activity|deployment|UserInitiated|ServiceSchedulerInitiated/, what: "", todo: "", calm: true },
	{
		pattern: /./,
		what: "a task of it ended by itself",
		todo: "its log: aws logs tail $log --since 1h",
	},
];

/** Services that fail to deploy, lack tasks, or lose them. */
export async function ailingServices(deployed: Deployed): Promise<Ailment[]> {
	const { region, cluster, services } = deployed;
	const ecs = new ECSClient({ region, ...patience });
	const found: Service[] = [];
	// It takes ten at a time.
	for (let i = 0; i < services.length; i += 10) {
		const names = services.slice(i, i + 10).map(({ name }) => name);
		const { services: some = [] } = await asked("ecs:DescribeServices", () =>
			ecs.send(new DescribeServicesCommand({ cluster, services: names })),
		);
		found.push(...some);
	}
	const ailments = services.map(async (declared): Promise<Ailment[]> => {
		const service = found.find(({ serviceName, status }) => serviceName === declared.name && status === "ACTIVE");
		if (!service)
			return [
				{
					severity: "broken",
					about: declared.name,
					what: "ECS has no such service",
					todo: "./tracestack up makes it again",
				},
			];
		const stopped = await stoppedTasks(ecs, cluster, declared.name);
		const fewer = (service.runningCount ?? 0) < (service.desiredCount ?? 0);
		return [...deployment(service, declared), ...ended(stopped, declared, fewer)];
	});
	return (await Promise.all(ailments)).flat();
}

/** What its deployment has come to. */
export function deployment(service: Service, { name: about, taskDefinition }: Deployed["services"][number]): Ailment[] {
	const { deployments = [], events = [], desiredCount = 0, runningCount = 0 } = service;
	const current = deployments.find(({ status }) => status === "PRIMARY");
	const message = events[0]?.message;
	const seen = message ? { seen: message } : {};
	const ailments: Ailment[] = [];
	if (current?.rolloutState === "FAILED")
		ailments.push({
			...{ severity: "broken", about, what: "its deployment failed" },
			...(current.rolloutStateReason ? { seen: current.rolloutStateReason } : seen),
			todo: "why its tasks ended is said below; then ./tracestack up again",
		});
	else if (current?.taskDefinition && taskDefinition && current.taskDefinition !== taskDefinition)
		ailments.push({
			...{ severity: "broken", about },
			what: `it runs ${revision(current.taskDefinition)}, and ${revision(taskDefinition)} was deployed: ECS has gone back, or somebody has`,
			...seen,
			todo: "why the new tasks ended is said below; then ./tracestack up again",
		});
	else if (current?.rolloutState === "IN_PROGRESS" && (current.failedTasks ?? 0) > 0)
		ailments.push({
			...{
				severity: "warning",
				about,
				what: `its deployment goes on, and ${current.failedTasks} of its tasks have failed`,
			},
			...seen,
			todo: "after some more ECS goes back to the tasks before: why they ended is said below",
		});
	if (runningCount < desiredCount)
		ailments.push({
			...{ severity: "broken", about, what: `${runningCount} of ${desiredCount} tasks run` },
			...seen,
			todo: "why others ended is said below; without a reason there, ECS's events of the service have one",
		});
	return ailments;
}

/** Why tasks ended in the last hour, the same said once: ECS forgets them after that. */
export function ended(
	tasks: Task[],
	{ name: about, logGroup }: Deployed["services"][number],
	broken: boolean,
): Ailment[] {
	const told = new Map<string, Ailment & { times: number }>();
	for (const task of tasks) {
		// The service's own first: of the others one that failed kept it from starting.
		const containers = task.containers?.toSorted((a, b) => Number(b.name === about) - Number(a.name === about));
		const container = containers?.find(({ reason, exitCode }) => reason || exitCode);
		const reasons = [container?.reason, task.stoppedReason, task.stopCode].filter(Boolean);
		const end = ends.find(({ pattern }) => pattern.test(reasons.join(" ")));
		if (!end || end.calm) continue;
		const code = container?.exitCode ? ` (${container.name}: exit code ${container.exitCode})` : "";
		const times = (told.get(end.what)?.times ?? 0) + 1;
		told.set(end.what, {
			...{ severity: broken ? "broken" : "warning", about, times },
			what: `${end.what}${times > 1 ? `, ${times} times in an hour` : ""}`,
			seen: `${reasons[0]}${code}`,
			todo: end.todo.replace("$log", logGroup),
		});
	}
	return [...told.values()].map(({ times: _, ...ailment }) => ailment);
}

/** Alarms that say so. */
export async function ringingAlarms({ region, alarms }: Deployed): Promise<Ailment[]> {
	if (alarms.length === 0) return [];
	const cloudWatch = new CloudWatchClient({ region, ...patience });
	const { MetricAlarms = [] } = await asked("cloudwatch:DescribeAlarms", () =>
		cloudWatch.send(new DescribeAlarmsCommand({ AlarmNames: alarms, StateValue: "ALARM", MaxRecords: 100 })),
	);
	return MetricAlarms.filter(({ StateValue }) => StateValue === "ALARM").map(
		({ AlarmName = "", AlarmDescription = "", StateReason }) => ({
			...{ severity: "broken", about: "stack", what: `CloudWatch's alarm ${AlarmName} rings` },
			...(StateReason && { seen: StateReason }),
			todo: AlarmDescription || "CloudWatch shows what it measures",
		}),
	);
}

async function stoppedTasks(ecs: ECSClient, cluster: string, serviceName: string): Promise<Task[]> {
	const { taskArns = [] } = await asked("ecs:ListTasks", () =>
		ecs.send(new ListTasksCommand({ cluster, serviceName, desiredStatus: "STOPPED" })),
	);
	if (taskArns.length === 0) return [];
	const { tasks = [] } = await asked("ecs:DescribeTasks", () =>
		ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns })),
	);
	return tasks;
}

/** @throws Error that names the action, where the credentials lack it. */
async function asked<T>(action: string, ask: () => Promise<T>): Promise<T> {
	try {
		return await ask();
	} catch (error) {
		if (refusal(error) === "denied") throw new Error(`these credentials may not ${action}`);
		throw error;
	}
}

/** `tracestack-prod-tempo:7` of its ARN. */
function revision(arn: string): string {
	return arn.slice(arn.lastIndexOf("/") + 1);
}
