// Foreign text in Markdown, of which nothing is read as Markdown.

import { shorten, visible } from "./output.ts";

/** Foreign text as code: nothing in it is Markdown, HTML, or somebody's name that is called. */
export function code(foreign: string, width = 100): string {
	const text = shorten(visible(foreign), width).toWellFormed();
	const ticks = "`".repeat(longestRun(text) + 1);
	const padded = /^`|`$|^ .* $/.test(text) ? ` ${text} ` : text;
	return `${ticks}${padded || " "}${ticks}`;
}

/** Foreign text as lines of a fence that is longer than any within. */
export function fenced(text: string, language = ""): string[] {
	const fence = "`".repeat(Math.max(3, longestRun(text) + 1));
	return [`${fence}${language}`, text, fence];
}

/** Of backticks. */
function longestRun(text: string): number {
	return Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
}

/** A table: a row for each, in which a bar ends no cell. @param right Which columns are numbers. */
export function table(head: string[], rows: string[][], right: number[] = []): string[] {
	const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
	const ruler = head.map((_, i) => (right.includes(i) ? "--:" : "---"));
	return [line(head), `|${ruler.join("|")}|`, ...rows.map(line)];
}
