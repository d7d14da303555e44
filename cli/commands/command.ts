// What commands have in common.

import type { Command } from "commander";

/** A command about a stack, with the options that all of those have. */
export function stackCommand(below: Command, name: string, description: string): Command {
	return below
		.command(name)
		.description(description)
		.option("-s, --stack <name>", "the stack", "dev")
		.option("--images <file>", "image catalogue, instead of the one that the settings name");
}
