import { execa } from "execa";
import { serviceLabel } from "../targets/docker/labels.ts";
import { outputs, prepare, type StackOptions } from "./engine.ts";
import { stackFilter } from "./leftovers.ts";
import { paint } from "./output.ts";

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

/** `./tracestack status`. Exit code 0 when everything runs, 1 otherwise. */
export async function statusCommand(options: StackOptions & { json?: boolean }): Promise<number> {
	const environment = await prepare(options);
	const services = await runningServices(options.stack);
	const { urls } = await outputs(environment, options.stack);
	const addresses = (urls?.value ?? {}) as Record<string, string>;
	const down = services.filter(({ state }) => state !== "running");
	if (options.json) {
		process.stdout.write(`${JSON.stringify({ stack: options.stack, services, urls: addresses }, null, 2)}\n`);
	} else if (services.length === 0) {
		process.stdout.write(`The stack ${options.stack} is not up: ./tracestack up --stack ${options.stack}\n`);
	} else {
		for (const { service, state, since, image } of services) {
			const mark = state === "running" ? paint("green", "✓") : paint("red", "✗");
			process.stdout.write(`${mark} ${service.padEnd(13)} ${since.padEnd(24)} ${image}\n`);
		}
		process.stdout.write("\n");
		for (const [name, address] of Object.entries(addresses)) process.stdout.write(`${name.padEnd(16)} ${address}\n`);
	}
	return services.length > 0 && down.length === 0 ? 0 : 1;
}

/** The stack's long-running containers, by label: what the engine has, whatever the state says. */
async function runningServices(stack: string): Promise<ServiceStatus[]> {
	const filter = await stackFilter(stack);
	const format = `{{.Label "${serviceLabel}"}}\t{{.Names}}\t{{.State}}\t{{.Status}}\t{{.Image}}`;
	const { stdout } = await execa("docker", ["ps", "-a", "--filter", filter, "--format", format]);
	return stdout
		.split("\n")
		.filter(Boolean)
		.map((line) => {
			const [service = "", container = "", state = "", since = "", image = ""] = line.split("\t");
			return { service, container, state, since, image };
		})
		.filter(({ container }) => !container.endsWith("-owner")) // hands a volume over and ends
		.sort((a, b) => (a.service < b.service ? -1 : 1));
}
