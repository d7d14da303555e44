// `./tracestack logs check`: whether log lines match a pack's schema: they have what its dashboards and alerts look for.

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { logServiceLabel } from "../../components/links.ts";
import { prepare, type StackOptions } from "../engine.ts";
import { columns, paint, progress, shorten, UserError, visible } from "../output.ts";
import { ask } from "../query/ask.ts";
import { type Endpoints, epoch } from "../verify/api.ts";
import { endpoints } from "../verify/verify.ts";
import { type Judge, judgeOf } from "./schema.ts";

interface CheckOptions extends StackOptions {
	pack: string;
	from?: string;
	where?: string;
	json?: boolean;
}

/** A log line. */
export interface Line {
	/** Its number in a file, or the service that wrote it. */
	at: number | string;
	/** Its content; undefined where it is no JSON. */
	record: unknown;
}

/** Lines that have the same mistake. */
interface Wrong {
	what: string;
	/** What the first of them has instead. */
	value?: unknown;
	/** Where they are. */
	at: Line["at"][];
}

/** The result of a check. */
export interface Verdict {
	lines: number;
	/** Lines with any mistake. */
	wrong: number;
	/** The most frequent first. */
	mistakes: Wrong[];
}

/** How many lines Loki returns at most for one query. */
const most = 5000;

/** Returns the exit code: 1 when a line does not match the pack's schema. */
export async function logsCheckCommand(options: CheckOptions): Promise<number> {
	const judge = judgeOf(options.pack);
	const lines = options.from ? fromFile(options.from) : fromLoki(options);
	const { lines: all, wrong, mistakes } = await verdict(lines, judge);
	if (all === 0) throw new UserError(`No lines in ${options.from ?? "Loki, of the last hour"}: nothing to check`);
	if (options.json) process.stdout.write(`${JSON.stringify({ lines: all, wrong, mistakes }, null, 2)}\n`);
	for (const { what, value, at } of mistakes) {
		const example = value === undefined ? "" : `such as ${shown(value)}: `;
		for (const line of [`  ${at.length} of ${all}: ${visible(what)}`, `    ${example}${where(at)}`])
			progress(shorten(line, columns(process.stderr)));
	}
	const which = !options.from && all === most ? `the newest ${most} lines` : `${all} lines`;
	if (wrong === 0)
		progress(paint("green", `all of ${which} match the schema of the pack ${options.pack}`, process.stderr));
	else
		progress(paint("red", `${wrong} of ${which} do not match the schema of the pack ${options.pack}`, process.stderr));
	return wrong === 0 ? 0 : 1;
}

/** Judges lines, and collects those that have the same mistake. */
export async function verdict(lines: AsyncIterable<Line> | Iterable<Line>, judge: Judge): Promise<Verdict> {
	const found = new Map<string, Wrong>();
	const count = { lines: 0, wrong: 0 };
	for await (const { at, record } of lines) {
		const mistakes = record === undefined ? [{ what: "no JSON" }] : judge(record);
		count.lines++;
		if (mistakes.length > 0) count.wrong++;
		for (const mistake of mistakes) {
			const same = found.get(mistake.what) ?? { ...mistake, at: [] };
			same.at.push(at);
			found.set(mistake.what, same);
		}
	}
	return { ...count, mistakes: [...found.values()].sort((a, b) => b.at.length - a.at.length) };
}

/** Where lines are, in words: `lines 3-5, 9`, or `crawler (12), guardrails (3)`. */
export function where(at: Line["at"][]): string {
	if (typeof at[0] === "string") {
		const services = [...Map.groupBy(at, (one) => one)].map(([name, its]) => `${visible(`${name}`)} (${its.length})`);
		return services.join(", ");
	}
	const runs: [from: number, to: number][] = [];
	for (const number of at as number[]) {
		const last = runs.at(-1);
		if (last && number <= last[1] + 1) last[1] = number;
		else runs.push([number, number]);
	}
	const told = runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
	return `${at.length === 1 ? "line" : "lines"} ${told.join(", ")}`;
}

/** The lines of a file, without empty ones. */
async function* fromFile(file: string): AsyncGenerator<Line> {
	let number = 0;
	try {
		for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
			number++;
			if (text.trim()) yield { at: number, record: parsed(text) };
		}
	} catch (error) {
		throw new UserError(`${file} can't be read: ${(error as Error).message}`);
	}
}

async function* fromLoki({ where = `{${logServiceLabel}=~".+"}`, ...options }: CheckOptions): AsyncGenerator<Line> {
	const e = await endpoints(await prepare(options, "look"), options.stack);
	yield* await stored(e, where);
}

/** Lines of the last hour in Loki. */
async function stored(e: Endpoints, query: string): Promise<Line[]> {
	type Answer = { data: { result: { stream: Record<string, string>; values: [time: string, line: string][] }[] } };
	const asked = { query, start: epoch(-3600), end: epoch(60), limit: most };
	const { data } = await ask<Answer>(e, "loki", "/loki/api/v1/query_range", asked);
	return data.result.flatMap(({ stream, values }) =>
		values.map(([, text]) => ({ at: stream[logServiceLabel] ?? "unknown service", record: recordOf(stream, text) })),
	);
}

/**
 * A line of Loki as its application wrote it: the attributes of an OpenTelemetry record are labels and metadata in Loki, its
 * severity is called severity_text, and a body of JSON has further fields.
 */
export function recordOf(stream: Record<string, string>, text: string): Record<string, unknown> {
	const body = parsed(text);
	const own = typeof body === "object" && body !== null && !Array.isArray(body) ? body : { message: text };
	return { ...(stream.severity_text && { severity: stream.severity_text }), ...stream, ...own };
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

/** A value out of a log, cut, on one line. */
function shown(value: unknown): string {
	return visible(shorten(JSON.stringify(value), 40));
}
