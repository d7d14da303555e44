// What servers write when something is wrong that has a known cause.

import { visible } from "../output.ts";

export interface Cause {
	pattern: RegExp;
	what: string;
	/** `$container` is filled in. */
	todo: string;
	/** Wrong whenever it is there, however often. Else it may pass, as while another service starts. */
	always?: boolean;
}

/** The first that fits a line is its cause. */
const causes: Cause[] = [
	{
		pattern: /\/[\w./-]+: permission denied|permission denied.{0,40}?\/[\w./-]+/i,
		what: "it may not write where its data lies",
		todo: "the volume belongs to another user: docker inspect $container names user and volume; ./tracestack pulumi up --refresh, or chown it to that user",
		always: true,
	},
	{
		pattern: /no space left on device/i,
		what: "its disk is full",
		todo: "docker system df shows what takes the room; a shorter retention keeps it free",
		always: true,
	},
	{
		pattern:
			/lookup [\w.-]+[^:]*: (no such host|server misbehaving|Temporary failure)|produced zero addresses|no children to pick from|no such host.*?[\w.-]+:\d+/i,
		what: "it looks for a host that nobody has",
		todo: "a wrong address in its configuration, or the other service is down or on another network: ./tracestack drift",
	},
	{
		pattern: /dial tcp [\w.:[\]-]+: connect: connection refused/i,
		what: "nobody answers where it sends to",
		todo: "a wrong port in its configuration, or the other service is down: ./tracestack drift, ./tracestack status",
	},
	{
		// The collector's. 429 asks it to come again, and has a cause of its own.
		pattern: /Permanent error.*?request to \S+ responded with HTTP Status Code (?!429)4\d\d/,
		what: "a destination refuses what it gets, which is dropped",
		todo: "its endpoint or headers are wrong, or it wants another version: docs/destinations.md; what it says itself is in its own log",
	},
	{
		pattern: /certificate signed by unknown authority|certificate has expired|x509:/i,
		what: "a certificate is not trusted, or no longer valid",
		todo: "./tracestack ca prints the authority that clients must trust; ./tracestack up renews what it generated",
	},
	{
		pattern: /\b(401|Unauthenticated|missing or empty authorization|authentication didn't succeed)\b/i,
		what: "somebody sends without the stack's token, or with a wrong one",
		todo: "./tracestack token prints it: OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20TOKEN",
	},
	{
		pattern:
			/RESOURCE_EXHAUSTED|rate limit|429 Too Many Requests|live traces exceeded|max_bytes_per_trace|TRACE_TOO_LARGE/i,
		what: "more comes than its limits let through",
		todo: "it is tried again; docs/durability.md says which limits follow from size; tracestack:size: medium or large raises them",
	},
];

/** A line of a server's log that tells of an error, without what differs each time. */
export interface Told {
	/** The newest such line, cut. */
	line: string;
	count: number;
	cause?: Cause;
}

/** Whether a line says so itself, in any of the servers' formats. Go's panics say nothing of a level, and what the collector can't deliver is `info` to it. */
const isError =
	/\b(level|lvl)="?(error|fatal|crit|critical)\b|"level":\s*"(error|fatal|panic)"|\t(error|fatal|dpanic)\t|^panic:|^fatal error:|Exporting failed/i;

/** Whether a line says that nothing is wrong: whatever else is in it is quoted, such as what somebody searches logs for. */
const isCalm = /\b(level|lvl)="?(debug|info)\b|"level":\s*"(debug|info)"|\t(debug|info)\t/i;

/**
 * Errors of a log, the same ones together, the most frequent first.
 *
 * @param log As `docker logs --timestamps` writes it.
 * @param from What is earlier, in milliseconds since 1970, counts only where its cause never passes by itself.
 */
export function errorsOf(log: string, from = 0): Told[] {
	const told = new Map<string, Told>();
	for (const stamped of log.split("\n")) {
		const [, stamp = "", line = stamped] = /^(\d{4}-\d\d-\d\dT\S+Z) (.*)$/.exec(stamped) ?? [];
		const cause = causes.find(({ pattern }) => pattern.test(line));
		const error = isError.test(line);
		if (cause?.always ? !error && isCalm.test(line) : !error || Date.parse(stamp) < from) continue;
		const key = cause?.what ?? skeleton(line);
		const before = told.get(key)?.count ?? 0;
		told.set(key, { line: shown(line), count: before + 1, ...(cause && { cause }) });
	}
	return [...told.values()].sort((a, b) => b.count - a.count);
}

/** What to do, with what the line names. */
export function todoOf({ todo }: Cause, container: string): string {
	return todo.replace("$container", container);
}

/** Without times, ids, addresses and numbers. */
function skeleton(line: string): string {
	return line
		.replaceAll(/\b(ts|time|t)=\S+/g, "")
		.replaceAll(/\d{4}-\d\d-\d\d[T ][\d:.,]+Z?/g, "")
		.replaceAll(/\b[0-9a-f]{8,}\b/gi, "#")
		.replaceAll(/\d+/g, "0")
		.trim();
}

function shown(line: string): string {
	const text = /"?\b(?:msg|err|error)"?[=:]\s*"?((?:[^"\\]|\\.)+)/.exec(line);
	const said = /\berr(?:or)?="?((?:[^"\\]|\\.)+)"?/.exec(line)?.[1] ?? text?.[1] ?? line;
	// Which of the collector's parts: its errors don't name an address.
	const part = /"otelcol\.component\.id": "([^"]+)"/.exec(line)?.[1];
	return visible(`${part ? `${part}: ` : ""}${said.replaceAll('\\"', '"').trim()}`).slice(0, 240);
}
