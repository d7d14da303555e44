// Questions to the stack's servers: directly where they can be reached, else through Grafana, which reaches them all.

import { uid } from "../../components/links.ts";
import { UserError } from "../output.ts";
import { type Endpoints, grafana, json, withQuery } from "../verify/api.ts";

type Server = "tempo" | "prometheus" | "loki";

/** A GET of one of the servers' APIs. */
export async function ask<T>(e: Endpoints, server: Server, path: string, query: Record<string, string | number> = {}) {
	const asked = Object.keys(query).length > 0 ? withQuery(path, query) : path;
	const direct = e[server];
	if (direct) return json<T>(`${direct}${asked}`);
	const sources = await grafana<{ uid: string }[]>(e, "/api/datasources");
	if (!sources.some((source) => source.uid === uid[server])) throw new UserError(`The stack has no ${server}`);
	return grafana<T>(e, `/api/datasources/proxy/uid/${uid[server]}${asked}`);
}

/** Where people look at a trace. */
export function exploreUrl({ grafana: url }: Pick<Endpoints, "grafana">, traceId: string): string {
	const queries = [{ refId: "A", datasource: { type: "tempo", uid: uid.tempo }, queryType: "traceql", query: traceId }];
	const panes = { a: { datasource: uid.tempo, queries, range: { from: "now-1h", to: "now" } } };
	return withQuery(`${url}/explore`, { schemaVersion: 1, orgId: 1, panes: JSON.stringify(panes) });
}

/** A text as TraceQL and LogQL quote it. */
export function quoted(text: string): string {
	return JSON.stringify(text);
}
