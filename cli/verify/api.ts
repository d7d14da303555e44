// The servers' HTTP APIs, as far as the command line reads them.

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

/** Headers by which a Grafana knows who asks, by the beginning of the addresses that they are for. */
const signedIn = new Map<string, Record<string, string>>();

/**
 * Addresses for servers that this machine can't reach: Grafana reaches them, and asks them for whoever may. From then on this
 * process is signed in there.
 */
export function throughGrafana(e: Partial<Endpoints> & Login, servers: Server[]): Partial<Record<Server, string>> {
	const proxy = `${e.grafana}/api/datasources/proxy/uid`;
	signedIn.set(`${proxy}/`, asAdministrator(e));
	return Object.fromEntries(servers.map((server) => [server, e[server] ?? `${proxy}/${uid[server]}`]));
}

/** GETs or POSTs JSON. Throws with the status and the beginning of the answer. */
export async function json<T>(url: string, init: RequestInit = {}): Promise<T> {
	return JSON.parse(await text(url, { ...init, headers: { accept: "application/json", ...init.headers } })) as T;
}

/** The same for what is no JSON. */
export async function text(url: string, init: RequestInit = {}): Promise<string> {
	let response: Response;
	try {
		const [, login] = [...signedIn].find(([begin]) => url.startsWith(begin)) ?? [];
		response = await fetch(url, {
			signal: AbortSignal.timeout(15_000),
			...init,
			...(login && { headers: { ...login, ...init.headers } }),
		});
	} catch (error) {
		const { cause, message } = error as Error & { cause?: { code?: string } };
		throw new Error(`${new URL(url).origin}: ${cause?.code ?? message}`);
	}
	const body = await response.text();
	if (!response.ok) throw new Error(`${response.status} from ${url.split("?")[0]}: ${body.trim().slice(0, 300)}`);
	return body;
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

/** Headers by which Grafana knows the stack's administrator. */
export function asAdministrator({ grafanaUser, grafanaPassword }: Omit<Login, "grafana">): { authorization: string } {
	return { authorization: `Basic ${Buffer.from(`${grafanaUser}:${grafanaPassword}`).toString("base64")}` };
}

/** Asks again until an answer comes or the time is up; then throws what stood in the way last. */
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
