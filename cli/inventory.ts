// What the Docker engine has of a stack, found by its label: the engine's own truth, whatever the state says.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import { imageLabel, serviceLabel, stackLabel, stackLabelValue } from "../targets/docker/labels.ts";
import { progress } from "./output.ts";
import { root } from "./paths.ts";
import { peek } from "./settings-file.ts";

export interface Container {
	id: string;
	name: string;
	/** The engine's word: running, exited, restarting, … */
	state: string;
	service: string;
	/** For people: "Up 3 minutes". */
	since: string;
	/** By its name in the catalogue. */
	image: string;
}

export interface Inventory {
	containers: Container[];
	networks: { id: string; name: string }[];
	volumes: { name: string; service: string }[];
}

/** Lists what carries the stack's label; nothing of one that runs elsewhere. */
export async function inventory(stack: string): Promise<Inventory> {
	if (!(await peek(stack)).docker) return { containers: [], networks: [], volumes: [] };
	const { name: project } = parse(await readFile(join(root, "Pulumi.yaml"), "utf8"));
	const filter = ["--filter", `label=${stackLabel}=${stackLabelValue({ project, stack })}`];
	const label = (name: string) => `{{.Label "${name}"}}`;
	const fields = ["{{.ID}}", "{{.Names}}", "{{.State}}", label(serviceLabel), "{{.Status}}", label(imageLabel)];
	const [containers, networks, volumes] = await Promise.all([
		rows(["ps", "--all", "--no-trunc", ...filter], fields),
		rows(["network", "ls", "--no-trunc", ...filter], ["{{.ID}}", "{{.Name}}"]),
		rows(["volume", "ls", ...filter], ["{{.Name}}", label(serviceLabel)]),
	]);
	return {
		containers: containers.map(([id = "", name = "", state = "", service = "", since = "", image = ""]) => {
			return { id, name, state, service, since, image };
		}),
		networks: networks.map(([id = "", name = ""]) => ({ id, name })),
		volumes: volumes.map(([name = "", service = ""]) => ({ name, service })),
	};
}

/**
 * Removes what the engine still has of a stack after it was taken down: a killed `up` leaves containers, networks and
 * volumes that no state knows. Only what carries the stack's own label is touched.
 */
export async function removeLeftovers(stack: string, { volumes }: { volumes: boolean }): Promise<void> {
	const left = await inventory(stack);
	await remove(
		"container",
		["rm", "--force"],
		left.containers.map(({ id }) => id),
	);
	await remove(
		"network",
		["network", "rm"],
		left.networks.map(({ id }) => id),
	);
	const names = left.volumes.map(({ name }) => name);
	if (volumes) await remove("volume", ["volume", "rm"], names);
}

/** Long-running containers: another kind hands a volume over and ends. */
export function longRunning({ containers }: Inventory): Container[] {
	return containers.filter(({ name }) => !name.endsWith("-owner"));
}

/** Removes containers or networks or volumes, after saying how many. */
export async function remove(kind: string, command: string[], ids: string[]): Promise<void> {
	if (ids.length === 0) return;
	progress(`  removing ${ids.length} ${kind}${ids.length > 1 ? "s" : ""} that an interrupted run left`);
	await execa("docker", [...command, ...ids]);
}

async function rows(command: string[], fields: string[]): Promise<string[][]> {
	const { stdout } = await execa("docker", [...command, "--format", fields.join("\t")]);
	return stdout
		.split("\n")
		.filter(Boolean)
		.map((line) => line.split("\t"));
}
