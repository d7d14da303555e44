// Random numbers that are the same in every run.

/** A generator of random numbers that a seed determines. */
export interface Random {
	/** From 0 to below 1. */
	next(): number;
	/** A whole number, both ends included. */
	int(from: number, to: number): number;
	/** True with this probability, from 0 to 1. */
	chance(probability: number): boolean;
	/** An element of a list, each with the same probability. */
	pick<T>(of: readonly T[]): T;
	/** Exponentially distributed, as durations and intervals often are. */
	exponential(mean: number): number;
	/** So many lower-case hexadecimal digits. */
	hex(digits: number): string;
}

/** A generator by Mulberry32, which is short, and random enough for a demo. */
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
