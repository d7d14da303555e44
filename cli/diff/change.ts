// The form that every comparison has its result in.

/** One difference between two documents. */
export interface Change {
	/** Where, within the subject: `storage.trace.backend`, `panel "Requests"`, `memory`. */
	path: string;
	/** Absent: it was not there. */
	from?: unknown;
	/** Absent: it is gone. */
	to?: unknown;
}

/** Whether a value is an object that is neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
