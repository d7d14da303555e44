// One application must not harm another: what is malformed, huge or endless, and more than the stack can take. A second
// application sends all the while, and nothing of it is lost.

import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Batch, post } from "../../cli/load/batch.ts";
import { type Endpoints, json, prometheusValue, until } from "../../cli/verify/api.ts";
import { spanMetrics } from "../../components/links.ts";
import { lost, lostOf, Sender } from "./sender.ts";
import { soak } from "./soak.ts";
import { services, TestStack } from "./stack.ts";

let stack: TestStack;
let e: Endpoints;
let before: Record<string, string>;

beforeAll(async () => {
	stack = await TestStack.create("e2e-senders", 32100);
	stack.configure({ size: "small" });
	const up = await stack.tracestack("up", "--no-verify");
	if (up.code !== 0) throw new Error(up.all);
	e = await stack.endpoints();
	before = await stack.running();
});

afterAll(() => stack.remove());

/** Every container is the one that it was, was never started again, and had memory enough. */
async function unharmed(): Promise<void> {
	expect(await stack.running()).toEqual(before);
	const format = "{{.Name}} {{.RestartCount}} {{.State.OOMKilled}}";
	const { stdout } = await execa("docker", ["inspect", "--format", format, ...Object.values(before)]);
	expect(stdout.split("\n").sort()).toEqual(services.map((service) => `/tracestack-${stack.name}-${service} 0 false`));
}

/** Whether Tempo runs with a setting; the 2.8 line does not have them all. */
async function configured(line: string): Promise<boolean> {
	return (await (await fetch(`${e.tempo}/status/config`)).text()).includes(line);
}

/** One span as OTLP has it in JSON, with what is said of it in place. */
async function send(service: string, span: object): Promise<{ id: string; status: number }> {
	const id = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("hex");
	const now = Date.now() * 1_000_000;
	const times = { startTimeUnixNano: String(now), endTimeUnixNano: String(now + 1) };
	const spans = [{ traceId: id, spanId: id.slice(0, 16), name: "odd", kind: 2, ...times, ...span }];
	const attributes = [{ key: "service.name", value: { stringValue: service } }];
	const { status } = await fetch(`${e.otlpHttp}/v1/traces`, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans }] }] }),
	});
	return { id, status };
}

