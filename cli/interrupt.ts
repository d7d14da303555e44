// Ctrl-C, where a command must not simply end.

import { progress, UserError } from "./output.ts";

/** What people are told at an interrupt, and in the end. */
interface Words {
	stopping: string;
	stopped: string;
}

/**
 * Runs something that must finish or tidy up when it is interrupted: instead of ending the process, an interrupt aborts the
 * signal, whose reason says so.
 *
 * @param signals Which signals interrupt it; others end the process. @default those of a terminal and of a shutdown
 * @throws UserError with `stopped` after an interrupt, unless the body itself throws a UserError.
 */
export async function interruptible<T>(
	{ stopping, stopped }: Words,
	body: (signal: AbortSignal) => Promise<T>,
	signals: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"],
): Promise<T> {
	const controller = new AbortController();
	const interrupt = () => {
		if (!controller.signal.aborted) progress(stopping);
		controller.abort(new UserError(stopped));
	};
	for (const signal of signals) process.on(signal, interrupt);
	try {
		return await body(controller.signal);
	} catch (error) {
		// Any other error is that of a command which was interrupted as well: it would mislead.
		throw controller.signal.aborted && !(error instanceof UserError) ? controller.signal.reason : error;
	} finally {
		for (const signal of signals) process.off(signal, interrupt);
	}
}
