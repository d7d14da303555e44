import type { Workload } from "../../components/workload.ts";

/**
 * A container that ECS asks whether a workload does its job: images without a shell can't be asked themselves, and containers of a
 * task share their loopback. Undefined where a load balancer asks.
 *
 * A task that doesn't answer for five minutes is replaced, and what is on its storage goes with it; so it may take its time.
 */
export function healthContainer(w: Workload) {
	if (w.ports.some(({ audience }) => audience)) return undefined;
	const port = w.ports.find(({ name }) => name === w.ready.port);
	if (!port) throw new Error(`${w.name}: there is no port ${w.ready.port} to ask whether it is ready`);
	const url = `http://127.0.0.1:${port.number}${w.ready.path}`;
	return {
		command: ["sleep", "2147483647"],
		essential: true,
		healthCheck: {
			command: ["CMD", "wget", "-q", "-T", "5", "-O", "/dev/null", url],
			interval: 30,
			retries: 10,
			startPeriod: Math.min(300, w.ready.timeoutSeconds),
			timeout: 10,
		},
		// Process 1 would not hear that it is to end.
		linuxParameters: { capabilities: { drop: ["ALL"] }, initProcessEnabled: true },
		mountPoints: [],
		stopTimeout: 2,
		user: "65534:65534",
	};
}
