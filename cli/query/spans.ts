// Turns a trace in Tempo's answer into plain spans.

import { hex } from "../migrate/otlp.ts";

/** A span, as far as it is shown to people. Times are in milliseconds since 1970, with fractions. */
export interface Span {
	id: string;
	/** Id of its parent; empty for a root span. */
	parent: string;
	service: string;
	name: string;
	start: number;
	end: number;
	/** Why it failed, which may be empty; undefined for a span that did not fail. */
	error?: string;
}

interface Attribute {
	key: string;
	value?: { stringValue?: string };
}

interface OtlpSpan {
	spanId: string;
	parentSpanId?: string;
	name?: string;
	startTimeUnixNano?: string;
	endTimeUnixNano?: string;
	status?: { code?: string | number; message?: string };
	events?: { name?: string; attributes?: Attribute[] }[];
}

/** Tempo's answer to a trace's id. */
export interface TraceAnswer {
	trace?: { resourceSpans?: { resource?: { attributes?: Attribute[] }; scopeSpans?: { spans?: OtlpSpan[] }[] }[] };
}

/** The spans of a trace, sorted by their start. */
export function spansOf({ trace = {} }: TraceAnswer): Span[] {
	const spans = (trace.resourceSpans ?? []).flatMap(({ resource, scopeSpans = [] }) => {
		const service = textOf(resource?.attributes, "service.name") ?? "unknown service";
		return scopeSpans.flatMap(({ spans = [] }) => spans).map((span) => plain(span, service));
	});
	return spans.sort((a, b) => a.start - b.start || b.end - a.end);
}

function plain(span: OtlpSpan, service: string): Span {
	const failed = span.status?.code === "STATUS_CODE_ERROR" || span.status?.code === 2;
	const start = millis(span.startTimeUnixNano);
	return {
		id: hex(span.spanId, 8),
		parent: span.parentSpanId ? hex(span.parentSpanId, 8) : "",
		service,
		name: span.name || "(no name)",
		start,
		// A span that was never ended has no end.
		end: Math.max(start, millis(span.endTimeUnixNano)),
		...(failed && { error: span.status?.message || exceptionOf(span) }),
	};
}

function exceptionOf({ events = [] }: OtlpSpan): string {
	const exception = events.find(({ name }) => name === "exception");
	return textOf(exception?.attributes, "exception.message") ?? "";
}

function textOf(attributes: Attribute[] = [], key: string): string | undefined {
	return attributes.find((attribute) => attribute.key === key)?.value?.stringValue;
}

/** Milliseconds from nanoseconds since 1970, which are too large for a number. */
function millis(nano = "0"): number {
	return Number(BigInt(nano) / 1000n) / 1000;
}
