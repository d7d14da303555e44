// What a demo makes is decided by its seed; what is sent is read back from the requests themselves.

import { setTimeout as sleep } from "node:timers/promises";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { describe, expect, it, test } from "vitest";
import { load } from "../../cli/demo/demo.ts";
import { request } from "../../cli/demo/exemplars.ts";
import { seeded } from "../../cli/demo/random.ts";
import { type Demo, World } from "../../cli/demo/world.ts";
import { packs } from "../../components/packs.ts";

const now = Date.UTC(2026, 0, 5, 12);

test("a seed decides the numbers, and they are spread", () => {
	const numbers = (seed: number) => Array.from({ length: 1000 }, seeded(seed).next);
	expect(numbers(1)).toEqual(numbers(1));
	expect(numbers(1)).not.toEqual(numbers(2));
	const mean = numbers(1).reduce((a, b) => a + b) / 1000;
	expect(mean).toBeGreaterThan(0.45);
	expect(mean).toBeLessThan(0.55);
	const random = seeded(3);
	const gaps = Array.from({ length: 1000 }, () => random.exponential(10)).reduce((a, b) => a + b) / 1000;
	expect(gaps).toBeGreaterThan(8);
	expect(gaps).toBeLessThan(12);
	expect(new Set(Array.from({ length: 200 }, () => random.int(1, 3)))).toEqual(new Set([1, 2, 3]));
});

describe("work", () => {
	const world = new World(seeded(1), now);
	world.trace("shop", "checkout", { kind: "SERVER", attributes: { "order.id": "7" } }, (checkout) => {
		checkout.wait(5);
		checkout.span("pay", "charge", { kind: "CLIENT" }, (charge) => {
			charge.wait(20);
			charge.log("ERROR", "card declined");
			charge.fail("declined");
		});
		checkout.wait(3);
	});
	world.meter("shop").createCounter("orders").add(2);
	world.trace("till", "sale", {}, (sale) => {
		sale.wait(1);
		sale.measure({ name: "sums", kind: "histogram", description: "", boundaries: [1, 10] }, 7, { paid: "card" });
		sale.measure({ name: "sums", kind: "histogram", description: "", boundaries: [1, 10] }, 8, { paid: "cash" });
		sale.measure({ name: "sales", kind: "counter", description: "" }, 1);
	});
	const { spans, logs } = world.finished();

	it("lasts as long as what happens in it, and is where it happens", () => {
		const [charge, checkout] = ["charge", "checkout"].map((name) => spans.find((span) => span.name === name)!);
		expect(checkout?.kind).toBe(SpanKind.SERVER);
		expect(charge?.parentSpanContext?.spanId).toBe(checkout?.spanContext().spanId);
		expect(charge?.resource.attributes["service.name"]).toBe("pay");
		expect(checkout?.duration).toEqual([0, 28_000_000]);
		expect(charge?.startTime).toEqual([now / 1000, 5_000_000]);
		expect(charge?.status).toEqual({ code: SpanStatusCode.ERROR, message: "declined" });
		expect(world.now).toBe(now + 29);
	});

	it("logs with the trace's id, at its own time", () => {
		expect(logs[0]?.spanContext?.traceId).toBe(spans[0]?.spanContext().traceId);
		expect(logs[0]?.hrTime).toEqual([now / 1000, 25_000_000]);
	});

	it("counts at the time that it is told, and names the trace in which it did", async () => {
		await sleep(2);
		const measured = await world.metrics(now + 15_000);
		const [point] = measured[0]?.metrics.scopeMetrics[0]?.metrics[0]?.dataPoints ?? [];
		expect(point).toMatchObject({ value: 2, endTime: [now / 1000 + 15, 0] });
		const till = JSON.parse(request(measured.at(-1)!)).resourceMetrics[0].scopeMetrics[0].metrics;
		const { traceId } = spans.find(({ name }) => name === "sale")!.spanContext();
		const points = [...till[0].histogram.dataPoints, ...till[1].sum.dataPoints];
		expect(points.map(({ exemplars }) => exemplars)).toMatchObject(
			[7, 8, 1].map((asDouble) => [{ asDouble, traceId, timeUnixNano: `${now + 29}000000` }]),
		);
		expect(points[0].explicitBounds).toEqual([1, 10]);
		expect((await world.metrics(now + 30_000)).at(-1)?.exemplars).toEqual([]);
	});

	it("is handed over once", () => {
		expect(world.finished()).toEqual({ spans: [], logs: [] });
	});
});

describe.each(packs().filter(({ demo }) => demo))("the demo of $name", ({ name, demo: file, attributes, rules }) => {
	/** Everything but ids, of so many units. */
	const shape = (demo: Demo, seed: number, fault?: string) => {
		const world = new World(seeded(seed), now);
		world.fault = fault;
		for (let i = 0; i < 20; i++) demo.play(world);
		const { spans, logs } = world.finished();
		return {
			took: world.now - now,
			spans: spans.map(({ name, kind, duration, status, attributes, resource }) => ({
				name,
				kind,
				duration,
				status,
				attributes,
				service: resource.attributes["service.name"],
			})),
			logs: logs.map(({ body, severityText }) => `${severityText} ${body}`),
			reports: world.reports.map(({ report }) => report.samples.map(({ name, value }) => [name, value])),
		};
	};

	it("makes the same of the same seed, and something else of another", async () => {
		const demo = await load(name, file ?? "");
		expect(shape(demo, 1)).toEqual(shape(demo, 1));
		expect(shape(demo, 1)).not.toEqual(shape(demo, 2));
	});

	it("has several services, some of whose work fails, and ends in time", async () => {
		const demo = await load(name, file ?? "");
		const { spans, logs, took } = shape(demo, 1);
		expect(new Set(spans.map(({ service }) => service)).size).toBeGreaterThan(1);
		const failed = spans.filter(({ status }) => status.code === SpanStatusCode.ERROR).length;
		expect(failed).toBeGreaterThan(0);
		expect(failed).toBeLessThan(spans.length / 2);
		expect(logs.length).toBeGreaterThan(0);
		expect(took / 20 / 1000).toBeLessThan(demo.longest);
	});

	it("sets every attribute that the pack asks for", async () => {
		const { spans } = shape(await load(name, file ?? ""), 1);
		const set = new Set(spans.flatMap(({ attributes }) => Object.keys(attributes)).map((key) => `span.${key}`));
		expect(attributes.filter((attribute) => attribute.startsWith("span.") && !set.has(attribute))).toEqual([]);
	});

	it("has a fault for every alert", async () => {
		const alerts = rules.flatMap(({ text }) => [...text.matchAll(/- alert: (\w+)/g)].map(([, alert]) => alert));
		const told = Object.values((await load(name, file ?? "")).faults).join("\n");
		expect(alerts.filter((alert) => !new RegExp(`: ${alert}$`, "m").test(told))).toEqual([]);
	});

	it("knows what each fault does", async () => {
		const demo = await load(name, file ?? "");
		for (const fault of Object.keys(demo.faults)) expect(shape(demo, 1, fault), fault).not.toEqual(shape(demo, 1));
	});
});
