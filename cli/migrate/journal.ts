// What a migration has done, one line for each step, so that a run that was killed is continued by the next.

import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Window } from "./windows.ts";

type Entry =
	/** Traces of a window that the stack has taken: spans by trace id. */
	| { service: string; window: Window; traces: Record<string, number>; complete: boolean }
	/** Ids of traces that were found in Tempo, whole. */
	| { found: string[] };

/** Notes of all runs from one Jaeger into one stack. */
export class Journal {
	/** Windows that need not be read again, by service. */
	readonly done = new Map<string, Window[]>();
	/** Ids of the traces that a service is in. */
	readonly services = new Map<string, Set<string>>();
	/** Spans of each trace that the stack has taken. */
	readonly traces = new Map<string, number>();
	/** Those that were found in Tempo, whole. */
	readonly found = new Set<string>();
	readonly #file: string;

	/** @param file Made when there is something to note. A line that a killed run left torn is passed over. */
	constructor(file: string) {
		this.#file = file;
		if (!existsSync(file)) return;
		const text = readFileSync(file, "utf8");
		for (const line of text.split("\n")) this.#read(line);
		if (!text.endsWith("\n")) appendFileSync(file, "\n");
	}

	/** Forgets everything. */
	clear(): void {
		rmSync(this.#file, { force: true });
		for (const notes of [this.done, this.services, this.traces, this.found]) notes.clear();
	}

	/** @param complete False for a window to be read again, by the next run. */
	copied(service: string, window: Window, traces: Map<string, number>, complete: boolean): void {
		this.#note({ service, window, traces: Object.fromEntries(traces), complete });
	}

	foundWhole(ids: string[]): void {
		if (ids.length > 0) this.#note({ found: ids });
	}

	#note(entry: Entry): void {
		mkdirSync(dirname(this.#file), { recursive: true });
		appendFileSync(this.#file, `${JSON.stringify(entry)}\n`);
		this.#apply(entry);
	}

	#read(line: string): void {
		let entry: Entry;
		try {
			entry = JSON.parse(line);
		} catch {
			return;
		}
		this.#apply(entry);
	}

	#apply(entry: Entry): void {
		if ("found" in entry) {
			for (const id of entry.found) this.found.add(id);
			return;
		}
		const { service, window, traces, complete } = entry;
		const ids = this.services.get(service) ?? new Set();
		this.services.set(service, ids);
		const done = this.done.get(service) ?? [];
		this.done.set(service, done);
		if (complete) done.push(window);
		for (const [id, spans] of Object.entries(traces)) {
			ids.add(id);
			if (spans <= (this.traces.get(id) ?? 0)) continue;
			this.traces.set(id, spans);
			this.found.delete(id);
		}
	}
}

/** Where the notes of a Jaeger and a stack are. */
export function journalFile(stateDir: string, from: string, stack: string): string {
	const key = createHash("sha256").update(from).digest("hex").slice(0, 12);
	return join(stateDir, "migrations", `${stack}-jaeger-${key}.jsonl`);
}
