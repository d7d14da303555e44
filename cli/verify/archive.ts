// The archive, asked through Grafana, which alone reaches its database: as the role that may read and nothing else.

import { uid } from "../../components/links.ts";
import { sql } from "../query/sql.ts";
import { type Endpoints, grafana, until } from "./api.ts";
import type { Link } from "./links.ts";

/** Whether the stack has an archive. */
export async function hasArchive(e: Endpoints): Promise<boolean> {
	const known = await grafana<{ uid: string }[]>(e, "/api/datasources");
	return known.some((source) => source.uid === uid.archive);
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
				const query = `SELECT count(*) FROM otel.spans WHERE trace_id = '${traceId}' AND start_time > now() - interval '1 hour'`;
				const stored = (await sql(e, query))[0]?.[0];
				if (stored !== spans) throw new Error(`PostgreSQL has ${stored} of ${spans} spans of ${traceId}`);
				return `${stored} spans of ${traceId.slice(0, 8)}…`;
			}),
	};
}
