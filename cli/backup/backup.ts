import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { prepare, type StackOptions } from "../engine.ts";
import { interruptible } from "../interrupt.ts";
import { progress, seconds, UserError } from "../output.ts";
import { root } from "../paths.ts";
import { onDockerOnly } from "../settings-file.ts";
import { writeBackup } from "./format.ts";
import { type Parts, partsOf, start, started, stop } from "./parts.ts";
import { VolumeHelper } from "./volumes.ts";

/**
 * `./tracestack backup FILE`: everything in a stack's volumes, in one file. Services are stopped meanwhile, so that they
 * have written everything to their volumes, and are started again whatever happens.
 *
 * @throws UserError when the file exists, the stack is not up, or another backup or restore of it is running.
 */
export async function backupCommand(name: string, options: StackOptions & { force?: boolean }): Promise<void> {
	await onDockerOnly(
		options.stack,
		"backup",
		"RDS and EFS make backups of their own: docs/aws.md says how to go back to one",
	);
	const file = resolve(name);
	if (existsSync(file) && !options.force)
		throw new UserError(`${file} is there already: give another name, or --force to replace it.`);
	if (!existsSync(dirname(file))) throw new UserError(`There is no folder ${dirname(file)}: make it first.`);
	const environment = await prepare(options, "look");
	const parts = await partsOf(environment, options);
	progress(`backing up ${options.stack}: ${parts.volumes.length} volumes`);
	if (!parts.storage.ours)
		progress(`  ! traces and logs are stored in ${parts.storage.place}: they are not in this backup`);
	const words = { stopping: "stopping the backup", stopped: "The backup was interrupted." };
	await interruptible(words, (signal) => backup(file, options.stack, parts, signal));
	progress(`${file} has ${inWords((await stat(file)).size)}`);
}

async function backup(file: string, stack: string, parts: Parts, signal: AbortSignal): Promise<void> {
	const helper = await VolumeHelper.start(stack, parts.busybox, parts.volumes, "read", signal);
	const running = parts.services.filter(({ state }) => state === "running");
	const about = {
		tracestack: JSON.parse(await readFile(join(root, "package.json"), "utf8")).version,
		stack,
		createdAt: new Date().toISOString(),
		grafanaUser: parts.grafana.user,
		storage: parts.storage.place,
		images: Object.fromEntries(parts.services.map(({ service, image }) => [service, image])),
	};
	const sources = parts.volumes.map((volume) => ({ name: volume.name, content: () => helper.archive(volume) }));
	try {
		await quiesced(running, parts, async () => {
			let last = Date.now();
			await writeBackup(file, about, sources, {
				volume: ({ name, bytes }) => {
					progress(`  ${name.padEnd(20)} ${inWords(bytes).padStart(10)} ${seconds(last).padStart(8)}`);
					last = Date.now();
				},
				// Before the file gets its name: a service that has written meanwhile makes the backup worthless.
				whole: async () => {
					signal.throwIfAborted();
					const [intruder] = await started(running);
					if (intruder)
						throw new UserError(
							`${intruder.service} was started during the backup, perhaps by \`up\`. Do the backup again.`,
						);
				},
			});
		});
	} finally {
		await helper.close();
	}
}

/** Does something while services are stopped, and starts them again whatever happens. */
async function quiesced(services: Parts["services"], parts: Parts, body: () => Promise<void>): Promise<void> {
	const begun = Date.now();
	const [work] = await Promise.allSettled([stop(services).then(body)]);
	const [back] = await Promise.allSettled([start(services, parts)]);
	progress(`  the services were stopped for ${seconds(begun)}`);
	const [first, second] = [work, back].flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
	if (second) progress(second.message);
	if (first) throw first;
}

function inWords(bytes: number): string {
	return bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(0)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
