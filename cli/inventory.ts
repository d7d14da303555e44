// What the Docker engine has of a stack, found by the stack's label, whatever Pulumi's state says.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import { imageLabel, serviceLabel, stackLabel, stackLabelValue } from "../targets/docker/labels.ts";
import { progress } from "./output.ts";
import { root } from "./paths.ts";
import { peek } from "./settings-file.ts";

/** A container of a stack. */
export interface Container {
	id: string;
	name: string;
	/** The engine's word: running, exited, restarting, … */
	state: string;
	service: string;
	/** For people: "Up 3 minutes". */
	since: string;
	/** Its image, by the name in the catalogue. */
	image: string;
}

/** Everything that the engine has of a stack. */
export interface Inventory {
	containers: Container[];
	networks: { id: string; name: string }[];
	volumes: { name: string; service: string }[];
}

/** Lists what has the stack's label; nothing for a stack that does not run on Docker. */
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
 * volumes that are in no state. Only what has the stack's own label is touched.
 *
 * @returns how many containers, networks and volumes were removed.
 */
export async function removeLeftovers(stack: string, { volumes }: { volumes: boolean }): Promise<number> {
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
	return left.containers.length + left.networks.length + (volumes ? names.length : 0);
}

/** The containers of services; others set the owner of a volume, and end. */
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
