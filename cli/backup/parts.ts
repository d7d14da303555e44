// What backup and restore work on: a stack's services, its volumes, and the addresses of its services.

import { execa } from "execa";
import { platform } from "../../components/platform.ts";
import type { Place } from "../../components/storage.ts";
import { parseSettings } from "../../settings.ts";
import { waitUntilReady } from "../../targets/docker/ready.ts";
import { containers, type Environment, outputs, type StackOptions } from "../engine.ts";
import { type Container, type Inventory, inventory, longRunning } from "../inventory.ts";
import { progress, seconds, UserError } from "../output.ts";
import { docker, type StackVolume } from "./volumes.ts";

/** A stack that is up. */
export interface Parts {
	services: Container[];
	volumes: StackVolume[];
	/** Id of an image with busybox, whose tools read and write volumes. */
	busybox: string;
	/** Base address of each published port. */
	urls: Record<string, string>;
	grafana: { user: string; password: string };
	/** Where traces and logs are stored. */
	storage: Place;
}

/**
 * Finds the parts of a stack.
 *
 * @throws UserError when the stack is not up, or a part of it was removed.
 */
export async function partsOf(environment: Environment, { stack }: StackOptions): Promise<Parts> {
	const [there, expected, { urls, grafanaUser, grafanaPassword, storage }] = await Promise.all([
		inventory(stack),
		containers(environment, stack),
		outputs(environment, stack),
	]);
	const up = `./tracestack up --stack ${stack}`;
	const services = longRunning(there);
	if (!urls || !storage || services.length === 0) throw new UserError(`The stack ${stack} is not up. First: ${up}`);
	const gone = expected.filter((name) => !services.some((service) => service.name === name));
	if (gone.length > 0) throw new UserError(`Containers are missing: ${gone.join(", ")}. ${up} creates them again.`);
	const owner = there.containers.find((container) => !services.includes(container));
	if (!owner) throw new UserError(`The container that sets the owner of a volume is missing. ${up} creates it again.`);
	const { stdout: busybox } = await execa("docker", ["inspect", "--format", "{{.Image}}", owner.id]);
	return {
		services,
		volumes: namedVolumes(there.volumes),
		busybox,
		urls: urls,
		grafana: { user: `${grafanaUser}`, password: `${grafanaPassword}` },
		storage: storage,
	};
}

/**
 * Volumes with names that are the same in every stack: in the engine they begin with a prefix, which a setting can change.
 *
 * @throws UserError where two volumes have the same name then.
 */
export function namedVolumes(volumes: Inventory["volumes"]): StackVolume[] {
	const named = volumes.map(({ name, service }) => ({
		name: name.slice(name.lastIndexOf(`-${service}-`) + 1),
		engineName: name,
	}));
	for (const { name, engineName } of named) {
		const other = named.find((volume) => volume.name === name && volume.engineName !== engineName);
		if (other)
			throw new UserError(
				`Both ${engineName} and ${other.engineName} are the stack's ${name}. Remove the one that no container uses: docker volume rm NAME`,
			);
	}
	return named.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Stops containers side by side, each with the time that its service needs to finish. An interrupt does not shorten it.
 */
export async function stop(services: Container[]): Promise<void> {
	const started = Date.now();
	progress(`  stopping ${names(services)}`);
	await docker(["stop", ...services.map(({ id }) => id)]);
	progress(`  stopped after ${seconds(started)}`);
}

/** Starts services and waits until each is ready. */
export async function start(services: Container[], { urls }: Parts): Promise<void> {
	const started = Date.now();
	progress(`  starting ${names(services)}`);
	await docker(["start", ...services.map(({ id }) => id)]);
	const readiness = new Map(workloads().map(({ name, ready }) => [name, ready]));
	await Promise.all(
		services.map(async ({ service, id }) => {
			const ready = readiness.get(service);
			const url = ready?.port && urls[ready.port];
			const probe = url ? url + ready.path : ready?.ask;
			if (!ready || !probe) return;
			const { timeoutSeconds } = ready;
			const line = (text: string) => progress(`  ${text}`);
			await waitUntilReady({ service, probe, timeoutSeconds, containerId: id, volumes: [], progress: line });
		}),
	);
	progress(`  ready after ${seconds(started)}`);
}

/** Those of the stopped services that run again: somebody else has started them. */
export async function started(services: Container[]): Promise<Container[]> {
	const format = "{{.Id}} {{.State.Running}}";
	const { stdout } = await execa("docker", ["inspect", "--format", format, ...services.map(({ id }) => id)]);
	return services.filter(({ id }) => stdout.includes(`${id} true`));
}

/** What a stack with default settings runs: settings don't change how a service says that it is ready. */
function workloads() {
	const settings = parseSettings({}, { project: "tracestack", name: "dev" });
	return platform(settings, (workload, port) => `${workload}:${port}`, { password: "", storeKey: "" });
}

function names(services: Container[]): string {
	return services
		.map(({ service }) => service)
		.sort()
		.join(", ");
}
