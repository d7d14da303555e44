// What people see. Results go to stdout, progress to stderr, so that `--json` can be piped.

import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Colours only where a terminal shows them. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
	return styleText(style, text, { stream });
}

/** Columns that a line may have: the terminal's, and 80 in a log. */
export function columns(stream: NodeJS.WriteStream): number {
	return stream.columns || 80;
}

/** A text cut to a width, with a sign that it was. */
export function shorten(text: string, width: number): string {
	return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** A text without what an eye does not see or is misled by: line ends, escape sequences, a reversed direction. */
export function visible(text: string): string {
	const escaped = (char: string) => JSON.stringify(char).slice(1, -1);
	const code = (char: string) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
	return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => (escaped(char) === char ? code(char) : escaped(char)));
}

/** Broken at spaces; a word that is longer than a line, such as a link, stays whole. Names, and what servers say, may be anybody's. */
export function wrapped(text: string, width: number, indent: string): string[] {
	const lines: string[] = [];
	let line = "";
	for (const word of text.split(/\s+/).map(visible)) {
		if (line && indent.length + line.length + 1 + word.length > width) {
			lines.push(indent + line);
			line = word;
		} else line = line ? `${line} ${word}` : word;
	}
	return [...lines, indent + line];
}

/** A line of progress. */
export function progress(line: string): void {
	process.stderr.write(`${line}\n`);
}

/** An error that is the user's to act on: printed without a stack trace. */
export class UserError extends Error {}

export function seconds(since: number): string {
	return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}
