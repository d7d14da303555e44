// What commands need to know of a stack's settings before Pulumi reads them.

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseDocument } from "yaml";
import { UserError } from "./output.ts";
import { root } from "./paths.ts";

/** What is read from a settings file. */
export interface Peek {
	/** Whether the stack runs on Docker, and so needs an engine. */
	docker: boolean;
	/** The catalogue that the settings name. The user provides its images: none is built or looked for. */
	images?: string;
}

/**
 * Reads from `Pulumi.<stack>.yaml` what decides which tools are needed. Mistakes in it are not reported: the Pulumi program
 * does that.
 *
 * @param folder Where the file is. @default the project's own
 */
export async function peek(stack: string, folder = root): Promise<Peek> {
	const config = await readConfig(stack, folder);
	const images = config["tracestack:images"];
	return {
		docker: config["tracestack:target"] !== "aws",
		...(typeof images === "string" && { images: resolve(folder, images) }),
	};
}

/**
 * Refuses a command that works for stacks on Docker only.
 *
 * @param instead What to use for a stack on AWS: a sentence.
 * @throws UserError where the settings say that the stack is on AWS.
 */
export async function onDockerOnly(stack: string, command: string, instead: string, folder = root): Promise<void> {
	if ((await peek(stack, folder)).docker) return;
	throw new UserError(`${command} works for stacks on Docker only, and ${stack} is on AWS.\n${instead}`);
}

/** The settings of a stack as they are in its file; none where the file is missing, or is no YAML. */
export async function readConfig(stack: string, folder = root): Promise<Record<string, unknown>> {
	const text = await readFile(join(folder, `Pulumi.${stack}.yaml`), "utf8").catch(() => "");
	try {
		return parseDocument(text).toJSON()?.config ?? {};
	} catch {
		// An alias without an anchor.
		return {};
	}
}
