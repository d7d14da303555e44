// What servers log about problems whose cause is known.

import { visible } from "../output.ts";

/** A problem that is recognised by what servers log about it. */
export interface Cause {
	pattern: RegExp;
	what: string;
	/** What to do. `$container` stands for the container's name. */
	todo: string;
	/**
	 * A problem wherever it is logged, at any level. Others may pass by themselves, as while another service starts.
	 * @default false
	 */
	always?: boolean;
}

/** The first whose pattern matches a line is its cause. */
const causes: Cause[] = [
	{
		pattern: /\/[\w./-]+: permission denied|permission denied.{0,40}?\/[\w./-]+/i,
		what: "it may not write to its data directory",
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
		what: "it can't resolve the name of a host",
		todo: "a wrong address in its configuration, or the other service is down or on another network: ./tracestack drift",
	},
	{
		pattern: /dial tcp [\w.:[\]-]+: connect: connection refused/i,
		what: "nothing listens at the address that it sends to",
		todo: "a wrong port in its configuration, or the other service is down: ./tracestack drift, ./tracestack status",
	},
	{
		// The collector's. 429 means that it has to try again later, and has a cause of its own.
		pattern: /Permanent error.*?request to \S+ responded with HTTP Status Code (?!429)4\d\d/,
		what: "a destination refuses what it is sent, which is dropped",
		todo: "its endpoint or headers are wrong, or it needs another version: docs/destinations.md; its own log says why",
	},
	{
		pattern: /certificate signed by unknown authority|certificate has expired|x509:/i,
		what: "a certificate is not trusted, or no longer valid",
		todo: "./tracestack ca prints the authority that clients must trust; ./tracestack up renews what it generated",
	},
	{
		pattern: /\b(401|Unauthenticated|missing or empty authorization|authentication didn't succeed)\b/i,
		what: "an application sends without the stack's token, or with a wrong one",
		todo: "./tracestack token prints it: OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20TOKEN",
	},
	{
		pattern:
			/RESOURCE_EXHAUSTED|rate limit|429 Too Many Requests|live traces exceeded|max_bytes_per_trace|TRACE_TOO_LARGE/i,
		what: "it receives more than its limits allow",
		todo: "senders try again; a larger tracestack:size raises the limits: docs/durability.md",
	},
];

/** An error in a server's log, however often it is there. */
export interface Told {
	/** The newest such line, cut. */
	line: string;
	count: number;
	cause?: Cause;
}

/**
 * Lines that are errors, in any of the servers' formats. Go's panics have no level, and the collector logs failed
 * exports as `info`.
 */
const isError =
	/\b(level|lvl)="?(error|fatal|crit|critical)\b|"level":\s*"(error|fatal|panic)"|\t(error|fatal|dpanic)\t|^panic:|^fatal error:|Exporting failed/i;

/**
 * Lines that are no errors by their level: words like "error" in them are quoted, such as what somebody searches logs
 * for.
 */
const isCalm = /\b(level|lvl)="?(debug|info)\b|"level":\s*"(debug|info)"|\t(debug|info)\t/i;

/**
 * The errors in a log, equal ones counted together, the most frequent first.
 *
 * @param log As `docker logs --timestamps` writes it.
 * @param from Milliseconds since 1970. Of what is earlier only causes with `always` count.
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

/** What to do about a cause, for a container. */
export function todoOf({ todo }: Cause, container: string): string {
	return todo.replace("$container", container);
}

/** A line without times, ids and numbers: what two lines of the same error have in common. */
function skeleton(line: string): string {
	return line
		.replaceAll(/\b(ts|time|t)=\S+/g, "")
		.replaceAll(/\d{4}-\d\d-\d\d[T ][\d:.,]+Z?/g, "")
		.replaceAll(/\b[0-9a-f]{8,}\b/gi, "#")
		.replaceAll(/\d+/g, "0")
		.trim();
}

/** The part of a line that says what is wrong, cut. */
function shown(line: string): string {
	const text = /"?\b(?:msg|err|error)"?[=:]\s*"?((?:[^"\\]|\\.)+)/.exec(line);
	const said = /\berr(?:or)?="?((?:[^"\\]|\\.)+)"?/.exec(line)?.[1] ?? text?.[1] ?? line;
	// The collector's errors don't say which exporter they are about; its component does.
	const part = /"otelcol\.component\.id": "([^"]+)"/.exec(line)?.[1];
	return visible(`${part ? `${part}: ` : ""}${said.replaceAll('\\"', '"').trim()}`).slice(0, 240);
}
