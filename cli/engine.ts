// A stack under the real engine: the environment that every command shares, and operations with their progress.

import { delimiter, dirname, join, resolve } from "node:path";
import { LocalWorkspace, PulumiCommand, Stack } from "@pulumi/pulumi/automation/index.js";
import { execa } from "execa";
import { backendEnvironment, keepingSettingsFile, userPulumiHome } from "./backend.ts";
import { engineAddress, ensureDockerEngine } from "./docker-engine.ts";
import { removeLeftovers } from "./leftovers.ts";
import { root } from "./paths.ts";
import { ResourceProgress } from "./resource-progress.ts";
import { ensureToolchain } from "./toolchain.ts";

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

/** Finds or gets what a stack needs. Nothing that the user already has is changed. */
export async function prepare(options: Pick<StackOptions, "images">): Promise<Environment> {
	const named = options.images ?? process.env.TRACESTACK_IMAGES;
	const images = named && resolve(named);
	await ensureDockerEngine();
	const dockerHost = await engineAddress();
	const backend = await backendEnvironment();
	const tools = await ensureToolchain(images, backend.PULUMI_HOME ?? userPulumiHome());
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
		execa("pulumi", args, { cwd: process.cwd(), env: environment.env, stdio: "inherit", reject: false }),
	);
	return result.exitCode ?? 1;
}

/** Brings a stack up to what the program says. */
export function up(environment: Environment, { stack }: StackOptions): Promise<void> {
	return operate(environment, stack, async (s, shown) => {
		await s.up({ onEvent: shown.event, suppressProgress: true, logToStdErr: false });
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
	await operate(environment, stack, async (s, shown) => {
		if (deleteData) {
			await s.destroy({ onEvent: shown.event });
			return;
		}
		// What is in Grafana depends on its volume, not on its container, and stays in the state as it stays on the volume.
		const resources = (await s.exportStack()).deployment.resources as { urn: string; type: string }[] | undefined;
		const target = (resources ?? []).filter(({ type }) => runs.has(type)).map(({ urn }) => urn);
		if (target.length > 0) await s.destroy({ onEvent: shown.event, target, targetDependents: true });
	});
	await removeLeftovers(stack, { volumes: deleteData });
}

const runs = new Set(["docker:index/network:Network", "docker:index/container:Container"]);

/** A stack's outputs; secrets are readable in `value` and marked as such. */
export async function outputs(
	environment: Environment,
	stack: string,
): Promise<Record<string, { value: unknown; secret: boolean }>> {
	return (await open(environment, stack)).outputs();
}

async function operate(
	environment: Environment,
	name: string,
	body: (s: Stack, shown: ResourceProgress) => Promise<void>,
): Promise<void> {
	const shown = new ResourceProgress();
	await keepingSettingsFile(name, environment.ownBackend, async () => {
		const stack = await open(environment, name);
		try {
			await body(stack, shown);
		} catch (error) {
			throw shown.explain(error);
		} finally {
			shown.close();
		}
	});
}

async function open({ env, home }: Environment, name: string): Promise<Stack> {
	const pulumiCommand = await PulumiCommand.get({ root: home });
	const workspace = await LocalWorkspace.create({ workDir: root, envVars: env, pulumiCommand });
	return Stack.createOrSelect(name, workspace);
}
