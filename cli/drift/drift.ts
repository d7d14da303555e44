// `./tracestack drift`: what the code would change, and what was changed beside it. It changes nothing itself.

import { writeFile } from "node:fs/promises";
import { type Environment, prepare, type StackOptions } from "../engine.ts";
import { readState } from "../state.ts";
import { endpoints } from "../verify/verify.ts";
import type { Context, Finding } from "./finding.ts";
import { looks } from "./live/index.ts";
import { hide, secretTexts } from "./secrets.ts";

/** What every look together has found. */
export interface Gathered {
	findings: Finding[];
	/** Looks that could not look, and why: what they would have found nobody knows. */
	failed: { look: string; reason: string }[];
}

/** `./tracestack drift`. Exit code 0 when there is nothing to say, 2 with findings, 1 when something could not be looked at. */
export async function driftCommand(options: StackOptions & { format?: string; out?: string }): Promise<number> {
	const environment = await prepare(options, "look");
	const gathered = await drift(environment, options.stack);
	const text = `${JSON.stringify({ stack: options.stack, ...gathered }, null, 2)}\n`;
	if (options.out) await writeFile(options.out, text);
	else process.stdout.write(text);
	if (gathered.failed.length > 0) return 1;
	return gathered.findings.length > 0 ? 2 : 0;
}

/** Looks at everything at once; what one look can't see, the others still do. */
export async function drift(environment: Environment, stack: string): Promise<Gathered> {
	const [state, addresses] = await Promise.all([
		readState(environment, stack, { showSecrets: true }),
		endpoints(environment, stack),
	]);
	const context: Context = { environment, stack, state, endpoints: addresses };
	const all = Object.entries(looks);
	const seen = await Promise.allSettled(all.map(async ([, look]) => look(context)));
	const gathered: Gathered = {
		findings: seen.flatMap((result) => (result.status === "fulfilled" ? result.value : [])),
		failed: seen.flatMap((result, i) =>
			result.status === "rejected" ? [{ look: all[i]![0], reason: reasonOf(result.reason) }] : [],
		),
	};
	// Looks mask what they know to be secret; what one overlooks is not shown either.
	return hide(gathered, secretTexts(state));
}

function reasonOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
