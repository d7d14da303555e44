import { progress, UserError } from "../output.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs something that must tidy up when it is interrupted: its signal aborts instead of the process ending.
 *
 * @param what What is told to be stopping.
 */
export async function interruptible<T>(what: string, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
	const controller = new AbortController();
	const interrupt = () => {
		if (!controller.signal.aborted) progress(`stopping the ${what}`);
		controller.abort();
	};
	for (const signal of signals) process.on(signal, interrupt);
	try {
		return await body(controller.signal);
	} catch (error) {
		// Whatever was cut off says so in words of its own.
		throw controller.signal.aborted ? new UserError(interruptedBy(what, error)) : error;
	} finally {
		for (const signal of signals) process.off(signal, interrupt);
	}
}

function interruptedBy(what: string, error: unknown): string {
	return error instanceof UserError ? error.message : `The ${what} was interrupted.`;
}
