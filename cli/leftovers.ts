import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import { stackLabel, stackLabelValue } from "../targets/docker/labels.ts";
import { progress } from "./output.ts";
import { root } from "./paths.ts";

/** The filter that finds everything of a stack on the engine, whatever its state says. */
export async function stackFilter(stack: string): Promise<string> {
	const { name: project } = parse(await readFile(join(root, "Pulumi.yaml"), "utf8"));
	return `label=${stackLabel}=${stackLabelValue({ project, stack })}`;
}

/**
 * Removes what the engine still has of a stack after it was taken down: a killed `up` leaves containers, networks and
 * volumes that no state knows. Only what carries the stack's own label is touched.
 */
export async function removeLeftovers(stack: string, { volumes }: { volumes: boolean }): Promise<void> {
	const filter = await stackFilter(stack);
	const kinds: [kind: string, list: string[], remove: string[]][] = [
		["container", ["ps", "-aq"], ["rm", "--force"]],
		["network", ["network", "ls", "-q"], ["network", "rm"]],
	];
	if (volumes) kinds.push(["volume", ["volume", "ls", "-q"], ["volume", "rm"]]);
	for (const [kind, list, remove] of kinds) {
		const { stdout } = await execa("docker", [...list, "--filter", filter]);
		const ids = stdout.split("\n").filter(Boolean);
		if (ids.length === 0) continue;
		progress(`  removing ${ids.length} ${kind}${ids.length > 1 ? "s" : ""} that an interrupted run left`);
		await execa("docker", [...remove, ...ids]);
	}
}
