// Before `up`: makes Pulumi's state and the Docker engine agree again, after a run was killed or somebody removed something
// by hand. Pulumi alone can't: it does not know what a killed run was creating, and does not look for what is gone.

import { execa } from "execa";
import type { Environment } from "./engine.ts";
import { type Inventory, inventory, remove } from "./inventory.ts";
import { folded, progress, UserError } from "./output.ts";
import { forget, nameOf, readState, type State, type StateResource, types, writeState } from "./state.ts";

/**
 * Makes state and Docker engine agree, so that `up` creates whatever is missing.
 *
 * - What a killed run was creating is removed: the engine has it, the state does not. Nothing else is, not even by its
 *   label: another user's stack may have the same name.
 * - What was removed by hand is named and taken out of the state.
 * - What was stopped by hand is started.
 *
 * @param interrupted Gets the names of what a killed run was creating: the engine may have it, or may still get it.
 * @returns the state as it was found.
 * @throws UserError where the stack's volumes belong to another state.
 */
export async function converge(environment: Environment, stack: string, interrupted: Set<string>): Promise<State> {
	const [state, there] = await Promise.all([readState(environment, stack), inventory(stack)]);
	const { resources = [], pending_operations: pending = [] } = state.deployment;
	for (const name of interruptedCreations(pending)) interrupted.add(name);
	if (resources.every(({ type }) => !isDocker(type)) && interrupted.size === 0) refuseForeignData(stack, there);

	await removeInterrupted(resources, there, interrupted);
	const gone = missing(resources, there);
	if (gone.some(({ type }) => type === types.network)) {
		const cut = resources.filter(({ type, inputs }) => type === types.container && inputs?.mustRun !== false);
		await removeCutOff(cut.filter((container) => !gone.includes(container)));
		gone.push(...cut);
	}
	for (const resource of new Set(gone)) progress(folded(`  ! ${inWords(resource)}`));
	await startStopped(
		stack,
		resources.filter((resource) => !gone.includes(resource)),
		there,
	);

	const urns = new Set(gone.map(({ urn }) => urn));
	if (urns.size > 0 || pending.length > 0) await writeState(environment, stack, forget(state, urns));
	return state;
}

/** Before `down`: removes what a killed run was creating. It is in no state, and would keep network and volumes in use. */
export async function removeHalfMade(environment: Environment, stack: string, state: State): Promise<void> {
	const { resources = [], pending_operations: pending = [] } = state.deployment;
	if (pending.length === 0) return;
	await removeInterrupted(resources, await inventory(stack), new Set(interruptedCreations(pending)));
	await writeState(environment, stack, forget(state, new Set()));
}

function isDocker(type: string): boolean {
	return type === types.container || type === types.network || type === types.volume;
}

function interruptedCreations(pending: NonNullable<State["deployment"]["pending_operations"]>): string[] {
	return pending.flatMap(({ type, resource }) =>
		type === "creating" && isDocker(resource.type) && resource.inputs?.name ? [resource.inputs.name] : [],
	);
}

/** Resources that are in the state and not in the engine. */
function missing(resources: StateResource[], there: Inventory): StateResource[] {
	const ids = new Set([
		...there.containers.map(({ id }) => id),
		...there.networks.map(({ id }) => id),
		...there.volumes.map(({ name }) => name),
	]);
	return resources.filter(({ type, id }) => isDocker(type) && id && !ids.has(id));
}

/** Removes containers and networks. Volumes stay: creating one that exists takes it over with its content. */
async function removeInterrupted(known: StateResource[], there: Inventory, names: ReadonlySet<string>): Promise<void> {
	const ids = new Set(known.map(({ id }) => id));
	const half = ({ id, name }: { id: string; name: string }) => names.has(name) && !ids.has(id);
	await remove(
		"container",
		["rm", "--force"],
		there.containers.filter(half).map(({ id }) => id),
	);
	await remove(
		"network",
		["network", "rm"],
		there.networks.filter(half).map(({ id }) => id),
	);
}

/** Removes containers whose network is gone: they can't be attached to a new one as they were. */
async function removeCutOff(containers: StateResource[]): Promise<void> {
	const ids = containers.flatMap(({ id }) => id ?? []);
	if (ids.length === 0) return;
	await execa("docker", ["stop", "--time", "30", ...ids]);
	await execa("docker", ["rm", "--force", ...ids]);
}

async function startStopped(stack: string, resources: StateResource[], there: Inventory): Promise<void> {
	const stopped = resources.flatMap((resource) => {
		if (resource.type !== types.container || resource.inputs?.mustRun === false) return [];
		const container = there.containers.find(({ id }) => id === resource.id);
		return container && ["exited", "created", "paused"].includes(container.state) ? [container] : [];
	});
	await Promise.all(
		stopped.map(async ({ id, service, state }) => {
			progress(`  ! ${service} was ${state === "paused" ? "paused" : "stopped"}: starting it again`);
			const start = await execa("docker", [state === "paused" ? "unpause" : "start", id], { reject: false });
			if (start.failed)
				throw new UserError(
					`${service} can't be started: ${start.stderr || start.shortMessage}\nWhat is wrong: ./tracestack doctor --stack ${stack}`,
				);
		}),
	);
}

function inWords(resource: StateResource): string {
	const name = nameOf(resource);
	switch (resource.type) {
		case types.volume:
			return `the volume ${name} is gone, and what was in it: making an empty one`;
		case types.network:
			return "the stack's network is gone: making it again, and every container with it";
		default:
			return `${name}: its container is gone: making it again`;
	}
}

/** Grafana's volume contains the hash of a password that is in the state which created it, and nowhere else. */
function refuseForeignData(stack: string, { volumes }: Inventory): void {
	if (volumes.length === 0) return;
	throw new UserError(
		`The stack ${stack} is not in the state, but its volumes are here: ${volumes.map(({ name }) => name).join(", ")}.
They belong to another state, with Grafana's password in it. Either bring that state back (PULUMI_BACKEND_URL,
or the folder ~/.local/state/tracestack), or remove the data: ./tracestack down --delete-data --stack ${stack}`,
	);
}
