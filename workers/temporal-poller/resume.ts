// Where a predecessor ended: Prometheus has it, so the poller needs no disk.

import { setTimeout as sleep } from "node:timers/promises";
import { closedUntilMetric } from "./metrics.ts";

interface Answer {
	data: { result: { metric: { namespace?: string }; value: [number, string] }[] };
}

/** Prometheus may start at the same time, and has to read its log first. */
const patienceMs = 60_000;

/**
 * By namespace, what closed before is counted, in milliseconds since 1970. Nothing where Prometheus knows nothing of the last
 * hour, or does not answer within a minute: then what closes from now on is counted.
 *
 * @param tell Is told why nothing is known.
 */
export async function countedUntil(prometheus: string, tell: (line: string) => void): Promise<Map<string, number>> {
	const query = `max by (namespace) (last_over_time(${closedUntilMetric}[1h]))`;
	const deadline = Date.now() + patienceMs;
	for (;;) {
		try {
			const url = `${prometheus}/api/v1/query?${new URLSearchParams({ query })}`;
			const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
			if (!response.ok) throw new Error(`${response.status} from ${prometheus}`);
			const { data } = (await response.json()) as Answer;
			return new Map(data.result.map(({ metric, value }) => [metric.namespace ?? "", Number(value[1]) * 1000]));
		} catch (error) {
			if (Date.now() > deadline) {
				const { message, cause } = error as Error & { cause?: { code?: string } };
				tell(`where a predecessor ended is not known: ${cause?.code ?? message}`);
				return new Map();
			}
			await sleep(1000);
		}
	}
}
