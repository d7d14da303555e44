// Time windows: which are still to be read, and how a window is read that has more traces than one answer.

/** A time window in milliseconds since 1970, both ends included, as in Jaeger's queries. */
export interface Window {
	from: number;
	to: number;
}

const day = 86_400_000;

/** The parts of a window that are not done, oldest first, in pieces of at most a day, so that no query is too large. */
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

/** Both halves of a window; undefined for a single millisecond. */
function halves({ from, to }: Window): [Window, Window] | undefined {
	const middle = Math.floor((from + to) / 2);
	if (middle === from) return undefined;
	return [
		{ from, to: middle },
		{ from: middle, to },
	];
}

/** The traces that were found in a window. */
export interface Page<T> {
	window: Window;
	traces: Map<string, T>;
	/**
	 * True if these are all. `limit`: the caller wanted no more. `crowded`: a single millisecond has more than one
	 * answer can.
	 */
	complete: true | "limit" | "crowded";
}

/**
 * Reads windows through a search that has no pages, only a limit: a window that hits the limit is read again in halves.
 *
 * @param windows Oldest first. They are read from the last to the first, so that the newest traces are read when it ends early.
 * @param search Returns at most `limit` traces of a window.
 * @param options.page The limit of a search.
 * @param options.atMost How many different traces are read at most. @default all
 * @param options.known Ids of traces that were read before. @default none
 */
export async function* pages<T>(
	windows: Window[],
	search: (window: Window, limit: number) => Promise<Map<string, T>>,
	options: { page: number; atMost?: number; known?: Iterable<string> },
): AsyncGenerator<Page<T>> {
	const { page, atMost = Number.POSITIVE_INFINITY } = options;
	const seen = new Set(options.known);
	const todo = [...windows];
	// Traces of the window that are known already, and must not count when it is read again.
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
