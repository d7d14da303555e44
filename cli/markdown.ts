// Escapes text of others, so that nothing in it is read as Markdown.

import { shorten, visible } from "./output.ts";

/**
 * Text of others as inline code: nothing in it is read as Markdown or HTML, or mentions somebody.
 *
 * @param width Characters at most.
 */
export function code(foreign: string, width = 100): string {
	const text = shorten(visible(foreign), width).toWellFormed();
	const ticks = "`".repeat(longestRun(text) + 1);
	const padded = /^`|`$|^ .* $/.test(text) ? ` ${text} ` : text;
	return `${ticks}${padded || " "}${ticks}`;
}

/** Text of others as a code block, whose fence is longer than any in the text. */
export function fenced(text: string, language = ""): string[] {
	const fence = "`".repeat(Math.max(3, longestRun(text) + 1));
	return [`${fence}${language}`, text, fence];
}

/** Length of the longest run of backticks. */
function longestRun(text: string): number {
	return Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
}

/** A table, with bars in cells escaped. @param right Indexes of the columns that are aligned to the right. */
export function table(head: string[], rows: string[][], right: number[] = []): string[] {
	const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
	const ruler = head.map((_, i) => (right.includes(i) ? "--:" : "---"));
	return [line(head), `|${ruler.join("|")}|`, ...rows.map(line)];
}
