// Requests to the servers' HTTP APIs, and where a stack's servers are.

import { traceIdLabel, uid } from "../../components/links.ts";

/** Servers that Grafana has as datasources. */
export type Server = "tempo" | "prometheus" | "loki" | "alertmanager";

/** Where a stack answers, from its outputs. */
export interface Endpoints {
	tempo: string;
	prometheus: string;
	/** Undefined where logs are switched off. */
	loki?: string;
	alertmanager: string;
	grafana: string;
	/** `host:port`. */
	otlpGrpc: string;
	otlpHttp: string;
	sampling: {
		/** Who makes span metrics. */
		metricsFrom: "tempo" | "collector";
		/** How long a trace waits for the decision whether it is kept. */
		waitSeconds: number;
	};
	/** Of the archive; undefined where there is none, or it is not reached from here. */
	otelWorker?: string;
	/** The stack's own object store; undefined where it has none. */
	objectStore?: string;
	/** What the stack's packs show. `needsSenders`: its panels wait for what applications send. */
	dashboards: { uid: string; title: string; pack?: string; needsSenders?: boolean }[];
	grafanaUser: string;
	grafanaPassword: string;
	/** Bearer token; undefined where OTLP asks for none. */
	otlpToken?: string;
	/** Certificate of the authority in PEM; undefined where there is none, or systems know it. */
	ca?: string;
}

/** OTLP over gRPC as a URL: it speaks TLS where OTLP over HTTP does. */
export function otlpGrpcUrl({ otlpGrpc, otlpHttp }: Endpoints): string {
	return `${new URL(otlpHttp).protocol}//${otlpGrpc}`;
}

type Login = Pick<Endpoints, "grafana" | "grafanaUser" | "grafanaPassword">;

/** Grafana's login as headers, by the beginning of the addresses that need it. */
const signedIn = new Map<string, Record<string, string>>();

/**
 * Addresses of servers. One that this machine can't reach is reached through Grafana's datasource proxy; this process sends
 * Grafana's login to such addresses from then on.
 */
export function throughGrafana(e: Partial<Endpoints> & Login, servers: Server[]): Partial<Record<Server, string>> {
	const proxy = `${e.grafana}/api/datasources/proxy/uid`;
	signedIn.set(`${proxy}/`, asAdministrator(e));
	return Object.fromEntries(servers.map((server) => [server, e[server] ?? `${proxy}/${uid[server]}`]));
}

/**
 * A request whose answer is JSON.
 *
 * @param init Options of `fetch`; a GET with a timeout of 15 seconds by default.
 * @throws with the server's address and what it answered instead: no connection, another status, no JSON.
 */
export async function json<T>(url: string, init: RequestInit = {}): Promise<T> {
	const body = await text(url, { ...init, headers: { accept: "application/json", ...init.headers } });
	try {
		return JSON.parse(body) as T;
	} catch {
		throw new Error(`no JSON from ${url.split("?")[0]}: ${body.trim().slice(0, 100) || "an empty answer"}`);
	}
}

/** The same for an answer of any format. */
export async function text(url: string, init: RequestInit = {}): Promise<string> {
	let response: Response;
	let body: string;
	try {
		response = await fetch(url, withLogin(url, { signal: AbortSignal.timeout(15_000), ...init }));
		body = await response.text();
	} catch (error) {
		const { cause, message } = error as Error & { cause?: { code?: string } };
		throw new Error(`${new URL(url).origin}: ${cause?.code ?? message}`);
	}
	if (!response.ok) throw new Error(`${response.status} from ${url.split("?")[0]}: ${body.trim().slice(0, 300)}`);
	return body;
}

/** Options of a request, with the login that its address needs: that of a server behind Grafana. */
export function withLogin<T extends RequestInit>(url: string, init: T): T {
	const [, login] = [...signedIn].find(([begin]) => url.startsWith(begin)) ?? [];
	return login ? { ...init, headers: { ...login, ...init.headers } } : init;
}

/** Adds a query string. */
export function withQuery(url: string, query: Record<string, string | number>): string {
	const strings = Object.entries(query).map(([key, value]): [string, string] => [key, String(value)]);
	return `${url}?${new URLSearchParams(strings)}`;
}

/** Seconds since 1970, shifted. */
export function epoch(shiftSeconds = 0): number {
	return Math.floor(Date.now() / 1000) + shiftSeconds;
}

interface PrometheusAnswer<T> {
	data: { result: ({ metric: Record<string, string> } & T)[] };
}

/** Value of an instant query that yields one number; 0 without a series. */
export async function prometheusValue(base: string, query: string): Promise<number> {
	const answer = await json<PrometheusAnswer<{ value: [number, string] }>>(
		withQuery(`${base}/api/v1/query`, { query }),
	);
	return Number(answer.data.result[0]?.value[1] ?? 0);
}

/** An exemplar of a histogram. */
export interface Exemplar {
	traceId: string;
	/** Seconds since 1970. */
	at: number;
}

/** Exemplars of the last five minutes. */
export async function exemplars(base: string, query: string): Promise<Exemplar[]> {
	type Answer = { data: { exemplars: { labels: Record<string, string>; timestamp: number }[] }[] };
	const url = withQuery(`${base}/api/v1/query_exemplars`, { query, start: epoch(-300), end: epoch(60) });
	const { data } = await json<Answer>(url);
	return data.flatMap((series) =>
		series.exemplars.map(({ labels, timestamp }) => ({ traceId: labels[traceIdLabel] ?? "", at: timestamp })),
	);
}

/** Grafana's API as the stack's administrator. */
export function grafana<T>(endpoints: Login, path: string, init: RequestInit = {}): Promise<T> {
	return json<T>(`${endpoints.grafana}${path}`, {
		...init,
		headers: { ...asAdministrator(endpoints), "content-type": "application/json" },
	});
}

/** Headers with the login of Grafana's administrator. */
export function asAdministrator({ grafanaUser, grafanaPassword }: Omit<Login, "grafana">): { authorization: string } {
	return { authorization: `Basic ${Buffer.from(`${grafanaUser}:${grafanaPassword}`).toString("base64")}` };
}

/**
 * Repeats a request four times a second until it succeeds.
 *
 * @throws the last error, with the limit, once the time is up.
 */
export async function until<T>(limitSeconds: number, ask: () => Promise<T>): Promise<T> {
	const deadline = Date.now() + limitSeconds * 1000;
	for (;;) {
		try {
			return await ask();
		} catch (error) {
			if (Date.now() > deadline) throw new Error(`${(error as Error).message} (asked for ${limitSeconds} s)`);
		}
		await new Promise((resolve) => setTimeout(resolve, 250));
	}
}
