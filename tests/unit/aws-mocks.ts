// What AWS would answer, and the stacks that are meant for it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { vi } from "vitest";
import { parse } from "yaml";
import { root } from "../../cli/paths.ts";
import { type MockOptions, one, type Recorded, record } from "./mocks.ts";

export const account = "123456789012";

/** Settings of a stack as its file has them. */
export function settingsOf(stack: "staging" | "prod"): Record<string, unknown> {
	const { config } = parse(readFileSync(join(root, `Pulumi.${stack}.yaml`), "utf8")) as { config: object };
	return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("tracestack:", ""), value]));
}

/** Settings as the engine hands them over. */
function configOf(settings: Record<string, unknown>): Record<string, string> {
	return Object.fromEntries(
		Object.entries(settings).map(([key, value]) => [
			`tracestack:${key}`,
			typeof value === "object" ? JSON.stringify(value) : String(value),
		]),
	);
}

/** What the provider adds to resources. */
export const outputs: NonNullable<MockOptions["outputs"]> = (type, name) => {
	const service = type.split(":")[1]?.split("/")[0];
	const kind = type.split(":").at(-1);
	return {
		...(type.startsWith("aws:") && {
			arn: `arn:aws:${service}:eu-central-1:${account}:${kind?.toLowerCase()}/${name}`,
		}),
		...(kind === "RandomPassword" && { result: "opensesame" }),
		...(kind === "SecretVersion" && { versionId: "version-1" }),
		...(kind === "LoadBalancer" && {
			arnSuffix: `${name}/1`,
			dnsName: `${name}.elb.example`,
			zoneId: "ZELB",
		}),
		...(kind === "TargetGroup" && { arnSuffix: `targetgroup/${name}/1` }),
		...(kind === "Record" && { fqdn: `${name}.example` }),
		...(kind === "Certificate" && {
			domainValidationOptions: [
				{ resourceRecordName: `_a.${name}`, resourceRecordType: "CNAME", resourceRecordValue: "_b.acm" },
			],
		}),
	};
};

/** The whole program with a stack's settings. A test that runs it mocks `targets/aws/ready.ts`: there is no balancer to ask. */
export async function recordStack(
	stack: "staging" | "prod",
	settings = settingsOf(stack),
	calls: MockOptions["calls"] = {},
) {
	// The catalogue of whoever runs the tests is not the one under test.
	vi.stubEnv("TRACESTACK_IMAGES", undefined);
	const { default: program } = await import("../../index.ts");
	return record(program, { stack, config: configOf(settings), outputs, calls });
}

export interface Container {
	name: string;
	environment: { name: string; value: string }[];
	essential: boolean;
	healthCheck?: { command: string[]; interval: number; retries: number };
	secrets?: { name: string }[];
}

/** Containers of a workload's task, by name. */
export function containers(resources: Recorded[], workload: string): Record<string, Container> {
	const { inputs } = one(resources, "aws:ecs/taskDefinition:TaskDefinition", workload);
	const all: Container[] = JSON.parse(inputs.containerDefinitions as string);
	return Object.fromEntries(all.map((container) => [container.name, container]));
}

/** Files that a workload finds at its start. */
export function filesOf(resources: Recorded[], workload: string): string[] {
	const { environment } = containers(resources, workload)[`${workload}-init`]!;
	return environment.map(({ value }) => Buffer.from(value, "base64").toString());
}
