// `./tracestack verify`: one trace, a log and a metric, followed through every link.

import { type Environment, outputs, prepare, type StackOptions } from "../engine.ts";
import { columns, folded, paint, progress, seconds, shorten, UserError } from "../output.ts";
import { type Endpoints, type Server, throughGrafana } from "./api.ts";
import type { Link } from "./links.ts";

/** The result of checking one link. */
export interface LinkResult {
	link: string;
	ok: boolean;
	/** Seconds since the signals were sent. */
	seconds: number;
	detail: string;
	/** What to look at; only where the link is broken. */
	hint?: string;
}

/** `./tracestack verify`. Returns the exit code. */
export async function verifyCommand(options: StackOptions & { json?: boolean }): Promise<number> {
	const environment = await prepare(options, "look");
	const results = await verify(await endpoints(environment, options.stack));
	if (options.json) process.stdout.write(`${JSON.stringify({ stack: options.stack, links: results }, null, 2)}\n`);
	return conclude(results);
}

/** The addresses and credentials of a stack. @throws UserError when it is not up. */
export async function endpoints(environment: Environment, stack: string): Promise<Endpoints> {
	return endpointsOf(stack, await outputs(environment, stack));
}

/**
 * The same from outputs that were read already, secrets readable. Servers without an address for this machine get one
 * through Grafana.
 */
export function endpointsOf(stack: string, outputs: Record<string, unknown>): Endpoints {
	const { urls, retention, sampling, dashboards, grafanaUser, grafanaPassword, otlpToken, ca } = outputs;
	if (!urls) throw new UserError(`The stack ${stack} is not up: ./tracestack up --stack ${stack}`);
	const known = {
		...urls,
		sampling: sampling ?? { metricsFrom: "tempo", waitSeconds: 0 },
		dashboards,
		grafanaUser,
		grafanaPassword,
		otlpToken,
		ca,
	} as Endpoints;
	const logs = retention && "loki" in (retention as object);
	const servers: Server[] = ["tempo", "prometheus", "alertmanager", ...(logs ? (["loki"] as const) : [])];
	return { ...known, ...throughGrafana(known, servers) };
}

/**
 * Sends one trace, a log and a metric, and follows every link.
 *
 * @param earlier When a trace was sent already, in milliseconds since 1970.
 */
export async function verify(e: Endpoints, earlier?: number): Promise<LinkResult[]> {
	// Commands that only ask where the stack answers need nothing of an OpenTelemetry SDK.
	const { links } = await import("./links.ts");
	return prove((ended) => {
		const { accepted, found, shown } = links(e, { ended, ...(earlier !== undefined && { earlier }) });
		return [Object.values(accepted), Object.values(found), shown];
	});
}

/**
 * Checks links phase by phase, those of one phase at the same time. The first phase with a broken link is the last.
 *
 * @param phases Makes the links; what they send in the background ends with the signal.
 */
export async function prove(phases: (ended: AbortSignal) => Link[][]): Promise<LinkResult[]> {
	const results: LinkResult[] = [];
	const started = Date.now();
	const proof = new AbortController();
	try {
		for (const phase of phases(proof.signal)) {
			const done = await Promise.all(phase.map((link) => follow(link, started)));
			results.push(...done);
			if (done.some(({ ok }) => !ok)) break;
		}
	} finally {
		proof.abort();
	}
	return results;
}

/** Prints what was proved, or the first broken link. Returns the exit code. */
export function conclude(results: LinkResult[]): number {
	const broken = results.find(({ ok }) => !ok);
	if (!broken) {
		progress(paint("green", `verified: all ${results.length} links hold`, process.stderr));
		return 0;
	}
	progress(paint("red", folded(`broken: ${broken.link}: ${broken.detail}`), process.stderr));
	progress(folded(`look at: ${broken.hint}`));
	return 1;
}

async function follow(link: Link, started: number): Promise<LinkResult> {
	const result = (ok: boolean, detail: string): LinkResult => ({
		link: link.name,
		ok,
		seconds: Number(((Date.now() - started) / 1000).toFixed(2)),
		detail,
		...(!ok && { hint: link.hint }),
	});
	let outcome: LinkResult;
	try {
		outcome = result(true, await link.check());
	} catch (error) {
		outcome = result(false, (error as Error).message);
	}
	const mark = outcome.ok ? paint("green", "✓", process.stderr) : paint("red", "✗", process.stderr);
	const line = `${link.name.padEnd(29)} ${seconds(started).padStart(6)}`;
	// For a link that works, the beginning of what was found is enough; an error is printed in full.
	const detail = outcome.ok
		? `  ${shorten(outcome.detail, columns(process.stderr) - 42)}`
		: `\n${folded(`    ${outcome.detail}`)}`;
	progress(`  ${mark} ${line}${detail}`);
	return outcome;
}
