// The archive, asked through Grafana, which alone reaches its database: as the role that may read and nothing else.

import { type Endpoints, grafana, until } from "./api.ts";
import type { Link } from "./links.ts";

/** Of Grafana's datasource: present where `archive.enabled` is. */
const source = "archive";

/** Whether the stack has an archive. */
export async function hasArchive(e: Endpoints): Promise<boolean> {
	const known = await grafana<{ uid: string }[]>(e, "/api/datasources");
	return known.some(({ uid }) => uid === source);
}

/** A trace, committed to PostgreSQL: the spans that were sent, each of them once. */
export function archived(e: Endpoints, traceId: string, spans: number, within: (usual: number) => number): Link {
	return {
		name: "trace in the archive",
		hint: "Grafana, which is asked; collector -> otel-worker -> PostgreSQL: their logs; what waits in otel.ingestion_queue, what died in otel.dead_letters",
		check: () =>
			until(within(30), async () => {
				if (!(await hasArchive(e))) return "not enabled";
				// By day: without a time every partition is looked through.
				const sql = `SELECT count(*) FROM otel.spans WHERE trace_id = '${traceId}' AND start_time > now() - interval '1 hour'`;
				const stored = await count(e, sql);
				if (stored !== spans) throw new Error(`PostgreSQL has ${stored} of ${spans} spans of ${traceId}`);
				return `${stored} spans of ${traceId.slice(0, 8)}…`;
			}),
	};
}

interface Frames {
	results: { A?: { error?: string; frames?: { data?: { values?: unknown[][] } }[] } };
}

/** The one number that an SQL query yields. Throws with what the database says. */
async function count(e: Endpoints, rawSql: string): Promise<number> {
	const queries = [{ refId: "A", datasource: { uid: source }, rawSql, format: "table" }];
	const body = JSON.stringify({ queries, from: "now-1h", to: "now" });
	const answer = await grafana<Frames>(e, "/api/ds/query", { method: "POST", body }).catch((error: Error) => {
		throw new Error(inItsWords(error.message));
	});
	return onlyNumber(answer);
}

/** What the database says, out of the JSON that Grafana wraps it in; the whole where there is none. */
export function inItsWords(message: string): string {
	const [, said] = /"error":("(?:[^"\\]|\\.)*")/.exec(message) ?? [];
	return said ? JSON.parse(said) : message;
}

/** @throws what the database says, or that there is no number. */
export function onlyNumber({ results: { A: answer } }: Frames): number {
	if (answer?.error) throw new Error(answer.error);
	const value = answer?.frames?.[0]?.data?.values?.[0]?.[0];
	if (value === undefined) throw new Error("the archive's datasource answers without a row");
	return Number(value);
}
