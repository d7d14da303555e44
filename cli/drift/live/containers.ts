// Compares containers with what was deployed: the provider does not read back environment, labels, networks and volumes.

import { imageLabel } from "../../../targets/docker/labels.ts";
import type { Change } from "../../diff/change.ts";
import { nameOf, type StateResource, types } from "../../state.ts";
import type { Context, Finding } from "../finding.ts";
import { type Deployed, deployed, type Engine, engine, standing } from "./inspect.ts";
import { refill, remake, up } from "./restore.ts";
import { changed } from "./view.ts";

/**
 * Findings about containers that are gone, stopped, created anew, changed or unknown, and about networks, volumes and
 * images.
 */
export async function containers(context: Context): Promise<Finding[]> {
	const there = await engine(context);
	const known = deployed(context);
	return [
		...known.flatMap((container) => held(container, there, context.stack)),
		...strangers(known, there),
		...removed(context, there),
		...retagged(context, there),
	];
}

function held(container: Deployed, there: Engine, stack: string): Finding[] {
	const { component, id, inputs } = container;
	const found = standing(container, there);
	const finding = { kind: "drifted", component, stateful: false } as const;
	const gone = {
		action: "delete",
		changes: [{ path: "state", from: "running", to: "gone" }],
		restore: up(stack),
	} as const;
	// A container that sets the owner of a volume has done its work: it is not missed.
	if (inputs.mustRun === false)
		return found
			? []
			: [
					{
						...finding,
						...gone,
						subject: `container ${container.name}`,
						severity: "cosmetic",
						changes: [...gone.changes],
					},
				];
	if (!found)
		return [{ ...finding, ...gone, subject: "container", severity: "breaks data", changes: [...gone.changes] }];

	const again = found.Id !== id;
	const { Status, FinishedAt } = found.State;
	// A container that is restarting all the time does not serve either.
	const stopped = Status !== "running";
	const changes = [
		...(stopped ? [{ path: "state", from: "running", to: Status }] : []),
		...(again ? [{ path: "id", from: id.slice(0, 12), to: found.Id.slice(0, 12) }] : []),
		...changed(container, found, there.images.get(found.Image)),
	];
	if (changes.length === 0) return [];
	const since = again ? found.Created : Status === "exited" ? FinishedAt : undefined;
	return [
		{
			...finding,
			subject: "container",
			action: again ? "replace" : "update",
			severity: severityOf(changes, stopped),
			stateful: changes.some(({ path }) => path.startsWith("volumes")),
			changes,
			...(since && { since }),
			restore:
				stopped && Status !== "restarting" && changes.length === 1 ? up(stack) : remake(found.Name.slice(1), stack),
		},
	];
}

/** Properties whose change affects neither service nor data. */
const cosmetic = /^(labels|stopTimeout|log|hostname|id$)/;
/** Properties whose change makes a service lose data, or unreachable. */
const vital = /^(volumes|networks|ports|command|user)/;

function severityOf(changes: Change[], stopped: boolean): Finding["severity"] {
	if (stopped || changes.some(({ path, to }) => vital.test(path) && !(path.startsWith("networks") && to !== undefined)))
		return "breaks data";
	return changes.every(({ path }) => cosmetic.test(path)) ? "cosmetic" : "restarts a service";
}

/** Containers with the stack's label that were not deployed. */
function strangers(known: Deployed[], { containers: there }: Engine): Finding[] {
	return there
		.filter(({ Id, Name }) => !known.some(({ id, inputs }) => id === Id || Name === `/${inputs.name}`))
		.map(({ Name, Config, Image, Created }) => ({
			kind: "drifted",
			component: "stack",
			subject: `container ${Name.slice(1)}`,
			action: "create",
			severity: "cosmetic",
			stateful: false,
			changes: [{ path: "image", to: Config.Labels?.[imageLabel] ?? Image }],
			since: Created,
			restore: `docker rm --force ${Name.slice(1)}`,
		}));
}

/** Networks and volumes that were removed. */
function removed({ state, stack }: Context, { networks, volumes }: Engine): Finding[] {
	const ids = new Set([...networks.map(({ id }) => id), ...volumes.map(({ name }) => name)]);
	return (state.deployment.resources ?? [])
		.filter(({ type, id }) => (type === types.network || type === types.volume) && id && !ids.has(id))
		.map((resource) => ({
			kind: "drifted",
			component: serviceOf(resource),
			subject: resource.type === types.network ? "network" : `volume ${nameOf(resource)}`,
			action: "delete",
			severity: "breaks data",
			stateful: resource.type === types.volume,
			changes: [{ path: "state", from: "there", to: "gone" }],
			restore: resource.type === types.volume ? refill(stack) : up(stack),
		}));
}

/** Image tags that refer to another image than when they were deployed. */
function retagged({ state }: Context, { images }: Engine): Finding[] {
	const resources = (state.deployment.resources ?? []).filter(({ type }) => type === types.image);
	return resources.flatMap((resource): Finding[] => {
		const name = resource.inputs?.name ?? "";
		const from = `${resource.outputs?.imageId ?? ""}`;
		const to = images.get(name)?.Id;
		if (!from || !to || from === to) return [];
		const component = serviceOf(resource);
		return [
			{
				kind: "drifted",
				component,
				subject: component === nameOf(resource) ? "image" : `image ${nameOf(resource)}`,
				action: "update",
				severity: "restarts a service",
				stateful: false,
				changes: [{ path: name, from, to }],
				restore: `docker tag ${from} ${name}`,
			},
		];
	});
}

/** The workload that a resource belongs to; `stack` where it belongs to none. */
function serviceOf({ parent }: StateResource): string {
	return parent?.includes("tracestack:service:") ? nameOf({ urn: parent }) : "stack";
}
