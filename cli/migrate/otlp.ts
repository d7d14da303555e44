// Traces as OTLP in JSON: read from an answer, grouped by trace, counted, and packed into requests.

interface Span {
	traceId: string;
	spanId: string;
	parentSpanId?: string;
	kind?: number | string;
	links?: { traceId: string; spanId: string }[];
}

/** Spans with their resource and scope, as in OTLP. */
export interface ResourceSpans {
	resource?: unknown;
	schemaUrl?: string;
	scopeSpans?: { scope?: unknown; schemaUrl?: string; spans?: Span[] }[];
}

/**
 * The spans in an answer of Jaeger's API v3, with ids in hex. Jaeger's versions differ: they send one object, a list of
 * objects, or one per line, with ids in hex or in base64.
 *
 * @throws SyntaxError when the answer is no JSON.
 */
export function spansIn(answer: string): ResourceSpans[] {
	type Chunk = { result?: { resourceSpans?: ResourceSpans[] } };
	const chunks = (json: string): Chunk[] => [JSON.parse(json)].flat();
	let all: Chunk[];
	try {
		all = chunks(answer);
	} catch (error) {
		const lines = answer.split("\n").filter((line) => line.trim());
		if (lines.length < 2) throw error;
		all = lines.flatMap(chunks);
	}
	return all.flatMap(({ result }) => result?.resourceSpans ?? []).map(withHexIds);
}

function withHexIds({ scopeSpans = [], ...resource }: ResourceSpans): ResourceSpans {
	const link = <T extends { traceId: string; spanId: string }>(of: T): T => ({
		...of,
		traceId: hex(of.traceId, 16),
		spanId: hex(of.spanId, 8),
	});
	const span = ({ parentSpanId, links, ...rest }: Span): Span => ({
		...link(rest),
		...(parentSpanId && { parentSpanId: hex(parentSpanId, 8) }),
		...(links && { links: links.map(link) }),
	});
	return {
		...resource,
		scopeSpans: scopeSpans.map(({ spans = [], ...scope }) => ({ ...scope, spans: spans.map(span) })),
	};
}

/** An id in hex, from hex or base64, which differ in length. */
export function hex(id: string, bytes: number): string {
	return id.length === bytes * 2
		? id.toLowerCase()
		: Buffer.from(id, "base64")
				.toString("hex")
				.padStart(bytes * 2, "0");
}

/** Spans by trace id. A resource or scope that several traces share is repeated in each. */
export function byTrace(all: ResourceSpans[]): Map<string, ResourceSpans[]> {
	const traces = new Map<string, ResourceSpans[]>();
	for (const { scopeSpans = [], ...resource } of all)
		for (const { spans = [], ...scope } of scopeSpans)
			for (const [id, own] of Map.groupBy(spans, ({ traceId }) => traceId))
				traces.set(id, [...(traces.get(id) ?? []), { ...resource, scopeSpans: [{ ...scope, spans: own }] }]);
	return traces;
}

/**
 * The number of different spans. A client and a server span may share an id, as in Zipkin: they differ in their kind.
 */
export function countSpans(all: ResourceSpans[]): number {
	const spans = all.flatMap(({ scopeSpans = [] }) => scopeSpans.flatMap((scope) => scope.spans ?? []));
	return new Set(spans.map(({ spanId, kind }) => `${spanId} ${kind ?? 0}`)).size;
}

/** Requests for `/v1/traces`, none much larger than `maxBytes`: the collector refuses those above 20 MiB. */
export function* requests(all: ResourceSpans[], maxBytes = 4 * 2 ** 20): Generator<string> {
	const parts = all.flatMap(({ scopeSpans = [], ...resource }) =>
		scopeSpans.flatMap(({ spans = [], ...scope }) =>
			[
				...packed(
					spans.map((span) => JSON.stringify(span)),
					maxBytes,
				),
			].map((some) => {
				const [outer, inner] = [JSON.stringify(resource), JSON.stringify(scope)];
				return opened(outer, `"scopeSpans":[${opened(inner, `"spans":[${some}]`)}]`);
			}),
		),
	);
	for (const some of packed(parts, maxBytes)) yield `{"resourceSpans":[${some}]}`;
}

/** An object in JSON with a further member. */
function opened(object: string, member: string): string {
	return object === "{}" ? `{${member}}` : `${object.slice(0, -1)},${member}}`;
}

/** Texts in groups that together are not much larger than `maxBytes`. */
function* packed(texts: string[], maxBytes: number): Generator<string[]> {
	let group: string[] = [];
	let bytes = 0;
	for (const text of texts) {
		if (group.length > 0 && bytes + text.length > maxBytes) {
			yield group;
			[group, bytes] = [[], 0];
		}
		group.push(text);
		bytes += text.length;
	}
	if (group.length > 0) yield group;
}
