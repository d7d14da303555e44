import { execa } from "execa";

export interface ReadyArgs {
	service: string;
	/** Answers 2xx once the service does its job. */
	url: string;
	timeoutSeconds: number;
	containerId: string;
	/** Told what is waited for, about every two seconds. */
	progress: (line: string) => void;
}

/**
 * Waits until a service answers.
 *
 * @throws after `timeoutSeconds`, with the service, its last answer and its last log lines.
 */
export async function waitUntilReady({
	service,
	url,
	timeoutSeconds,
	containerId,
	progress,
}: ReadyArgs): Promise<void> {
	const started = Date.now();
	let answer = "";
	let told = 0;
	for (;;) {
		const probe = await ask(url);
		if (probe === "ready") return;
		answer = probe;
		const seconds = (Date.now() - started) / 1000;
		if (seconds > timeoutSeconds) break;
		if (seconds - told >= 2) {
			told = seconds;
			progress(`waiting for ${service} to be ready (${seconds.toFixed(0)} of ${timeoutSeconds} s): ${answer}`);
		}
		await new Promise((resolve) => setTimeout(resolve, 200));
	}
	const { all } = await execa("docker", ["logs", "--tail", "15", containerId], { reject: false, all: true });
	throw new Error(
		`${service} was not ready after ${timeoutSeconds} s. Last answer of ${url}: ${answer}\nIts last log lines:\n${all}`,
	);
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
