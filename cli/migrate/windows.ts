// Which spans of time are still to be read, and how one is read that holds more than one answer may have.

/** Both ends belong to it, as they do in Jaeger's queries; milliseconds since 1970. */
export interface Window {
	from: number;
	to: number;
}

const day = 86_400_000;

/** What is left of a window without those that are done, oldest first, in pieces of a day: the most that is asked for at once. */
export function remaining({ from, to }: Window, done: Window[], longest = day): Window[] {
	const left: Window[] = [];
	let at = from;
	for (const past of [...done, { from: to, to }].sort((a, b) => a.from - b.from)) {
		for (const end = Math.min(past.from, to); at < end; at = Math.min(at + longest, end))
			left.push({ from: at, to: Math.min(at + longest, end) });
		at = Math.max(at, past.to);
	}
	return left;
}

/** The earlier and the later half; undefined for a millisecond, which is not halved. */
function halves({ from, to }: Window): [Window, Window] | undefined {
	const middle = Math.floor((from + to) / 2);
	if (middle === from) return undefined;
	return [
		{ from, to: middle },
		{ from: middle, to },
	];
}

/** What was found in a window: what becomes of each trace id is the caller's business. */
export interface Page<T> {
	window: Window;
	traces: Map<string, T>;
	/** Whether these are all of it; `limit`: the caller wanted no more; `crowded`: a millisecond has more than one answer may. */
	complete: true | "limit" | "crowded";
}

/**
 * Reads windows through a search that has no pages, only a limit: what may have hit the limit is asked for in halves.
 *
 * @param windows Oldest first; read from the last to the first, so that an early end leaves the old.
 * @param search At most `limit` traces of a window.
 * @param options.page The limit of a search.
 * @param options.atMost Ends with so many different traces. @default none
 * @param options.known Ids that count as read.
 */
export async function* pages<T>(
	windows: Window[],
	search: (window: Window, limit: number) => Promise<Map<string, T>>,
	options: { page: number; atMost?: number; known?: Iterable<string> },
): AsyncGenerator<Page<T>> {
	const { page, atMost = Number.POSITIVE_INFINITY } = options;
	const seen = new Set(options.known);
	const todo = [...windows];
	// Traces of the window that take no place of new ones when it is asked for again.
	let known = 0;
	for (let window = todo.pop(); window && seen.size < atMost; window = todo.pop()) {
		const limit = Math.min(page, atMost - seen.size + known);
		const traces = await search(window, limit);
		const full = traces.size >= limit && (limit === page ? "crowded" : "limit");
		const parts = full === "crowded" ? halves(window) : undefined;
		if (parts) {
			todo.push(...parts);
			known = 0;
			continue;
		}
		for (const id of traces.keys()) seen.add(id);
		yield { window, traces, complete: full || true };
		known = full === "limit" ? traces.size : 0;
		if (full === "limit") todo.push(window);
	}
}
