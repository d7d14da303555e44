// Requests to the stack's servers, and what several of them need.

import { exploreTraces } from "../../components/links.ts";
import { UserError } from "../output.ts";
import { type Endpoints, json, type Server, withQuery } from "../verify/api.ts";

/**
 * A GET of one of the servers' APIs.
 *
 * @param query Parameters of the query string.
 * @param init Options of the request, such as a signal with a longer timeout.
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

/** A trace id that somebody typed, as logs and Grafana have it. @throws UserError when it is none. */
export function traceIdOf(text: string): string {
	if (!/^[0-9a-f]{1,32}$/i.test(text)) throw new UserError(`${text} is no trace id: up to 32 hexadecimal digits`);
	return text.toLowerCase().padStart(32, "0");
}

/** The link to a trace in Grafana, with a time range around the time when it was. */
export function traceUrl({ grafana: url }: Pick<Endpoints, "grafana">, traceId: string, at = Date.now()): string {
	return exploreTraces(url, traceId, { from: at - 30 * 60_000, to: at + 30 * 60_000 });
}

/** A string literal of TraceQL or LogQL. */
export function quoted(text: string): string {
	return JSON.stringify(text);
}
