// A stack's state as Pulumi exports it: read, to compare it with what is really there, and written without what is gone.

import { execa } from "execa";
import type { Place } from "../components/storage.ts";
import type { Alerts } from "./alert.ts";
import { isObject } from "./diff/change.ts";
import type { Environment } from "./engine.ts";
import { UserError } from "./output.ts";
import { root } from "./paths.ts";
import type { Store } from "./report/store.ts";

/** Types of the resources that commands look for. */
export const types = {
	container: "docker:index/container:Container",
	network: "docker:index/network:Network",
	volume: "docker:index/volume:Volume",
	image: "docker:index/remoteImage:RemoteImage",
	dashboard: "grafana:oss/dashboard:Dashboard",
	folder: "grafana:oss/folder:Folder",
	dataSource: "grafana:oss/dataSource:DataSource",
	stack: "pulumi:pulumi:Stack",
} as const;

/** The properties of a resource in the state that commands read. */
export interface StateResource {
	urn: string;
	type: string;
	id?: string;
	inputs?: { name?: string; mustRun?: boolean; [property: string]: unknown };
	outputs?: { uid?: string; version?: number; storage?: Place; [property: string]: unknown };
	/** URN of the component that it belongs to. */
	parent?: string;
	dependencies?: string[];
	propertyDependencies?: Record<string, string[]>;
	/** URN of the resource with which this one vanishes. */
	deletedWith?: string;
	/** Whether another has replaced it, and it waits to be deleted: a run that was ended has not come to that. */
	delete?: boolean;
}

/** The exported state; secrets in it are encrypted unless asked for. */
export interface State {
	deployment: {
		resources?: StateResource[];
		/** What a killed run was doing. */
		pending_operations?: { resource: StateResource; type: string }[];
	};
}

/**
 * What the CLI answers about a stack; undefined when there is none of that name. The Automation API would start the CLI
 * four times for the same answer.
 */
async function ask({ env }: Environment, stack: string, ...args: string[]): Promise<string | undefined> {
	const asked = ["stack", ...args, "--non-interactive", "--stack", stack];
	const answer = await execa("pulumi", asked, { cwd: root, env, reject: false });
	if (!answer.failed) return answer.stdout;
	if (/no stack named .* found/.test(answer.stderr)) return undefined;
	// Whoever was interrupted says so in words of their own.
	if (answer.signal === "SIGINT") throw new Error(answer.shortMessage);
	// Without what it has printed so far, in which there may be secrets.
	throw new UserError(`Pulumi can't read the stack ${stack}: ${answer.stderr.trim() || answer.shortMessage}`);
}

/**
 * A stack's state; undefined when there is no such stack.
 *
 * @param options `showSecrets` puts secrets in it in plain; default false.
 */
export async function findState(
	environment: Environment,
	stack: string,
	{ showSecrets = false } = {},
): Promise<State | undefined> {
	const state = await ask(environment, stack, "export", ...(showSecrets ? ["--show-secrets"] : []));
	return state === undefined ? undefined : JSON.parse(state);
}

/** A stack's state. @throws UserError when there is no such stack. */
export async function readState(
	environment: Environment,
	stack: string,
	options: { showSecrets?: boolean } = {},
): Promise<State> {
	const state = await findState(environment, stack, options);
	if (!state) throw new UserError(`There is no stack ${stack}: ./tracestack up --stack ${stack}`);
	return state;
}

/** The stack's outputs: index.ts returns them. */
export interface Outputs {
	urls?: Record<string, string>;
	/** Retention by service, such as `336h`. */
	retention?: Record<string, string>;
	storage?: Place;
	reports?: Store;
	alerts?: Alerts;
	grafanaUser?: string;
	grafanaPassword?: string;
	ca?: string;
	[name: string]: unknown;
}

/** A stack's outputs, secrets readable; none when there is no such stack. */
export async function readOutputs(environment: Environment, stack: string): Promise<Outputs> {
	return JSON.parse((await ask(environment, stack, "output", "--json", "--show-secrets")) ?? "{}");
}

/** Replaces a stack's state. */
export async function writeState({ env }: Environment, stack: string, state: State): Promise<void> {
	await execa("pulumi", ["stack", "import", "--stack", stack], { cwd: root, env, input: JSON.stringify(state) });
}

/**
 * A state without resources that are gone, without what went with them, and without the operations that a killed run
 * had begun. Whatever depended on something gone stays, and gets its dependency back with the next `up`.
 */
export function forget(state: State, gone: ReadonlySet<string>): State {
	const { resources = [], pending_operations: _, ...deployment } = state.deployment;
	const left = resources.filter(({ urn, deletedWith }) => !gone.has(urn) && !(deletedWith && gone.has(deletedWith)));
	const known = new Set(left.map(({ urn }) => urn));
	const kept = (urns: string[]) => urns.filter((urn) => known.has(urn));
	return {
		...state,
		deployment: {
			...deployment,
			resources: left.map(({ dependencies, propertyDependencies, ...resource }) => ({
				...resource,
				...(dependencies && { dependencies: kept(dependencies) }),
				...(propertyDependencies && {
					propertyDependencies: Object.fromEntries(
						Object.entries(propertyDependencies).map(([property, urns]) => [property, kept(urns)]),
					),
				}),
			})),
		},
	};
}

/** A resource's own name. */
export function nameOf({ urn }: { urn: string }): string {
	return urn.split("::").at(-1) ?? urn;
}

/** The key by which Pulumi marks special values in its state, and its value for secrets. */
const signatureKey = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** Whether a value of an exported state is a secret as a whole. */
export function isSecret(value: unknown): value is { plaintext: string } {
	return isObject(value) && value[signatureKey] === secretSignature;
}

/** A value, marked as Pulumi marks a secret. */
export function sealed(value: unknown): object {
	return { [signatureKey]: secretSignature, plaintext: JSON.stringify(value) };
}

/** A value of an exported state with its secrets in plain text: to compare, never to print. */
export function revealed<T = unknown>(value: unknown): T {
	if (isSecret(value)) return revealed(JSON.parse(value.plaintext));
	if (Array.isArray(value)) return value.map((item) => revealed(item)) as T;
	if (!isObject(value)) return value as T;
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revealed(item)])) as T;
}
