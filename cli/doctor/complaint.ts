// What the doctor tells: what is wrong, what shows it, and what to do.

import type { Context } from "../drift/finding.ts";

/** One problem. */
export interface Complaint {
	/**
	 * `broken`: something does not work, or data is refused or lost. `warning`: that will happen, or it may be
	 * intended.
	 */
	severity: "broken" | "warning";
	/** A service, or `stack`. */
	about: string;
	/** One sentence. */
	what: string;
	/** A line that shows it, such as a server's own message. */
	seen?: string;
	/** What to do: a command, or where to look. */
	todo: string;
}

/** One check of the doctor. It throws when it can't look: an empty list means that nothing is wrong. */
export type Check = (context: Context) => Promise<Complaint[]>;
