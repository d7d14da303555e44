// Bundled programs among a container's files: their lines are unreadable in a report.

import { createHash } from "node:crypto";
import type { Change } from "./change.ts";

/** Whether a path is that of a program in JavaScript. */
export function isProgram(path: string): boolean {
	return /\.[cm]?js$/.test(path);
}

/** A change from one program to another, with size and checksum in place of their text. */
export function inShort(from: string | undefined, to: string | undefined): Omit<Change, "path"> {
	return { ...(from !== undefined && { from: named(from) }), ...(to !== undefined && { to: named(to) }) };
}

function named(text: string): string {
	const hash = createHash("sha256").update(text).digest("hex").slice(0, 12);
	return `a program of ${Math.ceil(text.length / 1000)} kB, ${hash}`;
}
