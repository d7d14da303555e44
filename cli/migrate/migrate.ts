// `./tracestack migrate jaeger`: copies a Jaeger's traces into a stack, and compares.

import { prepare, type StackOptions } from "../engine.ts";
import { folded, paint, progress, seconds, UserError } from "../output.ts";
import { stateDir } from "../paths.ts";
import { secondsOf } from "../query/since.ts";
import type { Endpoints } from "../verify/api.ts";
import { endpoints } from "../verify/verify.ts";
import { backfill, type Difference, differences, searchTempo, spansInTempo } from "./compare.ts";
import { Jaeger } from "./jaeger.ts";
import { Journal, journalFile } from "./journal.ts";
import { countSpans, requests } from "./otlp.ts";
import { patiently, request } from "./patience.ts";
import { type Report, summary } from "./report.ts";
import { pages, remaining, type Window } from "./windows.ts";

/** Options of the command. */
export interface MigrateOptions extends StackOptions {
	/** Address of Jaeger's user interface. */
	from: string;
	/** How far back, such as 7d. */
	since: string;
	/** Only these services; all without. */
	service?: string[];
	/** How many traces of each service at most, the newest, over all runs. @default all */
	limit?: number;
	/** Forgets what earlier runs have done. */
	restart?: boolean;
	json?: boolean;
}

/** How many traces are asked for at once: all of them are in memory. */
const page = 200;

/** A trace may still grow for so long: the next run reads younger ones again. */
const settledMs = 5 * 60_000;

/** `./tracestack migrate jaeger`. Returns the exit code: 1 when Tempo lacks something, or not all could be read. */
export async function migrateCommand(options: MigrateOptions): Promise<number> {
	const jaeger = new Jaeger(options.from);
	const range = rangeOf(options.since);
	const atMost = limitOf(options.limit);
	const stack = await endpoints(await prepare(options, "look"), options.stack);
	await ready(stack, options.stack, range);
	const services = chosen(await jaeger.services(), options.service, jaeger.url);
	const journal = new Journal(journalFile(stateDir, jaeger.url, options.stack));
	if (options.restart) journal.clear();
	await stillThere(journal, stack);
	if (journal.traces.size > 0) progress(`continuing: ${journal.traces.size} traces are in the stack already`);

	const incomplete: Report["incomplete"] = [];
	for (const service of services)
		incomplete.push(...(await copyService({ jaeger, service, range, atMost, journal, stack })));
	const missing = await compare(journal, stack, services, range);
	const report = summary({ journal, services, missing, incomplete });
	if (options.json) {
		const about = { from: jaeger.url, stack: options.stack, since: new Date(range.from).toISOString() };
		process.stdout.write(`${JSON.stringify({ ...about, ...report.json }, null, 2)}\n`);
	} else process.stdout.write(`${report.table}\n`);
	for (const line of report.problems) progress(paint("red", folded(line), process.stderr));
	return report.problems.length > 0 ? 1 : 0;
}

interface Copy {
	jaeger: Jaeger;
	service: string;
	range: Window;
	atMost: number;
	journal: Journal;
	stack: Endpoints;
}

/** Copies the traces of a service that are not copied yet. Returns the windows of which Jaeger did not return all. */
async function copyService({ jaeger, service, range, atMost, journal, stack }: Copy): Promise<Report["incomplete"]> {
	const incomplete: Report["incomplete"] = [];
	const known = journal.services.get(service) ?? new Set();
	const settled = Math.max(range.from, range.to - settledMs);
	const windows = [
		...remaining({ from: range.from, to: settled }, journal.done.get(service) ?? []),
		{ from: settled, to: range.to },
	];
	const read = pages(windows, (window, limit) => jaeger.traces(service, window, limit), { page, atMost, known });
	let [traces, spans, told] = [0, 0, Date.now()];
	const said = (until: string) => {
		const what = traces > 0 ? `${count(traces, "trace")}, ${count(spans, "span")}` : "nothing new";
		progress(`  ${service}: ${what}${until}`);
	};
	for await (const { window, traces: found, complete } of read) {
		const counts = new Map([...found].map(([id, own]) => [id, countSpans(own)]));
		// It may have been copied with another service. An equal number of spans is the same trace; another number may be another
		// part of a long one.
		const fresh = [...found].filter(([id]) => counts.get(id) !== journal.traces.get(id));
		for (const body of requests(fresh.flatMap(([, own]) => own))) await send(stack, body);
		if (complete === "crowded") incomplete.push({ service, ...window });
		journal.copied(service, window, counts, complete === true && window.to <= settled);
		traces += fresh.length;
		spans += fresh.reduce((sum, [id]) => sum + (counts.get(id) ?? 0), 0);
		if (Date.now() - told < 5000) continue;
		said(`, back to ${new Date(window.from).toISOString().slice(0, 16)}Z`);
		told = Date.now();
	}
	said("");
	return incomplete;
}

