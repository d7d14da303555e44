// Batches that were in hand when the database's server was lost, and whose fault that was.

/** So often the server has to be lost over a batch that is alone: once it may be ended by somebody, again and again at just that moment not. */
const most = 3;

interface Loss {
	/** How often it was in hand then. */
	times: number;
	/** How often it was alone, and the server had stored others since the time before. */
	counted: number;
	/** How much was stored by then. */
	stored: number;
}

/**
 * A batch is at fault if the server is lost each time that it is alone, and stores others in between. A server that is ended by
 * somebody takes whatever is in hand with it, but that once; one that can store nothing at all proves nothing about a batch.
 *
 * Known to one worker while it runs: another begins anew.
 */
export class Losses {
	readonly #of = new Map<string, Loss>();
	#stored = 0;

	/** Whether these are to be stored while nothing else is: one that was in hand before. */
	alone(ids: string[]): boolean {
		return ids.length === 1 && this.#of.has(ids[0]!);
	}

	/** The server was lost over these. */
	add(ids: string[], alone: boolean): void {
		for (const id of ids) {
			const { times, counted, stored } = this.#of.get(id) ?? { times: 0, counted: 0, stored: this.#stored };
			const proved = alone && this.#stored > stored;
			this.#of.set(id, { times: times + 1, counted: counted + Number(proved), stored: this.#stored });
		}
	}

	/** These have left the queue. @param spans How many of theirs are in the archive now. */
	left(ids: Iterable<string>, spans: number): void {
		for (const id of ids) this.#of.delete(id);
		if (spans > 0) this.#stored++;
	}

	/** How often the server was lost over it. */
	times(id: string): number {
		return this.#of.get(id)?.times ?? 0;
	}

	/** Whether it is to be tried no more. */
	atFault(id: string): boolean {
		return (this.#of.get(id)?.counted ?? 0) >= most;
	}
}
