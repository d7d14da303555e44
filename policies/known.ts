const unknown = Symbol("only a deployment knows it");

/**
 * The engine's view of properties as plain data. There, reading a value that only a deployment knows throws, which would end
 * a policy at the first; here it is a symbol, and the rest can be looked at.
 */
export function known(props: Record<string, unknown>): Record<string, unknown> {
	return copy(props) as Record<string, unknown>;
}

function copy(value: unknown): unknown {
	if (typeof value !== "object" || value === null) return value;
	const read = (key: string | number) => {
		try {
			return copy((value as Record<string | number, unknown>)[key]);
		} catch (error) {
			if (error instanceof Error && "unknownTypeSentinel" in error) return unknown;
			throw error;
		}
	};
	if (Array.isArray(value)) return Array.from({ length: value.length }, (_, i) => read(i));
	return Object.fromEntries(Object.keys(value).map((key) => [key, read(key)]));
}
