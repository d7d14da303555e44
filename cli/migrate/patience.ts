import { setTimeout as sleep } from "node:timers/promises";

/** Something that may be over in a moment: worth another try. */
export class Temporary extends Error {
	readonly afterSeconds: number;

	/** @param afterSeconds What the server asked to wait. */
	constructor(message: string, afterSeconds = 0) {
		super(message);
		this.afterSeconds = afterSeconds;
	}
}

/** Tries again, after 1, 2, 4, then every 8 seconds, what failed for a moment; gives up after `limitSeconds` with the last reason. */
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

/** `fetch`, whose failures to reach anybody, and whose refusals for a while, are temporary. */
export async function request(url: string, init: RequestInit & { seconds: number }): Promise<Response> {
	let response: Response;
	try {
		response = await fetch(url, { ...init, signal: AbortSignal.timeout(init.seconds * 1000) });
	} catch (error) {
		const { cause, message } = error as Error & { cause?: { code?: string } };
		throw new Temporary(cause?.code ?? message);
	}
	if (![429, 502, 503, 504].includes(response.status)) return response;
	const text = (await response.text()).trim().slice(0, 200);
	throw new Temporary(`HTTP ${response.status} ${text}`, Number(response.headers.get("retry-after")) || 0);
}
