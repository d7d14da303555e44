// Settings as they come, before they are checked: anything may be missing, or of another type.

export type Raw = Record<string, unknown>;

/** The value if it is an object; else an empty one. */
export function objectOf(value: unknown): Raw {
	return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Raw) : {};
}

/** The object of this key; an empty one where there is none. */
export function objectAt(raw: Raw, key: string): Raw {
	return objectOf(raw[key]);
}

/** The list of this key; an empty one where there is none. */
export function listAt(raw: Raw, key: string): unknown[] {
	const list = raw[key];
	return Array.isArray(list) ? list : [];
}
