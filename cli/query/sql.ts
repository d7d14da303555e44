// SQL queries to the archive.

import { postgresql, uid } from "../../components/links.ts";
import { type Endpoints, grafana } from "../verify/api.ts";

/**
 * Runs SQL in the archive's database, through Grafana, which reaches the database wherever the stack runs, with the read-only
 * role.
 *
 * @returns the rows.
 * @throws with PostgreSQL's error.
 */
export async function sql(e: Endpoints, rawSql: string): Promise<unknown[][]> {
	type Answer = { results: { A: { error?: string; frames?: { data: { values: unknown[][] } }[] } } };
	const datasource = { type: postgresql, uid: uid.archive };
	const query = { refId: "A", datasource, format: "table", rawQuery: true, rawSql };
	const body = JSON.stringify({ queries: [query], from: "now-1h", to: "now" });
	const { results } = await grafana<Answer>(e, "/api/ds/query", { method: "POST", body }).catch((error: Error) => {
		throw new Error(inItsWords(error.message));
	});
	if (results.A.error) throw new Error(results.A.error);
	const [first = [], ...others] = results.A.frames?.[0]?.data.values ?? [];
	return first.map((value, row) => [value, ...others.map((column) => column[row])]);
}

/** The database's error, out of the JSON that Grafana wraps it in; the whole message where there is none. */
export function inItsWords(message: string): string {
	const [, said] = /"error":("(?:[^"\\]|\\.)*")/.exec(message) ?? [];
	return said ? JSON.parse(said) : message;
}
