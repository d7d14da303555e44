// What a poller of Temporal's visibility API says of the workflows behind the runs, under the names that it gives them.

import type { World } from "../../../cli/demo/world.ts";

/** How many executions there were until now. */
const closed = new WeakMap<World, { completed: number; failed: number }>();

/** One more execution has ended, after so many seconds. */
export function visibility(world: World, seconds: number): void {
	const { random } = world;
	const ended = closed.get(world) ?? { completed: 0, failed: 0 };
	closed.set(world, ended);
	ended[random.chance(0.1) ? "failed" : "completed"]++;
	const meter = world.meter("temporal-poller");
	const workflow = { namespace: "default", workflow_type: "GazeQaRun" };
	const executions = meter.createGauge("temporal_workflow_executions", { description: "Executions by status" });
	for (const [status, value] of Object.entries({ ...ended, running: random.int(1, 3) }))
		executions.record(value, { ...workflow, status });
	meter
		.createHistogram("temporal_workflow_duration_seconds", {
			description: "How long executions took that have ended",
			advice: { explicitBucketBoundaries: [5, 10, 20, 30, 60, 120, 300, 900] },
		})
		.record(seconds, workflow);
	meter
		.createGauge("temporal_activity_retries", { description: "Attempts beyond the first of pending activities" })
		.record(random.int(0, 3), workflow);
}
