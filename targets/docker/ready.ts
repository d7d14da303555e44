import { RunError } from "@pulumi/pulumi";
import { execa } from "execa";

export interface ReadyArgs {
	service: string;
	/** A URL that answers 2xx once the service does its job, or a command within its container that then ends well. */
	probe: string | string[];
	timeoutSeconds: number;
	containerId: string;
	/** Names of its volumes. */
	volumes: string[];
	/** Told what is waited for, about every two seconds. */
	progress: (line: string) => void;
}

/**
 * Waits until a service answers.
 *
 * @throws RunError after `timeoutSeconds`, with the service, its last answer and its last log lines; sooner when its
 * container is gone or was stopped, or its disk is full, which no waiting changes.
 */
export async function waitUntilReady({
	service,
	probe,
	timeoutSeconds,
	containerId,
	volumes,
	progress,
}: ReadyArgs): Promise<void> {
	const started = Date.now();
	let answer = "";
	let told = 0;
	let looked = -3; // the first look comes after two seconds
	for (;;) {
		answer = typeof probe === "string" ? await ask(probe) : await askWithin(containerId, probe);
		if (answer === "ready") return;
		const seconds = (Date.now() - started) / 1000;
		if (seconds > timeoutSeconds) break;
		if (seconds - told >= 2) {
			told = seconds;
			progress(`waiting for ${service} to be ready (${seconds.toFixed(0)} of ${timeoutSeconds} s): ${answer}`);
		}
		// Each look starts two processes, while the service needs the machine: not as often as it is asked.
		if (seconds - looked >= 5) {
			looked = seconds;
			await mustExist(service, containerId);
			await mustHaveRoom(service, containerId, volumes);
		}
		await new Promise((resolve) => setTimeout(resolve, 200));
	}
	const log = await logOf(containerId);
	throw new RunError(
		`${service} was not ready after ${timeoutSeconds} s. Last answer of ${[probe].flat().join(" ")}: ${answer}\nIts last log lines:\n${log}`,
	);
}

async function logOf(containerId: string): Promise<string> {
	const { all } = await execa("docker", ["logs", "--tail", "15", containerId], { reject: false, all: true });
	return all ?? "";
}

async function mustExist(service: string, containerId: string): Promise<void> {
	const { stdout, exitCode } = await execa("docker", ["inspect", "--format", "{{.State.Status}}", containerId], {
		reject: false,
	});
	const advice = "./tracestack up (or pulumi up --refresh)";
	if (exitCode !== 0)
		throw new RunError(`${service}: its container is gone, removed by hand? ${advice} makes it again.`);
	if (stdout === "exited") throw new RunError(`${service}: its container was stopped. ${advice} starts it again.`);
}

async function mustHaveRoom(service: string, containerId: string, volumes: string[]): Promise<void> {
	const log = await logOf(containerId);
	if (!/no space left on device|disk is full|disk quota exceeded/i.test(log)) return;
	const where = volumes.length > 0 ? `the disk of its volume ${volumes.join(", ")}` : "its disk";
	const advice = "Make room (docker system df shows what takes it), then run this again.";
	throw new RunError(`${service}: no space left on ${where}. ${advice}\nIts last log lines:\n${log}`);
}

async function askWithin(containerId: string, command: string[]): Promise<string> {
	const options = { reject: false, all: true, timeout: 10_000 } as const;
	const { exitCode, all } = await execa("docker", ["exec", containerId, ...command], options);
	return exitCode === 0 ? "ready" : (all?.trim().slice(0, 120) ?? "nothing");
}

async function ask(url: string): Promise<string> {
	try {
		const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
		const body = (await response.text()).trim().slice(0, 120);
		return response.ok ? "ready" : `${response.status} ${body}`;
	} catch (error) {
		const cause = (error as { cause?: { code?: string } }).cause?.code;
		return cause ?? (error as Error).message;
	}
}
