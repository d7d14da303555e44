// A service's log lines, oldest first, each with the trace that it belongs to.

import { setTimeout as sleep } from "node:timers/promises";
import { logServiceLabel, traceIdLabel } from "../../components/links.ts";
import { prepare, type StackOptions } from "../engine.ts";
import { paint, progress, UserError, visible } from "../output.ts";
import type { Endpoints } from "../verify/api.ts";
import { endpoints } from "../verify/verify.ts";
import { ask, quoted } from "./ask.ts";
import { secondsOf } from "./since.ts";

interface LogsOptions extends StackOptions {
	trace?: string;
	grep?: string;
	since: string;
	limit: string;
	follow?: boolean;
	json?: boolean;
}

/** A line of a log. */
interface Line {
	/** Nanoseconds since 1970: Loki's own clock, too long for a number. */
	at: bigint;
	severity: string;
	traceId: string;
	text: string;
}

interface Streams {
	data: { result: { stream: Record<string, string>; values: [at: string, line: string][] }[] };
}

/** Loki's own limit for one answer. */
const most = 5000;
const followSeconds = 2;

/** `./tracestack logs SERVICE`. Returns the exit code: 1 when there is none. */
export async function logsCommand(service: string, options: LogsOptions): Promise<number> {
	const limit = Number(options.limit);
	if (!Number.isInteger(limit) || limit < 1 || limit > most)
		throw new UserError(`--limit is "${options.limit}"\n  allowed: 1 to ${most}`);
	const query = logQl(service, options);
	const e = await endpoints(await prepare(options, "look"), options.stack);
	let from = BigInt(Date.now() - secondsOf(options.since) * 1000) * 1_000_000n;
	let any = false;
	for (;;) {
		const lines = await linesFrom(e, query, from, limit);
		for (const one of lines) process.stdout.write(`${options.json ? jsonLine(one) : told(one)}\n`);
		any ||= lines.length > 0;
		from = (lines.at(-1)?.at ?? from - 1n) + 1n;
		if (!options.follow) break;
		await sleep(followSeconds * 1000);
	}
	if (!any) progress(paint("yellow", `no log line of the last ${options.since} is like ${query}`, process.stderr));
	return any ? 0 : 1;
}

/** What Loki is asked. */
export function logQl(service: string, { trace, grep }: Pick<LogsOptions, "trace" | "grep">): string {
	const contains = grep ? ` |= ${quoted(grep)}` : "";
	const ofTrace = trace ? ` | ${traceIdLabel}=${quoted(trace)}` : "";
	return `{${logServiceLabel}=${quoted(service)}}${contains}${ofTrace}`;
}

/** The newest lines since a moment, oldest first. */
async function linesFrom(e: Endpoints, query: string, from: bigint, limit: number): Promise<Line[]> {
	const range = {
		query,
		start: `${from}`,
		end: `${BigInt(Date.now() + 1000) * 1_000_000n}`,
		limit,
		direction: "backward",
	};
	const { data } = await ask<Streams>(e, "loki", "/loki/api/v1/query_range", range);
	return data.result
		.flatMap(({ stream, values }) =>
			values.map(([at, text]) => ({
				at: BigInt(at),
				severity: stream.severity_text ?? stream.detected_level ?? "",
				traceId: stream[traceIdLabel] ?? "",
				text,
			})),
		)
		.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

function told({ at, severity, traceId, text }: Line): string {
	const level = severity.toUpperCase().padEnd(5);
	const style = /^(ERROR|FATAL|CRIT)/.test(level) ? "red" : level.startsWith("WARN") ? "yellow" : "reset";
	const moment = paint("dim", new Date(Number(at / 1_000_000n)).toISOString());
	return `${moment} ${paint(style, level)} ${text.trimEnd().split("\n").map(visible).join("\n")}${traceId && paint("dim", `  ${traceId}`)}`;
}

function jsonLine({ at, ...rest }: Line): string {
	return JSON.stringify({ at: new Date(Number(at / 1_000_000n)).toISOString(), ...rest });
}
