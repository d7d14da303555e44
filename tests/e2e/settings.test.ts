// Settings on a running stack: a wrong one changes nothing, a right one only what it names, and none loses data. The same
// stack is killed, starved and held against policies.

import type { Server } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Endpoints, json, prometheusValue, until, withQuery } from "../../cli/verify/api.ts";
import { besideDocker } from "./beside.ts";
import { survivesKills, survivesRefusals } from "./durability.ts";
import { policies } from "./policies.ts";
import { lost, lostOf, Sender, sendTraces } from "./sender.ts";
import { TestStack } from "./stack.ts";

const tempoOtlpHttp = 26018;
const collectorMetrics = 26019;
let stack: TestStack;
let e: Endpoints;
let application: Server;
let settings: Record<string, unknown>;

beforeAll(async () => {
	stack = await TestStack.create("e2e-settings", 26000);
	const beside = await besideDocker((_, response) => {
		response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end("app_answers 42\n");
	});
	application = beside.server;
	settings = {
		size: "small",
		ports: { ...stack.ports, tempoOtlpHttp, collectorMetrics },
		scrapes: [{ job: "app", targets: [`host.docker.internal:${beside.port}`], interval: "2s" }],
	};
});

afterAll(async () => {
	application.close();
	await stack.remove();
});

/** Services whose container is another one after the settings have changed. */
async function replacedBy(changed: Record<string, unknown>): Promise<string[]> {
	const before = await stack.running();
	stack.configure({ ...settings, ...changed });
	const up = await stack.tracestack("up", "--no-verify");
	expect(up.code, up.all).toBe(0);
	const after = await stack.running();
	const services = new Set([...Object.keys(before), ...Object.keys(after)]);
	return [...services].filter((service) => before[service] !== after[service]).sort();
}

describe("a wrong setting", () => {
	it("is named with what is allowed, and nothing is created", async () => {
		stack.configure({ size: "huge", logs: { retension: "1h" } });
		const up = await stack.tracestack("up");
		expect(up.code).toBe(1);
		expect(up.all).toMatch(/Pulumi\.e2e-settings\.yaml has 2 mistakes/);
		expect(up.all).toMatch(/tracestack:size is "huge"\s+allowed: small, medium, large/);
		expect(up.all).toMatch(/tracestack:logs\.retension is no setting\s+did you mean tracestack:logs\.retention\?/);
		for (const kind of ["container", "network", "volume"] as const)
			expect(await stack.resources(kind), kind).toEqual([]);
	});
});

describe("settings of its own", () => {
	it("a small stack holds every link", async () => {
		stack.configure(settings);
		const up = await stack.tracestack("up");
		expect(up.code, up.all).toBe(0);
		e = await stack.endpoints();
	});

	it("publishes ports that have no default, and scrapes what runs beside Docker", async () => {
		expect(await sendTraces(`http://127.0.0.1:${tempoOtlpHttp}`, "past-the-collector", 1)).toHaveLength(1);
		const metrics = await fetch(`http://127.0.0.1:${collectorMetrics}/metrics`);
		expect(await metrics.text()).toContain("otelcol_receiver_accepted_spans");
		await until(30, async () => expect(await prometheusValue(e.prometheus, 'app_answers{job="app"}')).toBe(42));
	});
});

const scene = () => ({ stack, e, settings });

policies(scene);
survivesKills(scene);

let sender: Sender;

describe("a changed setting", () => {
	it("touches only its own container", async () => {
		sender = new Sender(e.otlpHttp, "changing");
		const changed = { tempo: { retention: "2d" }, ports: { ...stack.ports, tempoOtlpHttp } };
		expect(await replacedBy(changed)).toEqual(["collector", "tempo"]);
		settings = { ...settings, ...changed };
	});

	it("has lost no acknowledged span", async () => {
		await sender.stop();
		expect(sender.acknowledged.length).toBeGreaterThan(100);
		expect(await lostOf(e.tempo, sender)).toEqual([]);
	});

	it("that switches logs off leaves them on their volume, for when they are switched on again", async () => {
		expect(await replacedBy({ logs: { enabled: false } })).toEqual(["collector", "loki", "prometheus"]);
		expect(Object.keys(await stack.running())).not.toContain("loki");
		expect(await stack.resources("volume")).toContain("tracestack-e2e-settings-loki-data");
		const verify = await stack.tracestack("verify");
		expect(verify.code, verify.all).toBe(0);

		settings = { ...settings, collector: { queueMiB: 1 } };
		expect(await replacedBy({})).toEqual(["collector", "loki", "prometheus"]);
		const query = '{service_name="tracestack-verify-backend"}';
		const earlier = { query, start: Math.floor(Date.now() / 1000) - 1800, limit: 10 };
		const { data } = await json<{ data: { result: unknown[] } }>(
			withQuery(`${e.loki}/loki/api/v1/query_range`, earlier),
		);
		expect(data.result).not.toEqual([]);
	});
});

survivesRefusals(scene);

describe("a changed setting", () => {
	it("that renames everything takes the data along", async () => {
		expect(await replacedBy({ namePrefix: "e2e-renamed" })).toHaveLength(6);
		expect((await stack.resources("container")).every((name) => name.startsWith("e2e-renamed-"))).toBe(true);
		expect(await lost(e.tempo, sender.acknowledged.slice(0, 20))).toEqual([]);
	});
});
