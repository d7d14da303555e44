// `./tracestack smoke`, for scripts and deployments: does a trace that is sent now get everywhere, and would an alert be
// delivered? Some of the links of `verify`, the archive and the path of an alert, and no panels.

import { prepare, type StackOptions } from "./engine.ts";
import { folded, paint, progress, UserError } from "./output.ts";
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

/** The result of a smoke test. */
export interface Smoke {
	traceId: string;
	links: LinkResult[];
	/**
	 * `not enabled`: the stack has none, so nothing was looked for. `unknown`: Grafana, which knows, did not answer.
	 */
	archive: "enabled" | "not enabled" | "unknown";
	/** Queues that fill up, a sentence each. */
	warnings: string[];
}

/** Returns the exit code: 0 when every link works, 2 when they do but a queue fills up, 1 when a link is broken. */
export async function smokeCommand(options: SmokeOptions): Promise<number> {
	if (!(options.timeout > 0)) throw new UserError(`--timeout is ${options.timeout}\n  allowed: seconds, more than 0`);
	const e = await endpoints(await prepare(options, "look"), options.stack);
	const result = await smoke(e, options.timeout);
	if (options.json) process.stdout.write(`${JSON.stringify({ stack: options.stack, ...result }, null, 2)}\n`);
	for (const warning of result.warnings) progress(paint("yellow", folded(`  ! ${warning}`), process.stderr));
	return conclude(result.links) || exitCode(result);
}

/** 1 for a broken link, 2 for warnings, else 0. */
export function exitCode({ links, warnings }: Pick<Smoke, "links" | "warnings">): number {
	if (links.some(({ ok }) => !ok)) return 1;
	return warnings.length > 0 ? 2 : 0;
}

/**
 * Runs the smoke test.
 *
 * @param timeout Seconds for all checks together.
 */
export async function smoke(e: Endpoints, timeout: number): Promise<Smoke> {
	const deadline = Date.now() + timeout * 1000;
	const within = () => Math.max(0, Math.round((deadline - Date.now()) / 1000));
	// Grafana may still be starting: then the link itself waits for it, and says what it found.
	const archive = await hasArchive(e).catch(() => undefined);
	let traceId = "";
	const results = await prove((ended) => {
		const { accepted, found, ...made } = links(e, { ended, within });
		traceId = made.traceId;
		const stored = archive === false ? [] : [archived(e, traceId, made.spans, within)];
		return [
			[accepted.grpc, accepted.http],
			[found.byId, ...stored, found.exemplar, alertPath(e, traceId, within)],
		];
	});
	if (archive === false) progress("  - trace in the archive: not enabled (archive.enabled)");
	// A queue that fills is why a trace is not there, or soon will be.
	const warnings = await backlog(e).catch((error: Error) => [`queues could not be looked at: ${error.message}`]);
	const known = archive === undefined ? "unknown" : archive ? "enabled" : "not enabled";
	return { traceId, links: results, archive: known, warnings };
}
