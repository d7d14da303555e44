// A stack's lock: one that a killed run left is freed, one that another run holds is waited for.

import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { folded, progress, seconds, UserError } from "./output.ts";

/** Who holds a stack's lock, as the engine's message tells it. */
export interface LockHolder {
	pid: number;
	host: string;
	since: string;
}

/** How long another run is waited for. */
const waitSeconds = 300;

/**
 * Does something that needs a stack's lock. A lock whose holder, on this machine, is dead was left by a killed run and
 * is freed; one whose holder lives is waited for.
 *
 * @param free Removes the lock.
 * @param signal Ends the wait; a body that has begun is not aborted.
 * @throws UserError when another run goes on for more than five minutes, or holds the lock on another machine.
 */
export async function whenFree<T>(
	stack: string,
	free: () => Promise<void>,
	body: () => Promise<T>,
	signal?: AbortSignal,
): Promise<T> {
	const started = Date.now();
	let told = 0;
	for (;;) {
		signal?.throwIfAborted();
		try {
			return await body();
		} catch (error) {
			const holders = lockHolders(messageOf(error));
			if (holders.length === 0) throw error;
			const alive = await firstAlive(holders);
			if (!alive) {
				const [{ pid, since }] = holders as [LockHolder];
				progress(folded(`  removing the lock of a run that was killed (process ${pid}, since ${since})`));
				await free();
				continue;
			}
			const who = `process ${alive.pid} on ${alive.host}, since ${alive.since}`;
			if (alive.host !== hostname() || Date.now() - started > waitSeconds * 1000) {
				const advice = `If that run is gone, remove its lock: ./tracestack pulumi cancel --stack ${stack}`;
				throw new UserError(`Another run has locked the stack ${stack}: ${who}.\n${advice}`, { cause: error });
			}
			if (Date.now() - told > 10_000) {
				progress(folded(`  … waiting for another run to end: ${who} (${seconds(started)} of ${waitSeconds} s)`));
				told = Date.now();
			}
			// The next round throws the signal's own reason.
			await sleep(1000, undefined, { signal }).catch(() => {});
		}
	}
}

/** `…: created by me@here (pid 123) at 2026-01-31T12:00:00Z`, a line for each. */
export function lockHolders(message: string): LockHolder[] {
	if (!/currently locked by/.test(message)) return [];
	return [...message.matchAll(/created by \S*@(\S+) \(pid (\d+)\) at (\S+)/g)].map(([, host = "", pid, since = ""]) => {
		return { host, pid: Number(pid), since };
	});
}

function messageOf(error: unknown): string {
	const { message, stderr } = error as { message?: string; stderr?: string };
	return `${message ?? error}\n${stderr ?? ""}`;
}

/** The first holder that may still run: of one on another machine nobody here can tell. */
async function firstAlive(holders: LockHolder[]): Promise<LockHolder | undefined> {
	for (const holder of holders) if (holder.host !== hostname() || (await isPulumi(holder.pid))) return holder;
	return undefined;
}

/** Process ids are reused, above all after a restart of the machine: the name has to fit, too. */
async function isPulumi(pid: number): Promise<boolean> {
	const { stdout } = await execa("ps", ["-o", "comm=", "-p", `${pid}`], { reject: false });
	return stdout?.includes("pulumi") ?? false;
}
