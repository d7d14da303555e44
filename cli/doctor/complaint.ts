// What the doctor tells: what is wrong, what shows it, and what to do.

import type { Context } from "../drift/finding.ts";

export interface Complaint {
	/** `broken`: something does not work, or data is refused or lost. `warning`: it will, or may be meant. */
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

/** One thing to look at. What can't be looked at is an error, never "nothing found". */
export type Check = (context: Context) => Promise<Complaint[]>;
