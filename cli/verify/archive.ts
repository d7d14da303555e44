// Checks the archive through Grafana, which alone reaches its database, with the read-only role.

import { uid } from "../../components/links.ts";
import { sql } from "../query/sql.ts";
import { type Endpoints, grafana, until } from "./api.ts";
import type { Link } from "./links.ts";

/** Whether the stack has an archive. */
export async function hasArchive(e: Endpoints): Promise<boolean> {
	const known = await grafana<{ uid: string }[]>(e, "/api/datasources");
	return known.some((source) => source.uid === uid.archive);
}

/** The link to the archive: PostgreSQL has the trace with every span, each once. */
export function archived(e: Endpoints, traceId: string, spans: number, within: (usual: number) => number): Link {
	return {
		name: "trace in the archive",
		hint: "collector -> otel-worker -> PostgreSQL -> Grafana: their logs, and the tables otel.ingestion_queue and otel.dead_letters",
		check: () =>
			until(within(30), async () => {
				if (!(await hasArchive(e))) return "not enabled";
				// With a time range, because the table is partitioned by day: without one all partitions would be read.
				const query = `SELECT count(*) FROM otel.spans WHERE trace_id = '${traceId}' AND start_time > now() - interval '1 hour'`;
				const stored = (await sql(e, query))[0]?.[0];
				if (stored !== spans) throw new Error(`PostgreSQL has ${stored} of ${spans} spans of ${traceId}`);
				return `${stored} spans of ${traceId.slice(0, 8)}…`;
			}),
	};
}
