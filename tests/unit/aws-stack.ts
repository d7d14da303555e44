// A whole stack on AWS as its program registers it: index.ts under mocks.

import { vi } from "vitest";
import { type Recorded, record } from "./mocks.ts";

/** What AWS would make of names: enough of it for policies and files to refer to. */
export const region = "eu-central-1";
export const account = "123456789012";

export interface AwsStack {
	resources: Recorded[];
	outputs: Record<string, unknown>;
}

/** For who runs what the program asked for. */
interface ToRun {
	/** The catalogue of the images that are here. @default configs/versions.yaml */
	images?: string | undefined;
	/** What AWS would answer, by type. */
	outputs?: Record<string, Record<string, unknown>>;
}

/**
 * @param settings Raw, below `tracestack:`.
 * @param run Shows secrets.
 */
export async function awsStack(stack: string, settings: Record<string, unknown> = {}, run?: ToRun): Promise<AwsStack> {
	// The catalogue of whoever runs the tests is not the one under test.
	vi.stubEnv("TRACESTACK_IMAGES", run?.images);
	const { default: program } = await import("../../index.ts");
	const raw = { target: "aws", storage: { backend: "s3" }, ...settings };
	const config = Object.entries(raw).map(([key, value]) => [
		`tracestack:${key}`,
		typeof value === "string" ? value : JSON.stringify(value),
	]);
	const { resources, result } = await record(program, {
		stack,
		config: Object.fromEntries(config),
		reveal: run !== undefined,
		outputs: (type, name) => ({ arn: arnOf(type, name), ...outputsOf(type, name), ...run?.outputs?.[type] }),
		calls: {
			"aws:index/getRegion:getRegion": { region },
			"aws:ec2/getVpc:getVpc": { id: "vpc-1" },
			"aws:ec2/getSubnets:getSubnets": { ids: ["subnet-a", "subnet-b"] },
		},
	});
	return { resources, outputs: result as Record<string, unknown> };
}

function arnOf(type: string, name: string): string {
	const [, module = "", kind = ""] = /^aws:(\w+)\/(\w+):/.exec(type) ?? [];
	// Mocks make a resource's id of its name.
	if (module === "s3") return `arn:aws:s3:::${name}-id`;
	// By the service that IAM knows.
	const service = module === "amp" ? "aps" : module;
	return `arn:aws:${service}:${region}:${account}:${kind}/${name}`;
}

function outputsOf(type: string, name: string): Record<string, unknown> {
	if (type === "random:index/randomPassword:RandomPassword") return { result: `secret-of-${name}` };
	if (type === "aws:secretsmanager/secretVersion:SecretVersion") return { versionId: "version-1" };
	if (type === "aws:rds/instance:Instance") return { endpoint: `${name}.rds.amazonaws.com:5432` };
	if (type === "aws:amp/workspace:Workspace")
		return { prometheusEndpoint: `https://aps-workspaces.${region}.amazonaws.com/workspaces/ws-1/` };
	if (type === "aws:s3/bucket:Bucket") return { bucket: `${name}-id` };
	return {};
}
