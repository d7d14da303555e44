// `./tracestack drift`: what the code would change, and what was changed beside it. It changes nothing itself.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { trust } from "../../components/trust.ts";
import type { IgnoreRule } from "../../settings/drift.ts";
import { schema } from "../../settings/schema.ts";
import { exportCommand } from "../dashboards/dashboards.ts";
import { type Environment, prepare, type StackOptions, stackOf } from "../engine.ts";
import { root } from "../paths.ts";
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

/** `./tracestack drift`. Exit code 0 when there is nothing to say, 2 with findings, 1 when something could not be looked at. */
export async function driftCommand(
	options: StackOptions & { format: keyof typeof formats; out?: string; accept?: "dashboards" },
): Promise<number> {
	if (options.accept) return exportCommand(options);
	const environment = await prepare(options, "look");
	const gathered = await drift(environment, options.stack);
	const report = makeReport(options.stack, gathered, await ignoreRules(options.stack));
	const told = formats[options.format](report);
	if (options.out) await writeFile(options.out, told);
	else process.stdout.write(told);
	return exitCode(report);
}

/** Looks at everything at once; what one look can't see, the others still do. */
async function drift(environment: Environment, stack: string): Promise<Gathered> {
	const [selected, state] = await Promise.all([
		stackOf(environment, stack),
		readState(environment, stack, { showSecrets: true }).then(narrowed),
	]);
	const { looks, unseen } = looksAt(state);
	const [engine, live] = await Promise.all([
		previews(selected, environment, state),
		gather(contextOf(environment, stack, state), looks),
	]);
	const gathered = {
		// What runs is told in more detail by whoever looked at it: of two that know as much, the first is told.
		findings: [...live.findings, ...engine.findings],
		failed: [...engine.failed, ...live.failed],
		unseen,
	};
	// Looks mask what they know to be secret; what one overlooks is not shown either.
	return hide(gathered, secretTexts(state));
}

/** What looks start from. */
export function contextOf(environment: Environment, stack: string, state: State): Context {
	const { outputs } = state.deployment.resources?.find(({ type }) => type === types.stack) ?? {};
	const addresses = endpointsOf(stack, revealed<Record<string, unknown>>(outputs ?? {}));
	if (addresses.ca) trust(addresses.ca);
	return { environment, stack, state, endpoints: addresses };
}

/** Every look, and by name those that could not look. */
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

/** What the stack's settings accept. Rules that are wrong are refused by the preview, as `up` refuses them. */
async function ignoreRules(stack: string): Promise<IgnoreRule[]> {
	const file = await readFile(join(root, `Pulumi.${stack}.yaml`), "utf8").catch(() => "");
	return schema.shape.drift.safeParse(parse(file)?.config?.["tracestack:drift"] ?? {}).data?.ignore ?? [];
}

function reasonOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
