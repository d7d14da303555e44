// A wait for a service behind a load balancer, from where the stack is made.

import { setTimeout as sleep } from "node:timers/promises";
import { RunError } from "@pulumi/pulumi";

interface Waited {
	service: string;
	url: string;
	/** What the URL's host must lead to. */
	balancer: string;
	timeoutSeconds: number;
	/** @default 5000: a name takes minutes to be known anyway */
	pollMs?: number;
	/** Called with what is waited for, whenever that changes. */
	progress(line: string): void;
}

/**
 * Waits until a service answers at its own name.
 *
 * @throws RunError with the last answer, and what to look at.
 */
export async function waitUntilReached({
	service,
	url,
	balancer,
	timeoutSeconds,
	pollMs = 5_000,
	progress,
}: Waited): Promise<void> {
	const { hostname } = new URL(url);
	const end = Date.now() + timeoutSeconds * 1000;
	let last = "";
	for (;;) {
		const answer = await ask(url);
		if (answer === undefined) return;
		if (answer !== last) progress(`waiting for ${url}: ${answer}`);
		last = answer;
		if (Date.now() > end) break;
		await sleep(pollMs);
	}
	throw new RunError(
		`${service} runs, but ${url} does not answer from here after ${timeoutSeconds} s: ${last}. ` +
			`Does ${hostname} lead to ${balancer} (a CNAME, or aws.hostedZoneId), and may this machine reach it (aws.grafana.cidrs, a VPN)? ` +
			"Then run the same command again.",
	);
}

/** Why it is not ready; undefined once it is. */
async function ask(url: string): Promise<string | undefined> {
	try {
		const { ok, status } = await fetch(url, { signal: AbortSignal.timeout(10_000), redirect: "manual" });
		return ok ? undefined : `HTTP ${status}`;
	} catch (error) {
		const { message, cause } = error as Error & { cause?: Error };
		return cause?.message ?? message;
	}
}
