// The envelope that a pipeline writes at the end of a run: which run it was, its results, and its traces.

import { readFile } from "node:fs/promises";
import { z } from "zod";
import { reportMetrics } from "../../components/links.ts";
import { SettingsError } from "../../settings/error.ts";
import { explain } from "../../settings/explain.ts";
import type { Sample } from "../metrics/samples.ts";
import { UserError } from "../output.ts";
import { type Report, runId, type StoredObject } from "./report.ts";

const envelope = z.looseObject({
	source: z
		.string()
		.regex(/^(?!\.{1,2}$)[\w.-]+$/)
		.default("report")
		.meta({ allowed: "letters, digits, dots, hyphens: what made it, such as verify-lite" }),
	generatedAt: z.string().optional().meta({ allowed: "a time, as ISO 8601 has it" }),
	correlation: z
		.looseObject({
			runId,
			branch: z.string().min(1).default("unknown").meta({ allowed: "a branch" }),
			commit: z.string().optional().meta({ allowed: "a commit" }),
			traceIds: z
				.array(
					z
						.string()
						.regex(/^[0-9a-f]{1,32}$/)
						.meta({ allowed: "a trace id in hexadecimal" }),
				)
				.default([])
				.meta({ allowed: "a list of trace ids" }),
		})
		.meta({ allowed: "an object with runId, branch, traceIds" }),
	summary: z.record(z.string(), z.unknown()).default({}).meta({ allowed: "an object" }),
});

/** A report envelope. Further fields are kept. */
export type Envelope = z.infer<typeof envelope>;

const { labels } = reportMetrics;

/** How many traces of a report become a series, for a dropdown in Grafana. */
const mostTraces = 100;

/**
 * Reads an envelope. Some producers call `correlation` `traceCorrelation`.
 *
 * @throws UserError with every mistake in it.
 */
export async function readEnvelope(file: string): Promise<Envelope> {
	let raw: unknown;
	try {
		raw = JSON.parse(await readFile(file, "utf8"));
	} catch (error) {
		throw new UserError(`The envelope ${file} can't be read: ${(error as Error).message}`);
	}
	return parseEnvelope(raw, file);
}

/** @throws UserError with every mistake in it. */
export function parseEnvelope(raw: unknown, file: string): Envelope {
	const { traceCorrelation, correlation = traceCorrelation, ...rest } = (raw ?? {}) as Record<string, unknown>;
	const named = { ...rest, ...(correlation !== undefined && { correlation }) };
	const result = envelope.safeParse(named);
	if (result.success) return result.data;
	const mistakes = explain({ raw: named, schema: envelope, issues: result.error.issues });
	throw new UserError(SettingsError.of(file, mistakes).message);
}

/**
 * An envelope as a report: itself as a file, its numbers and its traces as metrics.
 *
 * @param files Further files, stored beside it.
 */
export function reportOf(envelope: Envelope, files: StoredObject[] = []): Report {
	const { source, correlation } = envelope;
	const sample =
		(name: string, help: string) =>
		(of: ReportValue): Sample => ({
			name,
			kind: "gauge",
			help,
			labels: of.attributes,
			value: of.value,
		});
	return {
		source,
		runId: correlation.runId,
		samples: [
			...valuesOf(envelope).map(sample(reportMetrics.value, "A number of a report")),
			...tracesOf(envelope).map(sample(reportMetrics.trace, "A trace that a report names")),
		],
		objects: [{ name: "envelope.json", body: Buffer.from(JSON.stringify(envelope, null, 2)) }, ...files],
	};
}

/** A number of a report, under the labels that it has as a metric. */
export interface ReportValue {
	value: number;
	attributes: Record<string, string>;
}

/**
 * Every number in an envelope's summary, by its path, such as `mutation.score`. True is 1 and false is 0; a `status` is 1
 * where it is "success", else 0.
 */
export function valuesOf(envelope: Envelope): ReportValue[] {
	return numbers(envelope.summary).map(([field, value]) => ({
		value,
		attributes: { ...run(envelope), [labels.field]: field },
	}));
}

/** The traces of a run as series whose value is 1, from which a dropdown in Grafana takes the ids. */
export function tracesOf(envelope: Envelope): ReportValue[] {
	return envelope.correlation.traceIds
		.slice(0, mostTraces)
		.map((id) => ({ value: 1, attributes: { ...run(envelope), [labels.traceId]: id.padStart(32, "0") } }));
}

function run({ source, correlation }: Envelope): Record<string, string> {
	return { [labels.source]: source, [labels.runId]: correlation.runId, [labels.branch]: correlation.branch };
}

function numbers(value: unknown, path: string[] = []): [field: string, value: number][] {
	const field = path.join(".");
	if (typeof value === "number" && Number.isFinite(value)) return [[field, value]];
	if (typeof value === "boolean") return [[field, Number(value)]];
	if (path.at(-1) === "status" && typeof value === "string") return [[field, Number(value === "success")]];
	if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
	return Object.entries(value).flatMap(([key, below]) => numbers(below, [...path, key]));
}
