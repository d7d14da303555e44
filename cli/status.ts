// `./tracestack status`: what runs, since when, where, and how long it keeps data.

import { services as known } from "../settings/schema.ts";
import { containers, outputs, prepare, type StackOptions } from "./engine.ts";
import { inventory, longRunning } from "./inventory.ts";
import { kept } from "./kept.ts";
import { columns, folded, paint, shorten } from "./output.ts";
import { onDockerOnly } from "./settings-file.ts";

const nameWidth = Math.max(...known.map(({ length }) => length));

/** One container of a stack. */
interface ServiceStatus {
	service: string;
	container: string;
	/** The engine's word: running, exited, restarting, … */
	state: string;
	/** For people: "Up 3 minutes". */
	since: string;
	image: string;
}

/** `./tracestack status`. Exit code 0 when everything runs as declared, 1 otherwise. */
export async function statusCommand(options: StackOptions & { json?: boolean }): Promise<number> {
	await onDockerOnly(options.stack, "status", `What is wrong with it: ./tracestack doctor --stack ${options.stack}`);
	const environment = await prepare(options, "look");
	const services = await servicesOf(options.stack, await containers(environment, options.stack));
	const { urls = {}, retention, storage } = await outputs(environment, options.stack);
	const up = services.length > 0 && retention && storage;
	const stored = up ? await kept({ urls, retention, storage }) : [];
	const width = Math.max(0, ...services.map(({ since }) => since.length));
	const down = services.filter(({ state }) => state !== "running");
	if (options.json) {
		process.stdout.write(`${JSON.stringify({ stack: options.stack, services, kept: stored, urls }, null, 2)}\n`);
	} else if (services.length === 0) {
		process.stdout.write(`The stack ${options.stack} is not up: ./tracestack up --stack ${options.stack}\n`);
	} else {
		for (const { service, state, since, image } of services) {
			const mark = state === "running" ? paint("green", "✓") : paint("red", "✗");
			// The name without its registry and owner, which every image of a service shares.
			const line = `${service.padEnd(nameWidth)} ${since.padEnd(width)}  ${image.split("/").at(-1)}`;
			process.stdout.write(`${mark} ${shorten(line, columns(process.stdout) - 2)}\n`);
		}
		process.stdout.write("\n");
		for (const { what, declared, reported, ok } of stored) {
			const mark = ok ? paint("green", "✓") : paint("red", "✗");
			process.stdout.write(`${mark} ${what.padEnd(nameWidth)} kept ${declared}\n`);
			if (!ok) process.stdout.write(`${folded(`    but the server says: ${reported}`, columns(process.stdout))}\n`);
		}
		process.stdout.write("\n");
		for (const [name, address] of Object.entries(urls)) process.stdout.write(`${name.padEnd(18)} ${address}\n`);
	}
	return services.length > 0 && down.length === 0 && stored.every(({ ok }) => ok) ? 0 : 1;
}

/** The stack's long-running containers: what the engine has, by label, and what it should have, by the state. */
async function servicesOf(stack: string, expected: string[]): Promise<ServiceStatus[]> {
	const found = longRunning(await inventory(stack)).map(({ service, name, state, since, image }) => {
		return { service, container: name, state, since, image };
	});
	const missing = expected
		.filter((name) => !found.some(({ container }) => container === name))
		.map((container) => ({
			service: known.find((name) => container.endsWith(`-${name}`)) ?? container,
			container,
			state: "missing",
			since: "its container is gone",
			image: "",
		}));
	return [...found, ...missing].sort((a, b) => (a.service < b.service ? -1 : 1));
}
