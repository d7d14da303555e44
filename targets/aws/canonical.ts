// Text that is the same whatever the order in the program: ECS and S3 compare bytes.

/** By code unit: the same on every machine, whatever its locale. */
export function order(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

/** The same value with the keys of every object in order. */
export function sortKeys(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(sortKeys);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(
		Object.entries(value)
			.sort(([a], [b]) => order(a, b))
			.map(([key, item]) => [key, sortKeys(item)]),
	);
}
