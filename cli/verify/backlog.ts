// What was accepted and waits in a queue: it is not lost, but can't be found yet.

import { type Endpoints, json, withQuery } from "./api.ts";

/** PromQL: how full the collector's queues are, as a share of their capacity, where that is more than a tenth. */
export const fillingQueues = "otelcol_exporter_queue_size / otelcol_exporter_queue_capacity > 0.1";

/** Seconds that a batch may wait for the archive: writing one takes milliseconds, its first retry some seconds. */
const patience = 60;

/** Queues that are fuller than usual, a sentence each. */
export async function backlog({ prometheus }: Pick<Endpoints, "prometheus">): Promise<string[]> {
	const [queues, oldest, batches] = await Promise.all(
		[fillingQueues, `archive_queue_oldest_seconds > ${patience}`, "archive_queue_batches"].map((query) =>
			series(prometheus, query),
		),
	);
	return [
		...queues!.map(
			({ metric, value }) =>
				`the collector's queue for ${metric.exporter ?? "a destination"} is ${(value * 100).toFixed(0)} % full: it is down or slow`,
		),
		...oldest!.map(
			({ value }) =>
				`the archive's queue holds ${batches?.[0]?.value ?? "some"} batches, the oldest for ${value.toFixed(0)} s: is PostgreSQL slow or down?`,
		),
	];
}

async function series(prometheus: string, query: string) {
	type Answer = { data: { result: { metric: Record<string, string>; value: [number, string] }[] } };
	const { data } = await json<Answer>(withQuery(`${prometheus}/api/v1/query`, { query }));
	return data.result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
}
