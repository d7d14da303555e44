// What commands have in common.

import { type Command, InvalidArgumentError } from "commander";

/** Adds a command about a stack, with the options that all of those have. */
export function stackCommand(parent: Command, name: string, description: string): Command {
	return parent
		.command(name)
		.description(description)
		.option("-s, --stack <name>", "name of the stack, whose settings are in Pulumi.<name>.yaml", "dev")
		.option("--images <file>", "image catalogue to use instead of the one in the settings")
		.option("--debug", "print the stack trace of an error");
}

/**
 * Parses the number that an option takes.
 *
 * @throws InvalidArgumentError, which commander reports with the option's name.
 */
export function number(text: string): number {
	const value = Number(text);
	if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It takes a number.");
	return value;
}

/** What `--help` says below a command's options. */
interface More {
	/** Command lines without `./tracestack`, each with what it does. At most 80 columns each. */
	examples: [line: string, what: string][];
	/** What exit codes other than 0 mean. @default 1: an error, which is printed */
	exits?: Record<number, string>;
}

/** Adds examples and exit codes to a command's `--help`. */
export function explained(command: Command, { examples, exits = {} }: More): Command {
	const lines = examples.flatMap(([line, what]) => [`  ./tracestack ${line}`, `      ${what}`]);
	const codes = Object.entries(exits).map(([code, meaning]) => `  ${code}  ${meaning}`);
	const more = ["", "Examples:", ...lines, ...(codes.length > 0 ? ["", "Exit codes other than 0:", ...codes] : [])];
	return command.addHelpText("after", more.join("\n"));
}
