// What people see. Results go to stdout, progress to stderr, so that `--json` can be piped.

import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Colours only where a terminal shows them. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
	return styleText(style, text, { stream });
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
