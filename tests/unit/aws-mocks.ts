// What AWS would answer, and the stacks that are meant for it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { vi } from "vitest";
import { parse } from "yaml";
import { root } from "../../cli/paths.ts";
import { type MockOptions, ofType, one, type Recorded, record } from "./mocks.ts";

export const account = "123456789012";
export const region = "eu-central-1";

/** For who runs what the program asked for. */
export interface ToRun {
	/** The catalogue of the images that are here. */
	images?: string | undefined;
	/** What AWS would answer, by type. */
	outputs?: Record<string, Record<string, unknown>>;
}

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
			arn: arnOf(service, kind, name),
		}),
		...(kind === "Instance" && { address: `${name}.rds.amazonaws.com`, identifier: name }),
		...(kind === "Workspace" && {
			prometheusEndpoint: `https://aps-workspaces.${region}.amazonaws.com/workspaces/ws-1/`,
		}),
		...(kind === "RandomPassword" && { result: `secret-of-${name}` }),
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

function arnOf(service = "", kind = "", name = ""): string {
	// Mocks make a resource's id of its name, and a bucket's name is its id.
	if (service === "s3") return `arn:aws:s3:::${name}-id`;
	return `arn:aws:${service === "amp" ? "aps" : service}:${region}:${account}:${kind.toLowerCase()}/${name}`;
}

/** The whole program with a stack's settings. A test that runs it mocks `targets/aws/ready.ts`: there is no balancer to ask. */
export async function recordStack(
	stack: "staging" | "prod",
	settings = settingsOf(stack),
	calls: MockOptions["calls"] = {},
	run?: ToRun,
) {
	// The catalogue of whoever runs the tests is not the one under test.
	vi.stubEnv("TRACESTACK_IMAGES", run?.images);
	const { default: program } = await import("../../index.ts");
	const all: typeof outputs = (type, name) => ({ ...outputs(type, name), ...run?.outputs?.[type] });
	return record(program, { stack, config: configOf(settings), outputs: all, calls, reveal: run !== undefined });
}

/** A whole stack as its program registers it. */
export interface AwsStack {
	resources: Recorded[];
	outputs: Record<string, unknown>;
}

/**
 * A stack as its file has it, but for some settings.
 *
 * @param settings Instead of those in the file, below `tracestack:`.
 * @param run Shows secrets.
 */
export async function awsStack(
	stack: "staging" | "prod",
	settings: Record<string, unknown> = {},
	run?: ToRun,
): Promise<AwsStack> {
	const { resources, result } = await recordStack(stack, { ...settingsOf(stack), ...settings }, {}, run);
	return { resources, outputs: result as Record<string, unknown> };
}

export interface Container {
	name: string;
	environment: { name: string; value: string }[];
	essential: boolean;
	stopTimeout?: number;
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
	const objects = ofType(resources, "aws:s3/bucketObjectv2:BucketObjectv2");
	return objects.filter(({ name }) => name.startsWith(`${workload}/`)).map(({ inputs }) => String(inputs.content));
}
