// A whole stack on AWS as its program registers it: its file, and what a test has otherwise.

import { recordStack, settingsOf, type ToRun } from "./aws-mocks.ts";
import type { Recorded } from "./mocks.ts";

export { account, region } from "./aws-mocks.ts";

export interface AwsStack {
	resources: Recorded[];
	outputs: Record<string, unknown>;
}

/**
 * @param settings Instead of those in the stack's file, below `tracestack:`.
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
