/** One difference between two documents. */
export interface Change {
	/** Where, within the subject: `storage.trace.backend`, `panel "Requests"`, `memory`. */
	path: string;
	/** Absent: it was not there. */
	from?: unknown;
	/** Absent: it is gone. */
	to?: unknown;
}

export function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
