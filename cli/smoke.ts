// `./tracestack smoke`: does a trace that is sent now get everywhere, and would somebody be told if not? For scripts and
// deployments: some of the links of `verify`, what that does not see, and nothing about panels.

import { prepare, type StackOptions } from "./engine.ts";
import { paint, progress, UserError } from "./output.ts";
import { alertPath } from "./verify/alerts.ts";
import type { Endpoints } from "./verify/api.ts";
import { archived, hasArchive } from "./verify/archive.ts";
import { backlog } from "./verify/backlog.ts";
import { links } from "./verify/links.ts";
import { conclude, endpoints, type LinkResult, prove } from "./verify/verify.ts";

interface SmokeOptions extends StackOptions {
	/** Seconds for all of it. */
	timeout: number;
	json?: boolean;
}

/** What a smoke test came to. */
export interface Smoke {
	traceId: string;
	links: LinkResult[];
	/** `not enabled`: the stack has none, and nothing was looked for. `unknown`: Grafana, which alone reaches it, does not say. */
	archive: "enabled" | "not enabled" | "unknown";
	/** What waits, a sentence each. */
	warnings: string[];
}

/** Returns the exit code: 0 when everything holds, 2 when it does and something waits, 1 when a link is broken. */
export async function smokeCommand(options: SmokeOptions): Promise<number> {
	if (!(options.timeout > 0)) throw new UserError(`--timeout is ${options.timeout}\n  allowed: seconds, more than 0`);
	const e = await endpoints(await prepare(options, "look"), options.stack);
	const result = await smoke(e, options.timeout);
	if (options.json) process.stdout.write(`${JSON.stringify({ stack: options.stack, ...result }, null, 2)}\n`);
	for (const warning of result.warnings) progress(`  ${paint("yellow", "!", process.stderr)} ${warning}`);
	return conclude(result.links) || exitCode(result);
}

export function exitCode({ links, warnings }: Pick<Smoke, "links" | "warnings">): number {
	if (links.some(({ ok }) => !ok)) return 1;
	return warnings.length > 0 ? 2 : 0;
}

async function smoke(e: Endpoints, timeout: number): Promise<Smoke> {
	const deadline = Date.now() + timeout * 1000;
	const within = () => Math.max(0, Math.round((deadline - Date.now()) / 1000));
	const known = await hasArchive(e).catch((error: Error) => error);
	const archive = known instanceof Error ? "unknown" : known ? "enabled" : "not enabled";
	let traceId = "";
	const results = await prove((ended) => {
		const { accepted, found, ...made } = links(e, { ended, within });
		traceId = made.traceId;
		const stored = archive === "not enabled" ? [] : [archived(e, traceId, made.spans, within)];
		return [
			[accepted.grpc, accepted.http],
			[found.byId, ...stored, found.exemplar, alertPath(e, traceId, within)],
		];
	});
	if (archive === "not enabled") progress("  - trace in the archive: not enabled (archive.enabled)");
	// What waits is the reason why a trace is not there, or is about to be one.
	const warnings = await backlog(e).catch((error: Error) => [`queues could not be looked at: ${error.message}`]);
	return { traceId, links: results, archive, warnings };
}
