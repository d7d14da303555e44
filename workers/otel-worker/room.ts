// How much may wait in the database: what is beyond that waits before it, in the collector's queue.

/** The collector's own, where nothing else is said: what it holds for one destination is soon taken over. */
const mostByDefault = 2 * 2 ** 30;

/**
 * What waits, in bytes of payload: as a look has found it, and what this worker has taken since. Between looks it is too high
 * rather than too low: what was stored meanwhile is not known, and what other workers take is some seconds' worth.
 */
export class Room {
	/** What may wait. */
	readonly most: number;
	#found = 0;
	#taken = 0;

	constructor(most: number = mostByDefault) {
		this.most = most;
	}

	get waiting(): number {
		return this.#found + this.#taken;
	}

	get full(): boolean {
		return this.waiting >= this.most;
	}

	/** So much was taken. */
	took(bytes: number): void {
		this.#taken += bytes;
	}

	/** Somebody looks: to be told what was found, which may have in it what is taken meanwhile. */
	look(): (found: number) => void {
		const before = this.#taken;
		return (found) => {
			this.#found = found;
			this.#taken -= before;
		};
	}
}
