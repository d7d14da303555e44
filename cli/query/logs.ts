// `./tracestack logs`: a service's log lines, oldest first, each with the trace that it belongs to.

import { setTimeout as sleep } from "node:timers/promises";
import { logServiceLabel, traceIdLabel } from "../../components/links.ts";
import { prepare, type StackOptions } from "../engine.ts";
import { folded, paint, progress, UserError, visible } from "../output.ts";
import { type Endpoints, until } from "../verify/api.ts";
import { endpoints } from "../verify/verify.ts";
import { ask, quoted, traceIdOf } from "./ask.ts";
import { secondsOf } from "./since.ts";

interface LogsOptions extends StackOptions {
	trace?: string;
	grep?: string;
	since: string;
	limit: number;
	follow?: boolean;
	json?: boolean;
}

/** A line of a log. */
export interface Line {
	/** Nanoseconds since 1970: Loki's own clock, too long for a number. */
	at: bigint;
	severity: string;
	traceId: string;
	text: string;
}

interface Streams {
	data: { result: { stream: Record<string, string>; values: [at: string, line: string][] }[] };
}

/** How many lines Loki returns at most for one query. */
const most = 5000;
/** How often new lines are looked for. */
const followSeconds = 2;
/** How long a Loki that does not answer is waited for while following, in seconds. */
const followPatience = 120;
/** How much later than newer ones a line may arrive, from another instance or out of a queue, and still be shown. */
const lateNanoseconds = 10_000_000_000n;

/** `./tracestack logs SERVICE`. Returns the exit code: 1 when no line matches. */
export async function logsCommand(service: string, options: LogsOptions): Promise<number> {
	const { limit, follow } = options;
	if (!Number.isInteger(limit) || limit < 1 || limit > most)
		throw new UserError(`--limit is ${limit}\n  allowed: 1 to ${most}`);
	const query = logQl(service, options);
	const since = secondsOf(options.since);
	const e = await endpoints(await prepare(options, "look"), options.stack);
	const from = BigInt(Date.now() - since * 1000) * 1_000_000n;
	let any = false;
	let first = true;
	const look = (from: bigint, count: number) => {
		const ask = () => linesFrom(e, query, from, count);
		// While following, a restart of Loki is waited for.
		return first ? ask() : until(followPatience, ask);
	};
	for await (const lines of looks(look, from, limit)) {
		first = false;
		for (const one of lines) process.stdout.write(`${options.json ? jsonLine(one) : told(one)}\n`);
		any ||= lines.length > 0;
		if (!follow) break;
		await sleep(followSeconds * 1000);
	}
	if (!any)
		progress(paint("yellow", folded(`no log line of the last ${options.since} matches ${query}`), process.stderr));
	return any ? 0 : 1;
}

/**
 * Asks again and again, and hands over new lines only.
 *
 * @param look Asks for the newest lines since a moment, at most so many, oldest first.
 * @param limit How many lines the first look may have; the others have whatever is new.
 */
export async function* looks(
	look: (from: bigint, limit: number) => Promise<Line[]>,
	from: bigint,
	limit: number,
): AsyncGenerator<Line[]> {
	let shown = new Set<string>();
	for (let count = limit; ; count = most) {
		const found = await look(from, count);
		yield found.filter((line) => !shown.has(keyOf(line)));
		shown = new Set(found.map(keyOf));
		const [oldest, newest] = [found[0], found.at(-1)];
		if (!oldest || !newest) continue;
		// What a limit has left out is not new later on.
		const floor = found.length < count ? from : oldest.at;
		const late = newest.at - lateNanoseconds;
		from = late > floor ? late : floor;
	}
}

function keyOf({ at, traceId, text }: Line): string {
	return `${at} ${traceId} ${text}`;
}

/** The LogQL that finds a service's lines. @throws UserError when `trace` is no trace id. */
export function logQl(service: string, { trace, grep }: Pick<LogsOptions, "trace" | "grep">): string {
	const contains = grep ? ` |= ${quoted(grep)}` : "";
	const ofTrace = trace === undefined ? "" : ` | ${traceIdLabel}=${quoted(traceIdOf(trace))}`;
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
