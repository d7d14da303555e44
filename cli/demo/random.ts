/** Random numbers that a seed determines. */
export interface Random {
	/** From 0 to below 1. */
	next(): number;
	/** A whole number, both ends included. */
	int(from: number, to: number): number;
	/** True so often of 1. */
	chance(probability: number): boolean;
	pick<T>(of: readonly T[]): T;
	/** As durations and gaps are: many small, a few large, this on average. */
	exponential(mean: number): number;
	/** Lower-case hexadecimal digits. */
	hex(digits: number): string;
}

/** Mulberry32: the shortest generator whose numbers look random to people. */
export function seeded(seed: number): Random {
	let state = seed >>> 0;
	const next = () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let t = state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	};
	const int = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
	return {
		next,
		int,
		chance: (probability) => next() < probability,
		pick: (of) => of[int(0, of.length - 1)] as (typeof of)[number],
		exponential: (mean) => -Math.log(1 - next()) * mean,
		hex: (digits) => Array.from({ length: digits }, () => int(0, 15).toString(16)).join(""),
	};
}
