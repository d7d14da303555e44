// `./tracestack drift`: what `up` would change, and what was changed by hand since. It changes nothing itself.

import { trust } from "../../components/trust.ts";
import type { IgnoreRule } from "../../settings/drift.ts";
import { schema } from "../../settings/schema.ts";
import { exportCommand } from "../dashboards/dashboards.ts";
import { type Environment, prepare, type StackOptions, stackOf } from "../engine.ts";
import { writeResult } from "../output.ts";
import { readConfig } from "../settings-file.ts";
import { readState, revealed, type State, types } from "../state.ts";
import { endpointsOf } from "../verify/verify.ts";
import type { Context, Look } from "./finding.ts";
import { looksAt } from "./live/index.ts";
import { markdown } from "./markdown.ts";
import { previews } from "./preview.ts";
import { exitCode, type Gathered, makeReport, type Report } from "./report.ts";
import { hide, narrowed, secretTexts } from "./secrets.ts";
import { text } from "./text.ts";

const formats = {
	text,
	markdown,
	json: (report: Report) => `${JSON.stringify(report, null, 2)}\n`,
};

/** Returns the exit code: 0 without findings, 2 with findings, 1 when something could not be looked at. */
export async function driftCommand(
	options: StackOptions & { format: keyof typeof formats; out?: string; accept?: "dashboards" },
): Promise<number> {
	if (options.accept) return exportCommand(options);
	const environment = await prepare(options, "look");
	const gathered = await drift(environment, options.stack);
	const report = makeReport(options.stack, gathered, await ignoreRules(options.stack));
	await writeResult(formats[options.format](report), options.out);
	return exitCode(report);
}

/** Runs all looks at once. One that fails does not keep the others from their findings. */
async function drift(environment: Environment, stack: string): Promise<Gathered> {
	const [selected, state] = await Promise.all([
		stackOf(environment, stack),
		readState(environment, stack, { showSecrets: true }).then(narrowed),
	]);
	const context = contextOf(environment, stack, state);
	const { looks, unseen } = looksAt(state);
	const [engine, live] = await Promise.all([previews(selected, environment, state), gather(context, looks)]);
	const gathered = {
		// The looks at what runs come first: of two findings with equal detail the first is reported, and theirs are more precise.
		findings: [...live.findings, ...engine.findings],
		failed: [...engine.failed, ...live.failed],
		unseen,
	};
	// Looks mask the secrets that they know of; this masks any that they overlook.
	return hide(gathered, secretTexts(state));
}

/** What every look starts from. @param state The exported state, secrets readable. */
export function contextOf(environment: Environment, stack: string, state: State): Context {
	const { outputs } = state.deployment.resources?.find(({ type }) => type === types.stack) ?? {};
	const addresses = endpointsOf(stack, revealed<Record<string, unknown>>(outputs ?? {}));
	if (addresses.ca) trust(addresses.ca);
	return { environment, stack, state, endpoints: addresses };
}

/** Runs looks side by side. Returns their findings, and those that failed by name. */
export async function gather(context: Context, all: Record<string, Look>): Promise<Gathered> {
	const named = Object.entries(all);
	const seen = await Promise.allSettled(named.map(async ([, look]) => look(context)));
	return {
		findings: seen.flatMap((result) => (result.status === "fulfilled" ? result.value : [])),
		failed: seen.flatMap((result, i) =>
			result.status === "rejected" ? [{ look: named[i]![0], reason: reasonOf(result.reason) }] : [],
		),
	};
}

/**
 * The rules of `drift.ignore` in the stack's settings. Invalid ones are reported by the preview, as `up` reports them.
 */
async function ignoreRules(stack: string): Promise<IgnoreRule[]> {
	const { "tracestack:drift": drift = {} } = await readConfig(stack);
	return schema.shape.drift.safeParse(drift).data?.ignore ?? [];
}

function reasonOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
