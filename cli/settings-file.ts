// What commands need to know of a stack's settings before the engine reads them.

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseDocument } from "yaml";
import { UserError } from "./output.ts";
import { root } from "./paths.ts";

export interface Peek {
	/** Whether the stack runs on a Docker engine: then one has to be there. */
	docker: boolean;
	/** The catalogue that the settings name: its images are the user's own business. */
	images?: string;
}

/**
 * As much of `Pulumi.<stack>.yaml` as decides what has to be there first. What is wrong with it, the program says.
 *
 * @param folder Where the file is; the project's own unless told.
 */
export async function peek(stack: string, folder = root): Promise<Peek> {
	const text = await readFile(join(folder, `Pulumi.${stack}.yaml`), "utf8").catch(() => "");
	const config = configOf(text);
	const images = config["tracestack:images"];
	return {
		docker: config["tracestack:target"] !== "aws",
		...(typeof images === "string" && { images: resolve(folder, images) }),
	};
}

/**
 * Refuses a command that knows Docker only.
 *
 * @param instead What there is on AWS.
 * @throws UserError where the stack's file says that it is there.
 */
export async function onDockerOnly(stack: string, command: string, instead: string, folder = root): Promise<void> {
	if ((await peek(stack, folder)).docker) return;
	throw new UserError(`${command} knows stacks on Docker only, and ${stack} is on AWS.\n${instead}`);
}

function configOf(text: string): Record<string, unknown> {
	try {
		return parseDocument(text).toJSON()?.config ?? {};
	} catch {
		// An alias of nothing.
		return {};
	}
}
