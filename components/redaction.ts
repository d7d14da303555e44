// Secrets in telemetry, masked by the collector before anything is queued.

import type { Settings } from "../settings.ts";
import { harmlessKeys, secretKeys, secretValues } from "./secrets.ts";

/** Processors by signal, in the order in which they work. */
const redactors = {
	traces: ["redaction", "transform/redaction"],
	metrics: ["redaction/metrics"],
	logs: ["redaction"],
} as const;

export interface Redaction {
	/** Definitions of the processors. */
	processors: Record<string, unknown>;
	/** Their names, for the pipeline of each signal. */
	of: Record<keyof typeof redactors, readonly string[]>;
}

/** What masks secrets: the default patterns and a stack's own; nothing where it is switched off. */
export function redaction({ redaction: { enabled, keys, values } }: Settings): Redaction {
	if (!enabled) return { processors: {}, of: { traces: [], metrics: [], logs: [] } };
	const patterns = [...secretValues, ...values].map(dollars);
	const attributes = {
		allow_all_keys: true,
		redact_all_types: true, // or lists, such as http.request.header.*, slip through
		summary: "silent",
		// Nobody knows where a stack's own patterns may match.
		ignored_keys: keys.length + values.length > 0 ? [] : harmlessKeys,
		blocked_key_patterns: [...secretKeys, ...keys].map(dollars),
		blocked_values: patterns,
	};
	const processors = {
		redaction: attributes,
		// Two series whose labels differ only in what is masked must not become one.
		"redaction/metrics": { ...attributes, hash_function: "sha3" },
		"transform/redaction": inTexts(patterns),
	};
	return { processors, of: redactors };
}

/** What the redaction processor leaves alone: texts of a span and its events that are no attributes. */
function inTexts(patterns: string[]) {
	const texts = ["span.name", "span.status.message", "spanevent.name"];
	// A statement costs more than an expression saves: all in one here, for texts that are short.
	const any = JSON.stringify(patterns.map((pattern) => `(?:${pattern})`).join("|"));
	const statements = texts.map((text) => `replace_pattern(${text}, ${any}, "****") where ${text} != ""`);
	// What can't be masked is passed on: an error here must not lose a span.
	return { error_mode: "ignore", trace_statements: statements };
}

/** The collector expands `$` in its configuration. */
function dollars(pattern: string): string {
	return pattern.replaceAll("$", "$$$$");
}
