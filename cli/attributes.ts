// `./tracestack attributes check`: which spans lack attributes that dashboards need. A panel that stays empty can't say why.

import { readFile } from "node:fs/promises";
import { z } from "zod";
import { prepare, type StackOptions } from "./engine.ts";
import { columns, paint, progress, shorten, UserError } from "./output.ts";
import { type Endpoints, epoch, json, withQuery } from "./verify/api.ts";
import { endpoints } from "./verify/verify.ts";

/** A span, as far as the check looks at it. */
interface Carrier {
	service: string;
	name: string;
	/** Names of its own attributes and of its resource's. */
	attributes: Set<string>;
}

/** Spans of one kind that lack an attribute. */
interface Lack {
	service: string;
	span: string;
	attribute: string;
	lacking: number;
	of: number;
}

interface CheckOptions extends StackOptions {
	require: string[];
	from?: string;
	where?: string;
	json?: boolean;
}

/** How many traces are looked at, and how many spans of each. */
const most = { traces: 200, spans: 100 };

/** `./tracestack attributes check`. Returns the exit code: 1 when a span lacks something. */
export async function attributesCheckCommand(options: CheckOptions): Promise<number> {
	const names = options.require.map((name) => name.trim().replace(/^(span|resource)?\./, "")).filter(Boolean);
	if (names.length === 0) throw new UserError("--require names no attribute: for example --require run_id,branch");
	const carriers = options.from ? await fromFile(options.from) : await fromTempo(options, names);
	if (carriers.length === 0)
		throw new UserError(`No spans in ${options.from ?? "Tempo, of the last hour"}: nothing to check`);
	const lacks = lacking(carriers, names);
	if (options.json) process.stdout.write(`${JSON.stringify({ spans: carriers.length, lacks }, null, 2)}\n`);
	for (const { service, span, attribute, lacking, of } of lacks)
		progress(shorten(`  ${service}: ${span}: ${lacking} of ${of} lack ${attribute}`, columns(process.stderr)));
	const all = options.from ? `${carriers.length} spans` : `${carriers.length} spans of up to ${most.traces} traces`;
	if (lacks.length === 0) progress(paint("green", `all of ${all} have ${names.join(", ")}`, process.stderr));
	else progress(paint("red", `of ${all}, those above lack an attribute`, process.stderr));
	return lacks.length === 0 ? 0 : 1;
}

/** Which attributes are missing from which spans, by service and span name, in the order of the spans. */
export function lacking(carriers: Carrier[], names: string[]): Lack[] {
	const kinds = Map.groupBy(carriers, ({ service, name }) => `${service}\n${name}`);
	return [...kinds.values()].flatMap((same) =>
		names.flatMap((attribute) => {
			const without = same.filter(({ attributes }) => !attributes.has(attribute)).length;
			const { service = "", name: span = "" } = same[0] ?? {};
			return without > 0 ? [{ service, span, attribute, lacking: without, of: same.length }] : [];
		}),
	);
}

const keys = z.array(z.looseObject({ key: z.string(), value: z.unknown() })).default([]);
const otlp = z.object({
	resourceSpans: z.array(
		z.object({
			resource: z.object({ attributes: keys }).prefault({}),
			scopeSpans: z
				.array(z.object({ spans: z.array(z.object({ name: z.string().default(""), attributes: keys })).default([]) }))
				.default([]),
		}),
	),
});

/**
 * Spans of an OTLP message, as SDKs' file exporters and the collector write it: JSON, one message or one on each line.
 */
export function carriersOf(text: string): Carrier[] {
	return messages(text).flatMap((message) =>
		otlp.parse(message).resourceSpans.flatMap(({ resource, scopeSpans }) => {
			const own = resource.attributes.map(({ key }) => key);
			const named = resource.attributes.find(({ key }) => key === "service.name")?.value;
			const service = (named as { stringValue?: string } | undefined)?.stringValue ?? "unknown service";
			return scopeSpans
				.flatMap(({ spans }) => spans)
				.map(({ name, attributes }) => ({
					service,
					name,
					attributes: new Set([...own, ...attributes.map(({ key }) => key)]),
				}));
		}),
	);
}

function messages(text: string): unknown[] {
	try {
		return [JSON.parse(text)];
	} catch {
		return text
			.split("\n")
			.filter((line) => line.trim())
			.map((line) => JSON.parse(line));
	}
}

async function fromFile(file: string): Promise<Carrier[]> {
	try {
		return carriersOf(await readFile(file, "utf8"));
	} catch (error) {
		const why = error instanceof z.ZodError ? "it has no resourceSpans, as OTLP's JSON has" : (error as Error).message;
		throw new UserError(`${file} can't be read: ${why}`);
	}
}

async function fromTempo(options: CheckOptions, names: string[]): Promise<Carrier[]> {
	const e = await endpoints(await prepare(options, "look"), options.stack);
	return search(e, names, options.where);
}

/** Spans of the last hour in Tempo. */
async function search({ tempo }: Pick<Endpoints, "tempo">, names: string[], where = "true"): Promise<Carrier[]> {
	interface Attribute {
		key: string;
		value: { stringValue?: string };
	}
	type Answer = { traces?: { spanSets?: { spans: { name: string; attributes?: Attribute[] }[] }[] }[] };
	// `.x` is an attribute of the span or of its resource.
	const selected = ["resource.service.name", "name", ...names.map((name) => `.${name}`)].join(", ");
	const q = `{ ${where} } | select(${selected})`;
	const { traces = [] } = await json<Answer>(
		withQuery(`${tempo}/api/search`, { q, start: epoch(-3600), end: epoch(), limit: most.traces, spss: most.spans }),
	);
	return traces
		.flatMap(({ spanSets = [] }) => spanSets.flatMap(({ spans }) => spans))
		.map(({ name, attributes = [] }) => ({
			service: attributes.find(({ key }) => key === "service.name")?.value.stringValue ?? "unknown service",
			name,
			attributes: new Set(attributes.map(({ key }) => key)),
		}));
}
