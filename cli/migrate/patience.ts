// What fails for a moment is tried again: a copy of many gigabytes must survive a restart on either side.

import { setTimeout as sleep } from "node:timers/promises";
import { withLogin } from "../verify/api.ts";

/** A failure that may pass: worth another try. */
export class Temporary extends Error {
	readonly afterSeconds: number;

	/** @param afterSeconds What the server asked to wait. */
	constructor(message: string, afterSeconds = 0) {
		super(message);
		this.afterSeconds = afterSeconds;
	}
}

/**
 * Repeats what throws a `Temporary`, after 1, 2, 4, then every 8 seconds, or when the server asks for it.
 *
 * @throws the last error after `limitSeconds`, and any other error at once.
 */
export async function patiently<T>(limitSeconds: number, ask: () => Promise<T>): Promise<T> {
	const deadline = Date.now() + limitSeconds * 1000;
	for (let wait = 1; ; wait = Math.min(2 * wait, 8)) {
		try {
			return await ask();
		} catch (error) {
			if (!(error instanceof Temporary) || Date.now() > deadline) throw error;
			await sleep(1000 * Math.max(wait, error.afterSeconds));
		}
	}
}

/**
 * `fetch` with a timeout in seconds.
 *
 * @throws Temporary when the server can't be reached, or says that it is overloaded.
 */
export async function request(url: string, init: RequestInit & { seconds: number }): Promise<Response> {
	let response: Response;
	try {
		response = await fetch(url, withLogin(url, { ...init, signal: AbortSignal.timeout(init.seconds * 1000) }));
	} catch (error) {
		const { cause, message } = error as Error & { cause?: { code?: string } };
		throw new Temporary(cause?.code ?? message);
	}
	if (![429, 502, 503, 504].includes(response.status)) return response;
	const text = (await response.text()).trim().slice(0, 200);
	throw new Temporary(`HTTP ${response.status} ${text}`, Number(response.headers.get("retry-after")) || 0);
}
