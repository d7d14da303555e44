// A stack and Pulumi: the environment that every command shares, and `up` and `down` with their progress.

import "../quick-start.ts";
import { delimiter, dirname, join, resolve } from "node:path";
import type { EngineEvent, LocalWorkspace, Stack } from "@pulumi/pulumi/automation/index.js";
import { execa } from "execa";
import { trust } from "../components/trust.ts";
import { backendEnvironment, keepingSettingsFile, userPulumiHome } from "./backend.ts";
import { converge, removeHalfMade } from "./converge.ts";
import { engineAddress, ensureDockerEngine, requireDockerEngine } from "./docker-engine.ts";
import { interruptible } from "./interrupt.ts";
import { removeLeftovers } from "./inventory.ts";
import { whenFree } from "./lock.ts";
import { progress } from "./output.ts";
import { root } from "./paths.ts";
import { ResourceProgress } from "./resource-progress.ts";
import { type Peek, peek } from "./settings-file.ts";
import { findState, type Outputs, readOutputs, type State, type StateResource, types } from "./state.ts";
import { ensureToolchain } from "./toolchain.ts";

/** Folder of the policies that every stack must comply with, relative to the project: docs/policies.md. */
export const policyPack = "policies";

/** Options that every command about a stack has. */
export interface StackOptions {
	/** Name of the stack. */
	stack: string;
	/** Image catalogue, instead of the one that the settings name. */
	images?: string;
}

/** Everything that Pulumi needs beside its arguments. */
export interface Environment {
	/** Variables, added to those of this process. */
	env: Record<string, string>;
	/** The CLI's folder; undefined when it is on PATH. */
	home?: string;
	/** True when the state is in the local backend that this command made. */
	ownBackend: boolean;
}

/**
 * Finds or installs what a stack needs. Nothing that the user already has is changed.
 *
 * @param purpose `run` installs whatever is missing, a Docker engine and images included. `look` needs a running engine,
 * for commands that neither start nor change a service. @default "run"
 * @throws UserError where something is missing and can't be installed.
 */
export async function prepare(options: Partial<StackOptions>, purpose: "run" | "look" = "run"): Promise<Environment> {
	const named = options.images ?? process.env.TRACESTACK_IMAGES;
	const settings: Peek = options.stack ? await peek(options.stack) : { docker: true };
	const images = (named && resolve(named)) || settings.images;
	if (settings.docker) await (purpose === "run" ? ensureDockerEngine() : requireDockerEngine());
	const dockerHost = settings.docker ? await engineAddress() : undefined;
	const backend = await backendEnvironment();
	// Images that another machine will pull are not needed here.
	const here = settings.docker ? purpose : "look";
	const tools = await ensureToolchain(images, here, backend.PULUMI_HOME ?? userPulumiHome());
	return {
		home: tools.home,
		ownBackend: Object.keys(backend).length > 0,
		env: {
			PATH: [...(tools.home ? [join(tools.home, "bin")] : []), dirname(process.execPath), process.env.PATH].join(
				delimiter,
			),
			PULUMI_SKIP_UPDATE_CHECK: "true",
			...(dockerHost && { DOCKER_HOST: dockerHost }),
			...(tools.images && { TRACESTACK_IMAGES: tools.images }),
			...tools.env,
			...backend,
		},
	};
}

/** The stack that arguments of Pulumi's CLI name; undefined where they name none. */
export function stackNamed(args: string[]): string | undefined {
	const at = args.findIndex((arg) => arg === "--stack" || arg === "-s");
	if (at >= 0) return args[at + 1];
	return args.find((arg) => /^(--stack|-s)=/.test(arg))?.replace(/^[^=]*=/, "");
}

/** Hands arguments to the Pulumi CLI as they are, with the environment that `up` uses. Returns its exit code. */
export async function passThrough(environment: Environment, args: string[]): Promise<number> {
	// The terminal interrupts Pulumi as well, which finishes what it has begun: to end here would end it at once.
	const wait = () => {};
	process.on("SIGINT", wait);
	try {
		const result = await keepingSettingsFile(stackNamed(args) ?? "dev", environment.ownBackend, () =>
			execa("pulumi", args, { cwd: root, env: environment.env, stdio: "inherit", reject: false }),
		);
		return result.exitCode ?? 1;
	} finally {
		process.off("SIGINT", wait);
	}
}

/**
 * Creates or updates a stack, whatever a killed run left or somebody changed by hand.
 *
 * @param onEvent Gets Pulumi's events while it works.
 * @returns the state as it was before, and the outputs as they are now.
 * @throws UserError with Pulumi's messages about what failed.
 */
