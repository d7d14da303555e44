// Pulumi's events as findings: those of a preview are planned, those of a refresh have drifted.

import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation/index.js";
import type { Change } from "../diff/change.ts";
import { nameOf, type State, type StateResource, types } from "../state.ts";
import type { Finding } from "./finding.ts";
import { refill, refresh, up } from "./live/restore.ts";
import { type Properties, propertyChanges } from "./properties.ts";

/** Pulumi's operations that are reported; the parts of a replacement are left out. */
const actions: Partial<Record<string, Finding["action"]>> = {
	create: "create",
	update: "update",
	replace: "replace",
	delete: "delete",
};

/** Types of resources that hold data or secrets, which can't be created again. */
const stateful =
	/^docker:index\/volume:|^random:|^aws:(s3\/bucket|efs\/fileSystem|ebs\/volume|rds\/\w+|dynamodb\/\w+|secretsmanager\/\w+)/i;

/** Names of resource types for people. Others are called by their type. */
const kinds: Record<string, string> = {
	[types.container]: "container",
	[types.network]: "network",
	[types.volume]: "volume",
	[types.dashboard]: "dashboard",
	"docker:index/remoteImage:RemoteImage": "image",
	"grafana:oss/dataSource:DataSource": "datasource",
	"grafana:oss/folder:Folder": "folder",
	"random:index/randomPassword:RandomPassword": "password",
};

/** Findings of a preview: what `up` would do. */
export function planned(events: EngineEvent[], state: State): Finding[] {
	const steps = events.flatMap(({ resourcePreEvent }) => resourcePreEvent?.metadata ?? []);
	return findings(steps, state)
		.map(
			({ step, action, ...found }): Finding => ({
				kind: "planned",
				...found,
				action,
				severity: severityOf(step, action),
				changes: action === "update" || action === "replace" ? changesOf(step, "inputs", state) : [],
			}),
		)
		.filter(isSeen);
}

/**
 * Findings of a refresh that changes nothing: what is not as it was deployed.
 *
 * @param stack The stack's name, for commands that restore.
 */
export function drifted(events: EngineEvent[], state: State, stack: string): Finding[] {
	const steps = events.flatMap(({ resOutputsEvent }) => resOutputsEvent?.metadata ?? []);
	return findings(steps, state)
		.map(({ step, action, ...found }): Finding => {
			const common = { kind: "drifted" as const, ...found, action, severity: severityOf(step, action) };
			// A resource that the provider does not find any more.
			if (action === "delete") {
				const gone = { path: "state", from: isContainer(step) ? "running" : "there", to: "gone" };
				return { ...common, changes: [gone], restore: step.type === types.volume ? refill(stack) : up(stack) };
			}
			if (isStopped(step)) {
				const stopped = { path: "state", from: "running", to: "stopped" };
				return { ...common, changes: [stopped], restore: up(stack) };
			}
			return { ...common, changes: changesOf(step, "outputs", state), restore: refresh(stack) };
		})
		.filter(isSeen);
}

/** False for a dashboard that Grafana's editor has only formatted otherwise. */
function isSeen({ action, subject, changes }: Finding): boolean {
	return !(action === "update" && subject.startsWith("dashboard ") && changes.length === 0);
}

interface Found extends Pick<Finding, "component" | "subject" | "action" | "stateful"> {
	step: StepEventMetadata;
}

function findings(steps: StepEventMetadata[], state: State): Found[] {
	const parents = new Map(
		[
			...(state.deployment.resources ?? []),
			...steps.map(({ urn, old, new: now }) => ({ urn, parent: now?.parent ?? old?.parent })),
		].flatMap(({ urn, parent }) => (parent ? [[urn, parent] as const] : [])),
	);
	return steps.flatMap((step): Found[] => {
		const action = actions[step.op];
		if (!action || isGrouping(step.type)) return [];
		const component = componentOf(step.urn, parents);
		return [{ step, action, component, subject: subjectOf(step, component), stateful: stateful.test(step.type) }];
	});
}

/** Components and providers: their changes are those of their resources. */
function isGrouping(type: string): boolean {
	return type.startsWith("tracestack:") || type.startsWith("pulumi:");
}

function componentOf(urn: string, parents: ReadonlyMap<string, string>): string {
	for (let at = parents.get(urn); at; at = parents.get(at)) {
		const type = at.split("::")[2]?.split("$").at(-1) ?? "";
		if (type.startsWith("tracestack:service:")) return nameOf({ urn: at });
		if (type.startsWith("tracestack:grafana:")) return "grafana";
	}
	return "stack";
}

function subjectOf({ type, urn }: StepEventMetadata, component: string): string {
	const name = nameOf({ urn });
	const kind = kinds[type] ?? type.split(":").at(-1) ?? type;
	return name === component || name === kind ? kind : `${kind} ${name}`;
}

function severityOf({ type, old, new: now }: StepEventMetadata, action: Finding["action"]): Finding["severity"] {
	const goes = action === "delete" || action === "replace";
	if (stateful.test(type)) return goes ? "breaks data" : "cosmetic";
	if (type === types.container) {
		// A container that sets the owner of a volume has ended long ago.
		const runs = (old ?? now)?.inputs?.mustRun !== false;
		return runs && action !== "create" ? "restarts a service" : "cosmetic";
	}
	return goes && !type.startsWith("grafana:") && kinds[type] !== "image" ? "restarts a service" : "cosmetic";
}

function isContainer({ type }: StepEventMetadata): boolean {
	return type === types.container;
}

/** A container that should run and does not. That its ports and addresses are gone is not reported as well. */
function isStopped(step: StepEventMetadata): boolean {
	return isContainer(step) && step.old?.outputs?.mustRun === true && step.new?.outputs?.mustRun === false;
}

/** The properties that Pulumi says have changed, and no others: providers report many that nobody has set. */
function changesOf(step: StepEventMetadata, side: "inputs" | "outputs", state: State): Change[] {
	const paths = Object.keys(step.detailedDiff ?? {});
	const keys = new Set([...paths.map((path) => /^[^.[]+/.exec(path)?.[0] ?? path), ...(step.diffs ?? [])]);
	const deployed = state.deployment.resources?.find(({ urn }) => urn === step.urn);
	return [...keys].flatMap((key) => {
		const below = paths.filter((path) => path === key || path.startsWith(`${key}[`) || path.startsWith(`${key}.`));
		const compare = (from: Properties = {}, to: Properties = {}) =>
			propertyChanges(key, from[key], to[key], below, deployed as StateResource);
		const changes = compare(step.old?.[side], step.new?.[side]);
		// A change that an earlier refresh has accepted is in the outputs only.
		return changes.length > 0 ? changes : compare(step.old?.outputs, step.new?.inputs);
	});
}
