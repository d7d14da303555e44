import type { Workload } from "../../components/workload.ts";

/**
 * How ECS asks a container whether it does its job; nothing where its image has no program that asks: a load balancer does then.
 *
 * A task that doesn't answer for five minutes is replaced, and what is on its storage goes with it; so it may take its time.
 */
export function healthCheck({ ready }: Workload) {
	if (!ready.ask) return {};
	return {
		healthCheck: {
			command: ["CMD", ...ready.ask],
			interval: 30,
			retries: 10,
			startPeriod: Math.min(300, ready.timeoutSeconds),
			timeout: 10,
		},
	};
}
