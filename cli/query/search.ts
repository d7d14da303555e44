// `./tracestack query`: traces that match, a line each.

import { prepare, type StackOptions } from "../engine.ts";
import { columns, folded, paint, progress, shorten, UserError, visible } from "../output.ts";
import { type Endpoints, epoch } from "../verify/api.ts";
import { endpoints } from "../verify/verify.ts";
import { ask, quoted } from "./ask.ts";
import { secondsOf } from "./since.ts";
import { duration } from "./waterfall.ts";

interface QueryOptions extends StackOptions {
	traceql?: string;
	since: string;
	errors?: boolean;
	json?: boolean;
}

interface Found {
	traceID: string;
	rootServiceName?: string;
	rootTraceName?: string;
	startTimeUnixNano?: string;
	durationMs?: number;
}

/** How many traces Tempo is asked for at most. */
const most = 1000;

/** `./tracestack query SERVICE [N]`. Returns the exit code: 1 when nothing was found. */
export async function queryCommand(service: string | undefined, limit: number, options: QueryOptions): Promise<number> {
	if (!Number.isInteger(limit) || limit < 1 || limit > most)
		throw new UserError(`${limit} is no number of traces: 1 to ${most}`);
	const q = traceQl(service, options);
	const since = secondsOf(options.since);
	const e = await endpoints(await prepare(options, "look"), options.stack);
	const range = { start: epoch(-since), end: epoch(1) };
	const { traces = [] } = await ask<{ traces?: Found[] }>(e, "tempo", "/api/search", { q, limit, ...range });
	const found = traces.map(plain).sort((a, b) => b.start.localeCompare(a.start));
	if (options.json) process.stdout.write(`${JSON.stringify({ query: q, traces: found }, null, 2)}\n`);
	else for (const trace of found) process.stdout.write(`${shorten(line(trace), columns(process.stdout))}\n`);
	if (found.length > 0) return 0;
	progress(paint("yellow", folded(`no trace of the last ${options.since} matches ${q}`), process.stderr));
	progress(folded(await hint(e, service, options.stack)));
	return 1;
}

/**
 * What Tempo is asked.
 *
 * @throws UserError when neither or both of service and query are given.
 */
export function traceQl(service: string | undefined, { traceql, errors }: Pick<QueryOptions, "traceql" | "errors">) {
	if (Boolean(service) === Boolean(traceql))
		throw new UserError("Either a service or --traceql: ./tracestack query shop, or --traceql '{ duration > 1s }'");
	if (traceql && errors) throw new UserError("--errors goes with a service; in TraceQL it is: status = error");
	return traceql ?? `{ resource.service.name = ${quoted(service ?? "")}${errors ? " && status = error" : ""} }`;
}

function plain({ traceID, rootServiceName, rootTraceName, startTimeUnixNano = "0", durationMs = 0 }: Found) {
	return {
		// Tempo leaves out leading zeros.
		id: traceID.padStart(32, "0"),
		start: new Date(Number(BigInt(startTimeUnixNano) / 1_000_000n)).toISOString(),
		durationMs,
		root: [rootServiceName, rootTraceName].filter(Boolean).join(" ") || "(root not yet received)",
	};
}

function line({ id, start, durationMs, root }: ReturnType<typeof plain>): string {
	return `${start.slice(0, 19)}Z ${id} ${duration(durationMs).padStart(8)}  ${visible(root)}`;
}

/** What to try when nothing was found. */
async function hint(e: Endpoints, service: string | undefined, stack: string): Promise<string> {
	const path = "/api/v2/search/tag/resource.service.name/values";
	const { tagValues = [] } = await ask<{ tagValues?: { value: string }[] }>(e, "tempo", path);
	const names = tagValues.map(({ value }) => value).sort();
	if (names.length === 0) return `Tempo has no traces yet: ./tracestack verify --stack ${stack} sends one`;
	if (service && names.includes(service)) return `${service} has traces, but no such ones: try a longer --since`;
	return `services with traces: ${shorten(visible(names.join(", ")), 400)}`;
}
