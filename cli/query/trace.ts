import { prepare, type StackOptions } from "../engine.ts";
import { columns, paint, UserError } from "../output.ts";
import type { Endpoints } from "../verify/api.ts";
import { endpoints } from "../verify/verify.ts";
import { ask, traceIdOf, traceUrl } from "./ask.ts";
import { type Span, spansOf, type TraceAnswer } from "./spans.ts";
import { duration, waterfall } from "./waterfall.ts";

interface TraceOptions extends StackOptions {
	all?: boolean;
	json?: boolean;
}

/** How many spans are drawn without `--all`. */
const most = 200;

/** `./tracestack trace ID`. */
export async function traceCommand(typed: string, options: TraceOptions): Promise<void> {
	const id = traceIdOf(typed);
	const e = await endpoints(await prepare(options, "look"), options.stack);
	const spans = await trace(e, id);
	const url = traceUrl(e, id, spans[0]?.start);
	if (options.json) process.stdout.write(`${JSON.stringify({ id, url, spans }, null, 2)}\n`);
	else process.stdout.write(`${told(spans, options.all ? Number.POSITIVE_INFINITY : most, url)}\n`);
}

async function trace(e: Endpoints, id: string): Promise<Span[]> {
	try {
		return spansOf(await ask<TraceAnswer>(e, "tempo", `/api/v2/traces/${id}`));
	} catch (error) {
		if (!/^404 /.test((error as Error).message)) throw error;
		throw new UserError(`Tempo has no trace ${id}: it was not sent, not sampled, or is older than the retention`);
	}
}

function told(spans: Span[], lines: number, url: string): string {
	const [first] = spans;
	const failed = spans.filter(({ error }) => error !== undefined).length;
	const end = spans.reduce((latest, span) => Math.max(latest, span.end), 0);
	const counts = [
		`${spans.length} spans`,
		`${new Set(spans.map(({ service }) => service)).size} services`,
		duration(end - (first?.start ?? 0)),
		...(failed > 0 ? [paint("red", `${failed} failed`)] : []),
	];
	return [
		`${new Date(first?.start ?? 0).toISOString()}  ${counts.join(", ")}`,
		"",
		...waterfall(spans, columns(process.stdout), lines),
		"",
		url,
	].join("\n");
}
