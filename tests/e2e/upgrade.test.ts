// From an earlier catalogue to the one under test, whatever the versions: nothing that was stored or made by hand is lost.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { epoch, grafana, json, until, withQuery } from "../../cli/verify/api.ts";
import { parseSettings } from "../../settings.ts";
import { lost, sendTraces } from "./sender.ts";
import { services, TestStack } from "./stack.ts";

const earlier = process.env.TRACESTACK_IMAGES_EARLIER ?? "";
const dashboard = "made-by-hand";
let stack: TestStack;
let traces: string[] = [];
let password: string;
let before: { at: number; running: Record<string, string> };

beforeAll(async () => {
	stack = await TestStack.create("e2e-upgrade", 24000);
});

afterAll(() => stack.remove());

/** Services whose image is another one in the catalogue under test. */
function upgraded(): string[] {
	const { images } = parse(readFileSync(earlier, "utf8")) as { images: Record<string, { image: string }> };
	const settings = parseSettings({}, { project: "tracestack", name: stack.name }, process.env.TRACESTACK_IMAGES);
	return services.filter((service) => images[service]?.image !== settings.image(service).image);
}

describe("a stack on the releases before", () => {
	it("holds every link, and has versions to gain", async () => {
		expect(upgraded().length).toBeGreaterThan(0);
		const up = await stack.tracestack("up", "--images", earlier);
		expect(up.code, up.all).toBe(0);
	});

	it("stores traces, and what people make", async () => {
		const e = await stack.endpoints();
		traces = (await sendTraces(e.otlpHttp, "before-the-upgrade", 200)) ?? [];
		expect(traces).toHaveLength(200);
		await until(30, async () => expect(await lost(e.tempo, traces)).toEqual([]));
		await grafana(e, "/api/dashboards/db", {
			method: "POST",
			body: JSON.stringify({ dashboard: { uid: dashboard, title: "Made by hand", panels: [], schemaVersion: 38 } }),
		});
		const silence = {
			matchers: [{ name: "alertname", value: "ServiceDown", isRegex: false, isEqual: true }],
			startsAt: new Date().toISOString(),
			endsAt: new Date(Date.now() + 3_600_000).toISOString(),
			createdBy: "test",
			comment: "kept",
		};
		const headers = { "content-type": "application/json" };
		await json(`${e.alertmanager}/api/v2/silences`, { method: "POST", headers, body: JSON.stringify(silence) });
		password = e.grafanaPassword;
		before = { at: epoch(), running: await stack.running() };
	});
});

describe("the releases under test", () => {
	it("replace the containers of other versions, and no other", async () => {
		const up = await stack.tracestack("up");
		expect(up.code, up.all).toBe(0);
		const after = await stack.running();
		expect(services.filter((service) => after[service] !== before.running[service])).toEqual(upgraded());
	});

	it("find every trace", async () => {
		const { tempo } = await stack.endpoints();
		await until(30, async () => expect(await lost(tempo, traces)).toEqual([]));
	});

	it("find series and logs from before", async () => {
		const { prometheus, loki } = await stack.endpoints();
		const query = 'count_over_time(up{job="tempo"}[10m])';
		type Samples = { data: { result: { value: [number, string] }[] } };
		const samples = await json<Samples>(withQuery(`${prometheus}/api/v1/query`, { query, time: before.at }));
		expect(Number(samples.data.result[0]?.value[1])).toBeGreaterThan(0);
		const logs = await json<{ data: { result: unknown[] } }>(
			withQuery(`${loki}/loki/api/v1/query_range`, {
				query: '{service_name="tracestack-verify-backend"}',
				start: before.at - 600,
				end: before.at,
			}),
		);
		expect(logs.data.result).not.toEqual([]);
	});

	it("find dashboard, silence and login", async () => {
		const e = await stack.endpoints();
		expect(e.grafanaPassword).toBe(password);
		await grafana(e, `/api/dashboards/uid/${dashboard}`);
		const silences = await json<{ comment: string }[]>(`${e.alertmanager}/api/v2/silences`);
		expect(silences.map(({ comment }) => comment)).toContain("kept");
	});
});
