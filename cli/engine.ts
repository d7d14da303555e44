// A stack under the real engine: the environment that every command shares, and operations with their progress.

import "../quick-start.ts";
import { delimiter, dirname, join, resolve } from "node:path";
import type { EngineEvent, LocalWorkspace, Stack } from "@pulumi/pulumi/automation/index.js";
import { execa } from "execa";
import { trust } from "../components/trust.ts";
import { backendEnvironment, keepingSettingsFile, userPulumiHome } from "./backend.ts";
import { converge, removeHalfMade } from "./converge.ts";
import { engineAddress, ensureDockerEngine, requireDockerEngine } from "./docker-engine.ts";
import { removeLeftovers } from "./inventory.ts";
import { whenFree } from "./lock.ts";
import { progress } from "./output.ts";
import { root } from "./paths.ts";
import { ResourceProgress } from "./resource-progress.ts";
import { type Peek, peek } from "./settings-file.ts";
import { findState, type Outputs, readOutputs, type State, type StateResource, types } from "./state.ts";
import { ensureToolchain } from "./toolchain.ts";

/** What no stack may be without: docs/policies.md. Relative to the project. */
export const policyPack = "policies";

export interface StackOptions {
	/** Name of the stack. */
	stack: string;
	/** Image catalogue, instead of the one that the settings name. */
	images?: string;
}

/** Everything that the engine needs beside its arguments. */
export interface Environment {
	env: Record<string, string>;
	/** The CLI's folder; undefined when it is on PATH. */
	home?: string;
	/** True when the state is in the local backend that this command made. */
	ownBackend: boolean;
}

/**
 * Finds or gets what a stack needs. Nothing that the user already has is changed.
 *
 * @param purpose `run` brings whatever is missing, an engine and images included; `look` is for commands that neither
 * start nor change a service.
 */
export async function prepare(options: Partial<StackOptions>, purpose: "run" | "look" = "run"): Promise<Environment> {
	const named = options.images ?? process.env.TRACESTACK_IMAGES;
	const settings: Peek = options.stack ? await peek(options.stack) : { docker: true };
	const images = (named && resolve(named)) || settings.images;
	if (settings.docker) await (purpose === "run" ? ensureDockerEngine() : requireDockerEngine());
	const dockerHost = settings.docker ? await engineAddress() : undefined;
	const backend = await backendEnvironment();
	// Images that another machine will pull don't have to be here.
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

/** Hands arguments to the engine as they are, with the environment that `up` uses. Returns its exit code. */
export async function passThrough(environment: Environment, args: string[]): Promise<number> {
	const at = args.findIndex((arg) => arg === "--stack" || arg === "-s");
	const stack = at >= 0 ? args[at + 1] : args.find((arg) => arg.startsWith("--stack="))?.slice("--stack=".length);
	const result = await keepingSettingsFile(stack ?? "dev", environment.ownBackend, () =>
		execa("pulumi", args, { cwd: root, env: environment.env, stdio: "inherit", reject: false }),
	);
	return result.exitCode ?? 1;
}

/**
 * Brings a stack up to what the program says, whatever a killed run or a hand left. Returns the state that it found, and
 * the outputs that there are now.
 *
 * @param onEvent Sees the engine's events while it works.
 */
export async function up(
	environment: Environment,
	{ stack }: StackOptions,
	onEvent: (event: EngineEvent) => void = () => {},
): Promise<{ found: State; now: Outputs }> {
	return operate(stack, environment, async (shown) => {
		const s = await stackOf(environment, stack, "createOrSelect");
		const interrupted = new Set<string>();
		const attempt = async () => {
			const found = await converge(environment, stack, interrupted);
			const both = (event: EngineEvent) => {
				shown.event(event);
				onEvent(event);
			};
			await s.up({ onEvent: both, suppressProgress: true, policyPacks: [policyPack] });
			return { found, now: await outputs(environment, stack) };
		};
		const whenOurs = () => whenFree(stack, () => s.cancel(), attempt);
		try {
			return await whenOurs();
		} catch (error) {
			// What a killed run had handed to a plugin may be made after we looked: then its name is taken.
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
	await operate(stack, environment, async (shown) => {
		const s = await stackOf(environment, stack);
		const destroy = async () => {
			const state = await findState(environment, stack);
			if (!state) return;
			await removeHalfMade(environment, stack, state);
			// What is in Grafana depends on its volume, not on its container, and stays in the state as it stays on the volume.
			const going = deleteData ? (state.deployment.resources ?? []) : running(state);
			if (going.length === 0) return;
			const target = deleteData ? undefined : going.map(({ urn }) => urn);
			await s.destroy({ onEvent: shown.event, ...(target && { target, targetDependents: true }) });
		};
		await whenFree(stack, () => s.cancel(), destroy);
	});
	if ((await peek(stack)).docker) await removeLeftovers(stack, { volumes: deleteData });
}

/** A stack's outputs, secrets readable; none when there is no such stack. Its authority is trusted from then on. */
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

/** What `down` takes away, data kept. */
function running(state: State | undefined): StateResource[] {
	const { resources = [] } = state?.deployment ?? {};
	return resources.filter(({ type }) => type === types.container || type === types.network);
}

/** Runs an operation with its progress; the engine finishes what it has begun when the user interrupts. */
async function operate<T>(
	name: string,
	{ ownBackend }: Environment,
	body: (shown: ResourceProgress) => Promise<T>,
): Promise<T> {
	const shown = new ResourceProgress();
	// The terminal has sent the signal to the engine as well: to end here would end it in the middle of a creation.
	const wait = () => progress("stopping: the engine finishes what it has begun");
	process.on("SIGINT", wait);
	try {
		return await keepingSettingsFile(name, ownBackend, () => body(shown));
	} catch (error) {
		throw shown.explain(error);
	} finally {
		process.off("SIGINT", wait);
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
