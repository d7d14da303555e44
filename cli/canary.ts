// `./tracestack send`: one span by hand. `./tracestack canary`: one trace, sent and looked for by CI or cron.

import { type Attributes, ROOT_CONTEXT, SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { keepAttribute } from "../components/sampling.ts";
import { prepare, type StackOptions } from "./engine.ts";
import { exporters, type OtlpHttp, recorder, send } from "./otlp.ts";
import { paint, UserError, visible } from "./output.ts";
import { ask, traceUrl } from "./query/ask.ts";
import { type Endpoints, epoch, until } from "./verify/api.ts";
import { endpoints } from "./verify/verify.ts";

interface SendOptions extends StackOptions {
	service: string;
	name: string;
	attribute: string[];
	error?: string;
	json?: boolean;
}

interface CanaryOptions extends StackOptions {
	/** Seconds. */
	within: number;
	json?: boolean;
}

/** `./tracestack send`: one span, as an application would send it. */
export async function sendCommand(options: SendOptions): Promise<void> {
	const attributes = Object.fromEntries(options.attribute.map(keyAndValue));
	const e = await endpoints(await prepare(options, "look"), options.stack);
	const id = await sendSpan(e, { ...options, attributes });
	const url = traceUrl(e, id);
	process.stdout.write(options.json ? `${JSON.stringify({ id, url })}\n` : `${id}\n${url}\n`);
}

/**
 * `./tracestack canary`: sends one trace and looks for it. One line, and exit code 1 when it did not arrive in time.
 */
export async function canaryCommand(options: CanaryOptions): Promise<number> {
	if (!(options.within > 0)) throw new UserError(`--within is ${options.within}\n  allowed: seconds, more than 0`);
	const e = await endpoints(await prepare(options, "look"), options.stack);
	const result = await canary(e, options.within);
	if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
	else process.stdout.write(`${told(result)}\n`);
	return result.error ? 1 : 0;
}

interface Result {
	/** The trace's id; empty when the span was not accepted. */
	id: string;
	/** Seconds from the acknowledgement until it was found. */
	byId?: number;
	bySearch?: number;
	error?: string;
}

async function canary(e: Endpoints, within: number): Promise<Result> {
	let id = "";
	try {
		const attributes = { [keepAttribute]: 1 };
		id = await sendSpan(e, { service: "tracestack-canary", name: "canary", attributes });
		const since = performance.now();
		const passed = () => (performance.now() - since) / 1000;
		await until(within, () => ask(e, "tempo", `/api/v2/traces/${id}`));
		const byId = passed();
		const query = { q: `{ trace:id = "${id}" }`, start: epoch(-60), end: epoch(60), limit: 1 };
		await until(Math.max(0, within - byId), async () => {
			const { traces } = await ask<{ traces?: unknown[] }>(e, "tempo", "/api/search", query);
			if (!traces?.length) throw new Error("no search finds it");
		});
		return { id, byId, bySearch: passed() };
	} catch (error) {
		return { id, error: (error as Error).message };
	}
}

/** The result in one line, whatever a server's answer contains. */
export function told({ id, byId = 0, bySearch = 0, error }: Result): string {
	if (error) return paint("red", `canary ${id || "was not accepted"}: ${visible(error)}`);
	return `canary ${id}: by id in ${byId.toFixed(1)} s, by search in ${bySearch.toFixed(1)} s`;
}

/** Sends a span that has just ended. Returns its trace's id once it is acknowledged. */
async function sendSpan(
	e: OtlpHttp,
	{ service, name, error, attributes }: { service: string; name: string; error?: string; attributes: Attributes },
): Promise<string> {
	const { tracer, finished } = recorder(service);
	const now = Date.now();
	const options = { kind: SpanKind.SERVER, startTime: now - 50, attributes };
	const span = tracer.startSpan(name, options, ROOT_CONTEXT);
	if (error) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
	span.end(now);
	await send(exporters(e).traces, finished());
	return span.spanContext().traceId;
}

function keyAndValue(text: string): [string, string] {
	const at = text.indexOf("=");
	if (at < 1) throw new UserError(`--attribute is "${text}"\n  allowed: key=value`);
	return [text.slice(0, at), text.slice(at + 1)];
}
