// A file of what a migration has done, a line for each step, so that the next run continues one that was killed.

import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Window } from "./windows.ts";

type Entry =
	/** Traces of a window that the stack has taken: spans by trace id. */
	| { service: string; window: Window; traces: Record<string, number>; complete: boolean }
	/** Ids of traces that are complete in Tempo. */
	| { found: string[] };

/** What all runs from one Jaeger into one stack have done. */
export class Journal {
	/** Windows that were read completely, by service. */
	readonly done = new Map<string, Window[]>();
	/** Trace ids by service. */
	readonly services = new Map<string, Set<string>>();
	/** Numbers of spans that the stack has acknowledged, by trace id. */
	readonly traces = new Map<string, number>();
	/** Ids of traces that are complete in Tempo. */
	readonly found = new Set<string>();
	readonly #file: string;

	/** @param file Created with the first entry. An incomplete line, which a killed run left, is ignored. */
	constructor(file: string) {
		this.#file = file;
		if (!existsSync(file)) return;
		const text = readFileSync(file, "utf8");
		for (const line of text.split("\n")) this.#read(line);
		if (!text.endsWith("\n")) appendFileSync(file, "\n");
	}

	/** Deletes all entries. */
	clear(): void {
		rmSync(this.#file, { force: true });
		for (const notes of [this.done, this.services, this.traces, this.found]) notes.clear();
	}

	/** Notes copied traces. @param complete False for a window that the next run has to read again. */
	copied(service: string, window: Window, traces: Map<string, number>, complete: boolean): void {
		this.#note({ service, window, traces: Object.fromEntries(traces), complete });
	}

	/** Notes traces that are complete in Tempo. */
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

/** Path of the journal for a Jaeger and a stack. */
export function journalFile(stateDir: string, from: string, stack: string): string {
	const key = createHash("sha256").update(from).digest("hex").slice(0, 12);
	return join(stateDir, "migrations", `${stack}-jaeger-${key}.jsonl`);
}
