// Questions to the stack's servers: directly where they can be reached, else through Grafana, which reaches them all.

import { exploreTraces, uid } from "../../components/links.ts";
import { UserError } from "../output.ts";
import { type Endpoints, grafana, json, withQuery } from "../verify/api.ts";

type Server = "tempo" | "prometheus" | "loki";

/**
 * A GET of one of the servers' APIs.
 *
 * @param init Such as a signal, for what takes longer than others.
 * @throws UserError when the stack has no such server.
 */
export async function ask<T>(
	e: Endpoints,
	server: Server,
	path: string,
	query: Record<string, string | number> = {},
	init: RequestInit = {},
): Promise<T> {
	const asked = Object.keys(query).length > 0 ? withQuery(path, query) : path;
	const direct = e[server];
	if (direct) return json<T>(`${direct}${asked}`, init);
	const sources = await grafana<{ uid: string }[]>(e, "/api/datasources");
	if (!sources.some((source) => source.uid === uid[server])) throw new UserError(`The stack has no ${server}`);
	return grafana<T>(e, `/api/datasources/proxy/uid/${uid[server]}${asked}`, init);
}

/** Where people look at a trace, around the time when it was. */
export function traceUrl({ grafana: url }: Pick<Endpoints, "grafana">, traceId: string, at = Date.now()): string {
	return exploreTraces(url, traceId, { from: at - 30 * 60_000, to: at + 30 * 60_000 });
}

/** A text as TraceQL and LogQL quote it. */
export function quoted(text: string): string {
	return JSON.stringify(text);
}