export async function up(
	environment: Environment,
	{ stack }: StackOptions,
	onEvent: (event: EngineEvent) => void = () => {},
): Promise<{ found: State; now: Outputs }> {
	return operate(stack, environment, async (shown, signal) => {
		const s = await stackOf(environment, stack, "createOrSelect");
		const interrupted = new Set<string>();
		const attempt = async () => {
			const found = await converge(environment, stack, interrupted);
			signal.throwIfAborted();
			const both = (event: EngineEvent) => {
				shown.event(event);
				onEvent(event);
			};
			await s.up({ onEvent: both, suppressProgress: true, policyPacks: [policyPack] });
			return { found, now: await outputs(environment, stack) };
		};
		const whenOurs = () => whenFree(stack, () => s.cancel(), attempt, signal);
		try {
			return await whenOurs();
		} catch (error) {
			// A plugin of a killed run may have finished its work after `converge` looked: then the name is taken.
			if (interrupted.size === 0 || !/already in use|already exists/.test(String(error))) throw error;
			return await whenOurs();
		}
	});
}

/**
 * Takes a stack down. Data stays unless `deleteData`: volumes and the password together, because a new password
 * would lock everybody out of an old volume.
 */
export async function down(
	environment: Environment,
	{ stack, deleteData }: StackOptions & { deleteData: boolean },
): Promise<void> {
	let state: State | undefined;
	let removed = false;
	await operate(stack, environment, async (shown, signal) => {
		const s = await stackOf(environment, stack);
		const destroy = async () => {
			state = await findState(environment, stack);
			if (!state) return;
			await removeHalfMade(environment, stack, state);
			signal.throwIfAborted();
			// Dashboards and datasources are on Grafana's volume: they stay in the state as long as the volume does.
			const going = deleteData ? (state.deployment.resources ?? []) : running(state);
			if (going.length === 0) return;
			const target = deleteData ? undefined : going.map(({ urn }) => urn);
			removed = true;
			await s.destroy({ onEvent: shown.event, ...(target && { target, targetDependents: true }) });
		};
		await whenFree(stack, () => s.cancel(), destroy, signal);
	});
	const leftovers = (await peek(stack)).docker ? await removeLeftovers(stack, { volumes: deleteData }) : 0;
	if (!removed && leftovers === 0)
		progress(`${state ? `the stack ${stack} is down` : `there is no stack ${stack}`}: nothing was removed`);
}

/**
 * A stack's outputs, secrets readable; none when there is no such stack. This process trusts its certificate authority
 * from then on.
 */
export async function outputs(environment: Environment, stack: string): Promise<Outputs> {
	return trusted(await readOutputs(environment, stack));
}

function trusted(all: Outputs): Outputs {
	if (all.ca) trust(all.ca);
	return all;
}

/** Names of the containers that a stack's state says are running. */
export async function containers(environment: Environment, stack: string): Promise<string[]> {
	return running(await findState(environment, stack))
		.filter(({ type, inputs }) => type === types.container && inputs?.mustRun !== false)
		.map(({ inputs }) => inputs?.name ?? "");
}

/** Containers and network: what `down` removes when data is kept. */
function running(state: State | undefined): StateResource[] {
	const { resources = [] } = state?.deployment ?? {};
	return resources.filter(({ type }) => type === types.container || type === types.network);
}

/**
 * Runs an operation with its progress. When the user interrupts, Pulumi finishes what it has begun, and nothing else is
 * begun.
 *
 * @throws UserError that says so, after an interrupt.
 */
async function operate<T>(
	name: string,
	{ ownBackend }: Environment,
	body: (shown: ResourceProgress, signal: AbortSignal) => Promise<T>,
): Promise<T> {
	const shown = new ResourceProgress();
	const words = {
		stopping: "stopping: Pulumi finishes what it has begun",
		stopped: "Interrupted. The same command continues where this one stopped.",
	};
	const operation = async (signal: AbortSignal) => {
		const result = await keepingSettingsFile(name, ownBackend, () => body(shown, signal));
		// Pulumi may have had nothing left to stop: what would come after it is not begun either.
		signal.throwIfAborted();
		return result;
	};
	try {
		// The terminal has sent the signal to Pulumi as well: to end here would end it in the middle of a creation.
		return await interruptible(words, operation, ["SIGINT"]);
	} catch (error) {
		throw shown.explain(error);
	} finally {
		shown.close();
	}
}

/**
 * A stack's operations. Loading what is behind them takes longer than most commands that need none.
 *
 * @param how `createOrSelect` asks the engine; otherwise it is a stack that there is, and the engine says so if there is none.
 */
export async function stackOf(environment: Environment, name: string, how?: "createOrSelect"): Promise<Stack> {
	const { Stack } = await import("@pulumi/pulumi/automation/index.js");
	const space = await workspace(environment);
	// Every command names its stack.
	if (!how) space.selectStack = async () => {};
	const stack = await (how ? Stack.createOrSelect(name, space) : Stack.select(name, space));
	// After each operation the CLI would be started three times more, for what nobody reads.
	stack.outputs = async () => ({});
	stack.info = async () => undefined;
	return stack;
}

async function workspace({ env, home }: Environment): Promise<LocalWorkspace> {
	const { LocalWorkspace, PulumiCommand } = await import("@pulumi/pulumi/automation/index.js");
	const pulumiCommand = await PulumiCommand.get({ root: home });
	return LocalWorkspace.create({ workDir: root, envVars: env, pulumiCommand });
}
