// What commands print. Results go to stdout, progress and errors to stderr, so that results can be piped.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { stripVTControlCharacters, styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** A text in a colour or style, where the stream is a terminal that shows it. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
	return styleText(style, text, { stream });
}

/** Columns that a line may have: the terminal's; elsewhere what the variable COLUMNS says, else 80. */
export function columns(stream: NodeJS.WriteStream): number {
	return stream.columns || Number(process.env.COLUMNS) || 80;
}

/** A text cut to a width, with an ellipsis where it was. */
export function shorten(text: string, width: number): string {
	return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/**
 * A text with invisible and misleading characters escaped: line ends, terminal sequences, a reversed writing direction.
 */
export function visible(text: string): string {
	const escaped = (char: string) => JSON.stringify(char).slice(1, -1);
	const code = (char: string) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
	return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => (escaped(char) === char ? code(char) : escaped(char)));
}

/**
 * A text as lines of at most `width` columns, broken at spaces and indented. A word that is longer than a line, such as a
 * link, stays whole. Control characters are escaped: what a server says may quote anybody.
 */
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

/**
 * A text of several lines, such as an error: those that are too long are broken as `wrapped` breaks them, indented as
 * they were.
 */
export function folded(text: string, width = columns(process.stderr)): string {
	return stripVTControlCharacters(text)
		.replaceAll("\t", "    ")
		.split(/\r?\n/)
		.flatMap((line) =>
			line.length <= width ? visible(line) : wrapped(line.trim(), width, /^ */.exec(line)?.[0] ?? ""),
		)
		.join("\n");
}

/** Writes a result to a file, whose folder is made if need be, or without one to stdout. */
export async function writeResult(text: string, file?: string): Promise<void> {
	if (!file) {
		process.stdout.write(text);
		return;
	}
	await mkdir(dirname(file), { recursive: true });
	await writeFile(file, text);
	progress(`written: ${file}`);
}

/** Writes a line for people to stderr. */
export function progress(line: string): void {
	process.stderr.write(`${line}\n`);
}

/**
 * Decides what happens when the reader of a pipe ends, such as `head`: without a reader of results this process ends;
 * without a reader of progress it finishes its work.
 */
export function endWithReader(): void {
	const isGone = (error: NodeJS.ErrnoException) => {
		if (error.code !== "EPIPE") throw error;
	};
	process.stderr.on("error", isGone);
	process.stdout.on("error", (error) => {
		isGone(error);
		process.exit();
	});
}

/**
 * An error that is the user's to act on: it says what happened, to what, and what to do. Printed without a stack trace.
 */
export class UserError extends Error {}

/** For people: the seconds since a moment in milliseconds since 1970, as in `1.5 s`. */
export function seconds(since: number): string {
	return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}
