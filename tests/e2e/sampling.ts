// Not every trace is stored, and every request is counted.

import { beforeAll, describe, expect, it } from "vitest";
import { type Endpoints, epoch, exemplars, json, prometheusValue, until, withQuery } from "../../cli/verify/api.ts";
import { spanMetrics } from "../../components/links.ts";
import { directions, Example, eventually } from "./contract.ts";
import { lost, sendRequests } from "./sender.ts";
import type { TestStack } from "./stack.ts";

/** How many requests of a service were counted, by what `labels` select. */
function counted(e: Endpoints, service: string, metric: string = spanMetrics.calls, labels = ""): Promise<number> {
	return prometheusValue(e.prometheus, `sum(${metric}{${spanMetrics.labels.service}="${service}"${labels}})`);
}

/** How many traces of a service are stored. */
async function stored(e: Endpoints, service: string): Promise<number> {
	const q = `{ resource.service.name = "${service}" }`;
	const search = { q, start: epoch(-300), end: epoch(60), limit: 10_000, spss: 1 };
	const { traces = [] } = await json<{ traces?: unknown[] }>(withQuery(`${e.tempo}/api/search`, search));
	return traces.length;
}

/** @param scene Asked when a test runs: by then the stack is up, and gets other settings. */
export function sampling(scene: () => { stack: TestStack; e: Endpoints }): void {
	describe("a tenth of the traces", () => {
		const wanted: string[] = [];

		beforeAll(async () => {
			const { stack, e } = scene();
			stack.configure({
				size: "small",
				sampling: { tail: { percent: 10, slowerThan: "2s", attributes: [{ name: "run.id" }], waitSeconds: 3 } },
				spanMetrics: { dimensions: ["run.id"] },
			});
			const up = await stack.tracestack("up");
			expect(up.code, up.all).toBe(0);
			for (let i = 0; i < 4; i++) await sendRequests(e.otlpHttp, "tail", 500, {});
			wanted.push(...(await sendRequests(e.otlpHttp, "wanted", 20, { failed: true })));
			wanted.push(...(await sendRequests(e.otlpHttp, "wanted", 20, { seconds: 3 })));
			wanted.push(...(await sendRequests(e.otlpHttp, "wanted", 20, { attributes: { "run.id": "r1" } })));
		});

		it("is kept, and all that failed, were slow, or belong to a run", async () => {
			await until(30, async () => expect(await lost(scene().e.tempo, wanted)).toEqual([]));
			const share = (await stored(scene().e, "tail")) / 2000;
			console.log(`${(share * 100).toFixed(1)} % kept`);
			// Six standard deviations of 2,000 draws.
			expect(share).toBeGreaterThan(0.06);
			expect(share).toBeLessThan(0.14);
		});

		it("and all of them are counted, by the names that they have without sampling", async () => {
			const failed = `,${spanMetrics.labels.statusCode}="${spanMetrics.error}"`;
			await until(30, async () => expect(await counted(scene().e, "tail")).toBe(2000));
			expect(await counted(scene().e, "tail", `${spanMetrics.latency}_count`)).toBe(2000);
			expect(await counted(scene().e, "wanted")).toBe(60);
			expect(await counted(scene().e, "wanted", spanMetrics.calls, failed)).toBe(20);
			expect(await counted(scene().e, "wanted", spanMetrics.calls, ',run_id="r1"')).toBe(20);
			expect(await counted(scene().e, "wanted", `${spanMetrics.latency}_bucket`, ',le="2.048"')).toBe(40);
		});

		it("exemplars lead to those that are kept", async () => {
			const failed = `${spanMetrics.latency}_bucket{${spanMetrics.labels.service}="wanted",${spanMetrics.labels.statusCode}="${spanMetrics.error}"}`;
			const { e } = scene();
			await until(30, async () => {
				const named = (await exemplars(e.prometheus, failed)).map(({ traceId }) => traceId);
				expect(named.length).toBeGreaterThan(0);
				expect(await lost(e.tempo, named)).toEqual([]);
			});
		});
	});

	describe("with metrics that the collector makes", () => {
		let example: Example;
		beforeAll(async () => {
			example = await Example.sent(scene().e);
		});
		it.each(directions)("%s", (_, check) => eventually(() => check(scene().e, example)));
	});

	describe("a quarter of the traces, by their ids", () => {
		it("is kept, and all are counted", async () => {
			const { stack, e } = scene();
			stack.configure({ size: "small", sampling: { percent: 25 } });
			const up = await stack.tracestack("up", "--no-verify");
			expect(up.code, up.all).toBe(0);
			for (let i = 0; i < 4; i++) await sendRequests(e.otlpHttp, "head", 500, {});
			await until(30, async () => expect(await counted(e, "head")).toBe(2000));
			const share = (await stored(e, "head")) / 2000;
			console.log(`${(share * 100).toFixed(1)} % kept`);
			expect(share).toBeGreaterThan(0.19);
			expect(share).toBeLessThan(0.31);
		});
	});
}
