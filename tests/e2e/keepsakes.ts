// What people have in a stack and must find again: after an upgrade, after a restore.

import { expect } from "vitest";
import { type Endpoints, epoch, grafana, json, until, withQuery } from "../../cli/verify/api.ts";
import { lost, sendTraces } from "./sender.ts";

const dashboard = "made-by-hand";

/** Traces, series, logs, a dashboard and a silence of a stack that `up` has verified. */
export class Keepsakes {
	/** When they were left, in seconds since 1970. */
	readonly #at: number;
	readonly #traces: string[];
	readonly #samples: number;
	readonly #lines: string[];

	private constructor(at: number, traces: string[], samples: number, lines: string[]) {
		this.#at = at;
		this.#traces = traces;
		this.#samples = samples;
		this.#lines = lines;
	}

	static async leave(e: Endpoints): Promise<Keepsakes> {
		const traces = (await sendTraces(e.otlpHttp, "kept", 200)) ?? [];
		expect(traces).toHaveLength(200);
		await until(30, async () => expect(await lost(e.tempo, traces)).toEqual([]));
		await makeDashboard(e, dashboard);
		const silence = {
			matchers: [{ name: "alertname", value: "ServiceDown", isRegex: false, isEqual: true }],
			startsAt: new Date().toISOString(),
			endsAt: new Date(Date.now() + 3_600_000).toISOString(),
			createdBy: "test",
			comment: "kept",
		};
		const headers = { "content-type": "application/json" };
		await json(`${e.alertmanager}/api/v2/silences`, { method: "POST", headers, body: JSON.stringify(silence) });
		// What was scraped until then is in by now.
		const at = epoch(-2);
		const [count, lines] = await Promise.all([samples(e, at), logs(e, at)]);
		expect(count).toBeGreaterThan(0);
		expect(lines).not.toEqual([]);
		return new Keepsakes(at, traces, count, lines);
	}

	async traces({ tempo }: Endpoints): Promise<void> {
		await until(30, async () => expect(await lost(tempo, this.#traces)).toEqual([]));
	}

	/** Each sample that there was, at its time. */
	async series(e: Endpoints): Promise<void> {
		expect(await samples(e, this.#at)).toBe(this.#samples);
	}

	async logs(e: Endpoints): Promise<void> {
		await until(30, async () => expect(await logs(e, this.#at)).toEqual(this.#lines));
	}

	/** As the administrator. */
	async dashboard(e: Endpoints): Promise<void> {
		await grafana(e, `/api/dashboards/uid/${dashboard}`);
	}

	async silence({ alertmanager }: Endpoints): Promise<void> {
		const silences = await json<{ comment: string }[]>(`${alertmanager}/api/v2/silences`);
		expect(silences.map(({ comment }) => comment)).toContain("kept");
	}
}

/** Makes an empty dashboard by hand. */
export async function makeDashboard(e: Endpoints, uid: string): Promise<void> {
	const made = { uid, title: `By hand: ${uid}`, panels: [], schemaVersion: 38 };
	await grafana(e, "/api/dashboards/db", { method: "POST", body: JSON.stringify({ dashboard: made }) });
}

async function samples({ prometheus }: Endpoints, time: number): Promise<number> {
	const query = 'count_over_time(up{job="tempo"}[10m])';
	type Answer = { data: { result: { value: [number, string] }[] } };
	const answer = await json<Answer>(withQuery(`${prometheus}/api/v1/query`, { query, time }));
	return Number(answer.data.result[0]?.value[1] ?? 0);
}

async function logs({ loki }: Endpoints, end: number): Promise<string[]> {
	const query = '{service_name="tracestack-verify-backend"}';
	type Answer = { data: { result: { values: [string, string][] }[] } };
	const answer = await json<Answer>(withQuery(`${loki}/loki/api/v1/query_range`, { query, start: end - 600, end }));
	return answer.data.result.flatMap(({ values }) => values.map(([at, line]) => `${at} ${line}`)).sort();
}
