// What ECS says, as complaints. What moto answers is in tests/e2e/aws-questions.test.ts; here is what it never does.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { deployedOnAws, onFargate } from "../../cli/doctor/aws.ts";
import type { Context } from "../../cli/drift/finding.ts";
import { root } from "../../cli/paths.ts";

/** Loads the SDK. */
const condition = () => import("../../targets/aws/condition.ts");
const laptop = { state: { deployment: { resources: [] } } } as unknown as Context;

test("a laptop's stack is not asked about, and loads nothing of AWS's SDK", async () => {
	expect(await onFargate(laptop)).toEqual([]);
	const loaded = () => Object.keys(createRequire(import.meta.url).cache).filter((file) => file.includes("/@aws-sdk/"));
	expect(loaded()).toEqual([]);
	await condition();
	expect(loaded().length).toBeGreaterThan(0);
});

test("what is loaded for AWS only is no dependency that a laptop installs", () => {
	const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
	const ofAws = (names: object) => Object.keys(names).filter((name) => /^@(aws-sdk|pulumi\/aws)/.test(name));
	expect(ofAws(dependencies)).toEqual([]);
	expect(ofAws(optionalDependencies).length).toBeGreaterThan(1);
});

test("what was deployed is read from the state", () => {
	const cluster = "arn:aws:ecs:eu-central-1:123456789012:cluster/tracestack-prod";
	const resource = (type: string, inputs: object, outputs: object) => ({ urn: type, type, inputs, outputs }) as never;
	expect(
		deployedOnAws([
			resource("aws:ecs/cluster:Cluster", {}, { arn: cluster }),
			resource("aws:cloudwatch/logGroup:LogGroup", {}, { name: "/tracestack/prod/tempo" }),
			// ECS has gone back: the provider says what runs.
			resource("aws:ecs/service:Service", { taskDefinition: "t:2" }, { name: "tempo", taskDefinition: "t:1" }),
			resource("aws:cloudwatch/metricAlarm:MetricAlarm", {}, { name: "tracestack-prod-tempo-tasks" }),
			// Replaced, and not deleted yet: the run was ended.
			...[
				resource("aws:ecs/service:Service", { taskDefinition: "t:1" }, { name: "tempo", taskDefinition: "t:1" }),
				resource("aws:cloudwatch/metricAlarm:MetricAlarm", {}, { name: "tracestack-prod-tempo-tasks" }),
			].map((replaced: object) => ({ ...replaced, delete: true }) as never),
		]),
	).toEqual({
		region: "eu-central-1",
		cluster,
		services: [{ name: "tempo", taskDefinition: "t:2", logGroup: "/tracestack/prod/tempo" }],
		alarms: ["tracestack-prod-tempo-tasks"],
	});
});

describe("of a service", () => {
	const declared = { name: "tempo", taskDefinition: "arn:…/tempo:2", logGroup: "/tracestack/prod/tempo" };
	test("a deployment that failed is told with ECS's reason", async () => {
		const { deployment } = await condition();
		const rolloutStateReason = "ECS deployment circuit breaker: tasks failed to start.";
		const deployments = [{ status: "PRIMARY", rolloutState: "FAILED" as const, rolloutStateReason }];
		expect(deployment({ deployments, desiredCount: 1, runningCount: 1 }, declared)).toMatchObject([
			{ severity: "broken", about: "tempo", what: "its deployment failed", seen: rolloutStateReason },
		]);
	});

	test("that runs what was deployed nothing is told", async () => {
		const { deployment } = await condition();
		const deployments = [
			{
				status: "PRIMARY",
				rolloutState: "COMPLETED" as const,
				taskDefinition: declared.taskDefinition,
				failedTasks: 1,
			},
		];
		expect(deployment({ deployments, desiredCount: 2, runningCount: 2 }, declared)).toEqual([]);
	});

	const main = (more: object) => ({ name: "tempo", ...more });
	test.each([
		[
			"memory",
			{ containers: [main({ exitCode: 137, reason: "OutOfMemoryError: Container killed due to memory usage" })] },
			"used up its memory",
			"tracestack:size",
		],
		[
			"images",
			{ stoppedReason: "CannotPullContainerError: no match for platform in manifest" },
			"fetched",
			"architecture",
		],
		["secrets", { stoppedReason: "ResourceInitializationError: unable to pull secrets" }, "made ready", "preview"],
		[
			"silence",
			{ stoppedReason: "Task failed ELB health checks in (target-group a)" },
			"did not answer",
			"aws logs tail",
		],
		[
			"its own end",
			{ stoppedReason: "Essential container in task exited", containers: [main({ exitCode: 1 })] },
			"ended by itself",
			"aws logs tail /tracestack/prod/tempo",
		],
		[
			"an init container's",
			{ stoppedReason: "Task failed to start", containers: [main({}), { name: "tempo-init", exitCode: 1 }] },
			"ended by itself",
			"aws logs tail",
		],
	])("tasks that ended for %s", async (_, task, what, todo) => {
		const { ended } = await condition();
		const [told, ...more] = ended([task, task], declared, false);
		expect(more).toEqual([]);
		expect(told).toMatchObject({ severity: "warning", about: "tempo" });
		expect(told?.what).toContain(what);
		expect(told?.what).toContain("2 times in an hour");
		expect(told?.todo).toContain(todo);
		expect(ended([task], declared, true)[0]?.severity).toBe("broken");
	});

	test("tasks that a deployment or scaling replaced are no complaint", async () => {
		const { ended } = await condition();
		const stopCode = "ServiceSchedulerInitiated" as const;
		const refresh = { name: "tempo-refresh", exitCode: 137 };
		const stoppedReason = "Scaling activity initiated by (deployment ecs-svc/1)";
		expect(ended([{ stoppedReason, stopCode, containers: [refresh] }], declared, false)).toEqual([]);
	});
});

describe("AWS's refusals", () => {
	const error = (name: string, httpStatusCode: number) =>
		Object.assign(new Error("no"), { name, $metadata: { httpStatusCode } });
	test.each([
		["denied", error("AccessDeniedException", 400)],
		["denied", error("UnauthorizedOperation", 403)],
		["denied", Object.assign(new SyntaxError("<"), { $response: { statusCode: 403 } })],
		["absent", error("InvalidVpcID.NotFound", 400)],
		["absent", error("NoSuchHostedZone", 404)],
		["other", error("ThrottlingException", 400)],
		["other", new Error("getaddrinfo ENOTFOUND")],
	])("%s: %s", async (kind, thrown) => {
		const { refusal } = await import("../../targets/aws/ask.ts");
		expect(refusal(thrown)).toBe(kind);
	});
});
