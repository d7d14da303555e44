import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { prepare, type StackOptions } from "../engine.ts";
import { interruptible } from "../interrupt.ts";
import { folded, progress, seconds, UserError } from "../output.ts";
import { onDockerOnly } from "../settings-file.ts";
import { eachVolume, type Manifest, verifyBackup } from "./format.ts";
import { setGrafanaPassword } from "./grafana.ts";
import { type Parts, partsOf, start, stop } from "./parts.ts";
import { setDatabasePassword, setReaderPassword } from "./postgres.ts";
import { VolumeHelper } from "./volumes.ts";

/**
 * `./tracestack restore FILE`: replaces the content of the stack's volumes with that of a backup. The whole file is checked
 * before anything is touched.
 *
 * @throws UserError without `--yes`: it says what would be replaced.
 */
export async function restoreCommand(name: string, options: StackOptions & { yes?: boolean }): Promise<void> {
	await onDockerOnly(
		options.stack,
		"restore",
		"RDS and EFS make backups of their own: docs/aws.md says how to go back to one",
	);
	const file = resolve(name);
	const reading = Date.now();
	const manifest = await verifyBackup(file);
	progress(folded(`${file} is complete (checked in ${seconds(reading)}): ${manifest.stack} of ${manifest.createdAt}`));
	const parts = await partsOf(await prepare(options, "look"), options);
	refuseMisfit(manifest, parts);
	if (!options.yes) throw new UserError(wouldReplace(name, manifest, parts, options.stack));
	for (const line of differences(manifest, parts)) progress(folded(`  ! ${line}`));
	const words = { stopping: "stopping the restore", stopped: "The restore was interrupted." };
	await interruptible(words, (signal) => restore(file, manifest, parts, options.stack, signal));
	progress(`restored ${manifest.stack} of ${manifest.createdAt}`);
	progress("Grafana's datasources and dashboards are those of the backup. What `up` would change:");
	progress(`  ./tracestack drift --stack ${options.stack}`);
}

async function restore(file: string, manifest: Manifest, parts: Parts, stack: string, signal: AbortSignal) {
	const volumes = parts.volumes.filter(({ name }) => manifest.volumes.some((volume) => volume.name === name));
	const helper = await VolumeHelper.start(stack, parts.busybox, volumes, "write", signal);
	let replacing = false;
	try {
		await stop(parts.services.filter(({ state }) => state !== "exited"));
		signal.throwIfAborted();
		replacing = true;
		for (const volume of volumes) await helper.empty(volume);
		await eachVolume(file, async (name, archive) => {
			const begun = Date.now();
			await pipeline(archive, createGunzip(), helper.unpack(), { signal });
			progress(`  ${name.padEnd(20)} ${seconds(begun).padStart(8)}`);
		});
		const grafana = parts.services.find(({ service }) => service === "grafana");
		if (grafana && volumes.some(({ name }) => name.startsWith("grafana-"))) {
			progress("  setting the password of Grafana's administrator to that of this stack");
			await setGrafanaPassword(grafana.id, parts.grafana.password);
		}
	} catch (error) {
		if (!replacing) await start(parts.services, parts);
		throw replacing ? halfway(stack, error) : error;
	} finally {
		await helper.close();
	}
	await start(parts.services, parts);
	const restored = (name: string) =>
		volumes.some((volume) => volume.name.startsWith(`${name}-`))
			? parts.services.find(({ service }) => service === name)
			: undefined;
	const [postgres, worker] = [restored("postgres"), parts.services.find(({ service }) => service === "otel-worker")];
	if (postgres || worker) progress("  setting the archive's passwords to those of this stack");
	if (postgres) await setDatabasePassword(postgres.id);
	if (worker && restored("grafana")) await setReaderPassword(worker.id, parts);
}

/**
 * The error of a restore that has begun to replace data: services are left stopped, so that they don't run on half of
 * it.
 */
function halfway(stack: string, error: unknown): UserError {
	const { shortMessage, message } = error as { shortMessage?: string; message: string };
	return new UserError(
		`The restore failed half way: ${shortMessage ?? message}
The stack's data is incomplete, and its services are stopped. Do the restore again: it starts from the beginning.
To begin without data instead: ./tracestack down --delete-data --stack ${stack}`,
	);
}

/**
 * Checks that a backup fits a stack.
 *
 * @throws UserError when the stack lacks a service, or has another administrator.
 */
export function refuseMisfit(manifest: Manifest, { volumes, grafana }: Pick<Parts, "volumes" | "grafana">): void {
	const foreign = manifest.volumes.filter(({ name }) => !volumes.some((volume) => volume.name === name));
	if (foreign.length > 0)
		throw new UserError(
			`The backup has ${foreign.map(({ name }) => name).join(", ")}, and this stack has no such service. Nothing was restored: first bring up a stack with the settings that the backup was made with.`,
		);
	if (manifest.grafanaUser !== grafana.user)
		throw new UserError(
			`In the backup Grafana's administrator is ${manifest.grafanaUser}, in this stack ${grafana.user}. Nothing was restored: set tracestack:grafana.adminUser to ${manifest.grafanaUser} and bring the stack up first.`,
		);
}

/** Differences between backup and stack that are no reason to refuse, a sentence each. */
export function differences(
	manifest: Manifest,
	{ services, volumes, storage }: Pick<Parts, "services" | "volumes" | "storage">,
): string[] {
	const images = services
		.filter(({ service, image }) => manifest.images[service] && manifest.images[service] !== image)
		.map(({ service, image }) => `${service}: the backup was made with ${manifest.images[service]}, this is ${image}`);
	const left = volumes
		.filter(({ name }) => !manifest.volumes.some((volume) => volume.name === name))
		.map(({ name }) => `${name} is not in the backup and stays as it is`);
	const elsewhere =
		manifest.storage === storage.place
			? []
			: [`traces and logs were stored in ${manifest.storage}, and this stack reads them from ${storage.place}`];
	return [...images, ...left, ...elsewhere];
}

function wouldReplace(file: string, manifest: Manifest, { volumes }: Parts, stack: string): string {
	const replaced = volumes.filter(({ name }) => manifest.volumes.some((volume) => volume.name === name));
	return `This would replace what the stack ${stack} has stored with what ${manifest.stack} had at ${manifest.createdAt}:
${replaced.map(({ engineName }) => `  ${engineName}`).join("\n")}
To do it: ./tracestack restore ${file} --stack ${stack} --yes`;
}