async function spansOf(id: string): Promise<{ name: string }[]> {
	interface Answer {
		trace?: { resourceSpans?: { scopeSpans: { spans: { name: string }[] }[] }[] };
	}
	const { trace } = await json<Answer>(`${e.tempo}/api/v2/traces/${id}`);
	return (trace?.resourceSpans ?? []).flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

describe("a bad sender", () => {
	let other: Sender;
	beforeAll(() => {
		other = new Sender(e.otlpHttp, "well-behaved", 100);
	});

	it("of malformed protobuf is told that it is wrong, and not to try again", async () => {
		for (const body of [
			Buffer.from("not protobuf"),
			Buffer.alloc(1000, 0xff),
			new Batch("cut", 10).next().body.subarray(0, 99),
		])
			expect((await post(e, new Uint8Array(body)))?.status).toBe(400);
	});

	it("of 100 MB at once is refused", async () => {
		const response = await post(e, new Uint8Array(100_000_000));
		// The connection may be closed on it before it has sent all.
		expect([undefined, 400, 413]).toContain(response?.status);
	});

	it("of a trace of 10,000 spans finds all of them", async () => {
		const { body, ids } = new Batch("endless", 1, { spans: 10_000 }).next();
		expect((await post(e, body))?.status).toBe(200);
		await until(30, async () => expect(await spansOf(ids[0] ?? "")).toHaveLength(10_000));
	});

	it.each([1970, 2100])("whose clock says %i finds its trace, and nobody else misses one", async (year) => {
		const at = year === 1970 ? 1_000_000_000n : BigInt(Date.UTC(year, 0)) * 1_000_000n;
		const { id, status } = await send(`from-${year}`, { startTimeUnixNano: `${at}`, endTimeUnixNano: `${at + 1n}` });
		expect(status).toBe(200);
		await until(30, async () => expect(await spansOf(id)).toHaveLength(1));
	});

	it("of NUL and 4-byte characters finds them as they were", async () => {
		const name = "a\0b \u{1f680} \u{10ffff} ńy";
		const { id, status } = await send("odd-\u{1f680}", {
			name,
			attributes: [{ key: "k\0\u{1f680}", value: { stringValue: `v\0\u{1f680}` } }],
		});
		expect(status).toBe(200);
		await until(30, async () => expect(await spansOf(id)).toMatchObject([{ name }]));
	});

	const names = soak ? 100_000 : 10_000;
	it(`of ${names} span names fills no more of Prometheus than one service may`, async () => {
		const { body, ids } = new Batch("names", 1000).next();
		expect(body.indexOf("one of many")).toBeGreaterThan(0);
		for (let sent = 0; sent < names; sent += ids.length) {
			// Tempo estimates how many values a label has every 15 s: what comes before it has noticed is let through.
			if (sent === 2000) await sleep(20_000);
			const next = Buffer.from(body);
			for (let i = next.indexOf("one of many"), n = sent; i >= 0; i = next.indexOf("one of many", i + 1), n++)
				next.write(String(n).padStart(11, "0"), i);
			expect((await post(e, new Uint8Array(next)))?.status).toBe(200);
		}
		const calls = `${spanMetrics.calls}{${spanMetrics.labels.service}="names"}`;
		const active = () => prometheusValue(e.prometheus, "sum(tempo_metrics_generator_registry_active_series)");
		// The 2.8 line has no cap on a label. The one on series holds more or less, and what exceeds it is not counted.
		const capped = await configured("max_cardinality_per_label: 1024");
		const all = capped ? names * 0.99 : 2000;
		await until(60, async () => expect(await prometheusValue(e.prometheus, `sum(${calls})`)).toBeGreaterThan(all));
		const distinct = await prometheusValue(e.prometheus, `count(${calls})`);
		console.log(`${names} names: ${distinct} in Prometheus, ${await active()} series`);
		expect(distinct).toBeLessThan(capped ? 2100 : names);
		if (capped) expect(await active()).toBeLessThanOrEqual(51_200);
	});

	it("has harmed nobody", async () => {
		await other.stop();
		expect(other.acknowledged.length).toBeGreaterThan(1000);
		expect(await lostOf(e.tempo, other)).toEqual([]);
		await unharmed();
	});
});

describe(`more than the stack can take, for ${soak ? "five minutes" : "20 seconds"}`, () => {
	it("is taken and stored, or refused: nothing is lost, and no server ends", async () => {
		const batch = new Batch("overload", 20, { spans: 50 });
		const acknowledged: string[] = [];
		const answers = new Map<number | undefined, number>();
		const since = Date.now();
		// Nothing limits what the 2.8 line holds at once. It is killed by this, so it gets a tenth.
		const pauseMs = (await configured("max_live_traces_bytes: 16777216")) ? 0 : 1500;
		const flood = async () => {
			while (Date.now() < since + (soak ? 300_000 : 20_000)) {
				const { body, ids } = batch.next();
				const response = await post(e, body);
				if (response?.ok) acknowledged.push(...ids);
				answers.set(response?.status, (answers.get(response?.status) ?? 0) + 1);
				await response?.text();
				await sleep(pauseMs);
			}
		};
		await Promise.all(Array.from({ length: 32 }, flood));
		const seconds = (Date.now() - since) / 1000;
		const rate = ((acknowledged.length * 50) / seconds).toFixed(0);
		console.log(`${acknowledged.length * 50} spans taken, ${rate} a second; answers ${JSON.stringify([...answers])}`);

		const after = Date.now();
		const { body, ids } = new Batch("after-overload", 1).next();
		await until(60, async () => expect((await post(e, body))?.status).toBe(200));
		await until(soak ? 900 : 120, async () => expect(await lost(e.tempo, ids)).toEqual([]));
		console.log(`recovered after ${((Date.now() - after) / 1000).toFixed(1)} s`);

		await unharmed();
		const missing = await lostOf(e.tempo, { acknowledged, service: "overload", since });
		expect(missing).toHaveLength(0);
		for (const id of acknowledged.filter((_, i) => i % 1000 === 0)) expect(await spansOf(id)).toHaveLength(50);
		await unharmed();
	});
});
