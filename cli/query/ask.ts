// Questions to the stack's servers.

import { exploreTraces } from "../../components/links.ts";
import { UserError } from "../output.ts";
import { type Endpoints, json, type Server, withQuery } from "../verify/api.ts";

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
	if (!e[server]) throw new UserError(`The stack has no ${server}`);
	return json<T>(`${e[server]}${Object.keys(query).length > 0 ? withQuery(path, query) : path}`, init);
}

/** Where people look at a trace, around the time when it was. */
export function traceUrl({ grafana: url }: Pick<Endpoints, "grafana">, traceId: string, at = Date.now()): string {
	return exploreTraces(url, traceId, { from: at - 30 * 60_000, to: at + 30 * 60_000 });
}

/** A text as TraceQL and LogQL quote it. */
export function quoted(text: string): string {
	return JSON.stringify(text);
}
