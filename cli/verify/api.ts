// The servers' HTTP APIs, as far as the command line reads them.

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
	/** What the stack's packs show. */
	dashboards: { uid: string; title: string }[];
	grafanaUser: string;
	grafanaPassword: string;
}

/** GETs or POSTs JSON. Throws with the status and the beginning of the answer. */
export async function json<T>(url: string, init: RequestInit = {}): Promise<T> {
	const headers = { accept: "application/json", ...init.headers };
	let response: Response;
	try {
		response = await fetch(url, { signal: AbortSignal.timeout(15_000), ...init, headers });
	} catch (error) {
		const { cause, message } = error as Error & { cause?: { code?: string } };
		throw new Error(`${new URL(url).origin}: ${cause?.code ?? message}`);
	}
	const text = await response.text();
	if (!response.ok) throw new Error(`${response.status} from ${url.split("?")[0]}: ${text.trim().slice(0, 300)}`);
	return JSON.parse(text) as T;
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

/**
 * Whether a counter has counted since a moment, from its samples: a sample that differs from the last one before it. A
 * counter that restarted from zero in between differs as well, where a comparison of two sums would not see it.
 */
export async function hasCounted(base: string, selector: string, sinceMs: number): Promise<boolean> {
	const window = `${Math.ceil((Date.now() - sinceMs) / 1000) + 300}s`;
	const url = withQuery(`${base}/api/v1/query`, { query: `${selector}[${window}]` });
	const { data } = await json<PrometheusAnswer<{ values: [number, string][] }>>(url);
	return data.result.some(({ values }) => {
		const before = values.findLast(([t]) => t * 1000 <= sinceMs)?.[1];
		return values.some(([t, value]) => t * 1000 > sinceMs && value !== before);
	});
}

/** Grafana's API as the stack's administrator. */
export function grafana<T>(endpoints: Endpoints, path: string, init: RequestInit = {}): Promise<T> {
	const credentials = Buffer.from(`${endpoints.grafanaUser}:${endpoints.grafanaPassword}`).toString("base64");
	return json<T>(`${endpoints.grafana}${path}`, {
		...init,
		headers: { authorization: `Basic ${credentials}`, "content-type": "application/json" },
	});
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