/** Sends a request, and resolves once the collector has acknowledged it: then it is on the collector's disk. */
async function send({ otlpHttp, otlpToken }: Endpoints, body: string): Promise<void> {
	const token = otlpToken && { authorization: `Bearer ${otlpToken}` };
	const headers = { "content-type": "application/json", ...token };
	try {
		const response = await patiently(300, () =>
			request(`${otlpHttp}/v1/traces`, { method: "POST", headers, body, seconds: 30 }),
		);
		const text = await response.text();
		if (!response.ok) throw new Error(`HTTP ${response.status} ${text.trim().slice(0, 200)}`);
		const { partialSuccess } = JSON.parse(text || "{}");
		if (Number(partialSuccess?.rejectedSpans) > 0) throw new Error(partialSuccess.errorMessage);
	} catch (error) {
		throw new UserError(
			`The collector did not take the traces: ${(error as Error).message}\nThe same command continues where this one stopped.`,
		);
	}
}

/** Looks up in Tempo what earlier runs have not found there. */
async function compare(journal: Journal, stack: Endpoints, services: string[], range: Window): Promise<Difference[]> {
	const ids = new Set(services.flatMap((service) => [...(journal.services.get(service) ?? [])]));
	const open = new Map([...journal.traces].filter(([id]) => ids.has(id) && !journal.found.has(id)));
	if (open.size === 0) return [];
	const started = Date.now();
	progress(`looking up ${count(open.size, "trace")} in Tempo`);
	let [whole, told] = [0, started];
	const counters = {
		byId: (id: string) => spansInTempo(stack.tempo, id),
		search: () => searchTempo(stack.tempo, range),
	};
	const missing = await differences(open, counters, {
		patienceSeconds: 20,
		onWhole: (some) => {
			journal.foundWhole(some);
			whole += some.length;
			if (Date.now() - told < 5000) return;
			progress(`  ${whole} of ${open.size}`);
			told = Date.now();
		},
	});
	progress(`  ${whole} of ${open.size} are there whole (${seconds(started)})`);
	return missing;
}

/** Refuses to continue when the stack's data was deleted: what the journal says was copied would be skipped. */
async function stillThere(journal: Journal, stack: Endpoints): Promise<void> {
	const ids = [...journal.found];
	// What was copied first has expired first.
	const some = [...new Set([ids[0], ids.at(-1)])].filter((id) => id !== undefined);
	const there = await Promise.all(some.map((id) => spansInTempo(stack.tempo, id)));
	if (some.length === 0 || there.some((spans) => spans > 0)) return;
	throw new UserError(
		`An earlier run copied ${count(journal.traces.size, "trace")}, but Tempo no longer has ${some[0]}:\n` +
			"the stack's data was deleted, or has expired. --restart copies everything again.",
	);
}

/** Refuses where Tempo does not answer, or would accept traces that no search finds. */
async function ready({ tempo, sampling }: Endpoints, name: string, { from, to }: Window): Promise<void> {
	if (sampling.metricsFrom === "collector")
		throw new UserError(
			`The stack ${name} samples: it would keep a share of the copied traces, and count them as current requests.\n` +
				"Take tracestack:sampling out of its settings while they are copied.",
		);
	let reach: number;
	try {
		reach = await backfill(tempo);
	} catch (error) {
		throw new UserError(
			`The stack ${name} does not answer: Tempo at ${tempo}: ${(error as Error).message}\n` +
				`./tracestack status --stack ${name} says what runs.`,
		);
	}
	const wanted = Math.ceil((to - from) / 3_600_000);
	if (wanted <= reach) return;
	throw new UserError(
		`Traces that are older than ${reach} hours would be found by their ids only, and by no search. Either\n` +
			`  copy less: --since ${reach}h\n` +
			`  or let Tempo take them: ./tracestack pulumi config set --stack ${name} \\\n` +
			`    --path tracestack:tempo.backfill ${wanted}h && ./tracestack up --stack ${name}`,
	);
}

/** Names under which Jaeger traces itself, in its parts and versions. */
const own = /^jaeger(-all-in-one|-collector|-ingester|-query)?$/;

function chosen(services: string[], wanted: string[] | undefined, url: string): string[] {
	const unknown = wanted?.filter((name) => !services.includes(name)) ?? [];
	if (unknown.length > 0)
		throw new UserError(
			`Jaeger at ${url} has no service ${unknown.join(", ")}\nits services: ${services.join(", ") || "none"}`,
		);
	if (wanted) return [...new Set(wanted)];
	const itself = services.filter((name) => own.test(name));
	if (itself.length > 0) progress(`left out, being Jaeger's own: ${itself.join(", ")}`);
	return services.filter((name) => !own.test(name));
}

function rangeOf(since: string): Window {
	const to = Date.now();
	return { from: to - secondsOf(since) * 1000, to };
}

function limitOf(limit = Number.POSITIVE_INFINITY): number {
	if (limit === Number.POSITIVE_INFINITY || (Number.isInteger(limit) && limit > 0)) return limit;
	throw new UserError(`--limit is ${limit}\n  allowed: a whole number of traces, from 1`);
}

function count(number: number, noun: string): string {
	return `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`;
}
