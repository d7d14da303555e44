// A bundled program among a container's files: half a library in a few lines, which nobody reads in a report.

import { createHash } from "node:crypto";
import type { Change } from "./change.ts";

export function isProgram(path: string): boolean {
	return /\.[cm]?js$/.test(path);
}

/** What a change shows of two programs: enough to tell them apart. */
export function inShort(from: string | undefined, to: string | undefined): Omit<Change, "path"> {
	return { ...(from !== undefined && { from: named(from) }), ...(to !== undefined && { to: named(to) }) };
}

function named(text: string): string {
	const hash = createHash("sha256").update(text).digest("hex").slice(0, 12);
	return `a program of ${Math.ceil(text.length / 1000)} kB, ${hash}`;
}
