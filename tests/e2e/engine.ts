// The Docker engine under the tests, and whether they may restart it.

import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { stateDir } from "../../cli/paths.ts";

/**
 * A way to stop the engine, so that the next `up` or the system's own service manager starts it: one that `./tracestack`
 * started itself, or CI's. Undefined for any other: what else runs on it is not ours to interrupt.
 */
export function engineStop(): (() => Promise<void>) | undefined {
	const pid = existsSync("/var/run/docker.pid") ? Number(readFileSync("/var/run/docker.pid", "utf8")) : 0;
	if (pid && existsSync(`/proc/${pid}`) && logOf(pid) === join(stateDir, "dockerd.log")) {
		return async () => {
			process.kill(pid, "SIGTERM");
			while (existsSync(`/proc/${pid}`)) await sleep(200);
		};
	}
	if (process.env.CI && existsSync("/run/systemd/system"))
		return async () => void (await execa("sudo", ["-n", "systemctl", "restart", "docker"]));
	return undefined;
}

function logOf(pid: number): string | undefined {
	try {
		return readlinkSync(`/proc/${pid}/fd/1`);
	} catch {
		return undefined; // another user's
	}
}
