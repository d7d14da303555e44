// How a demo's time passes and is sent: to a server that writes down what it was sent.

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { playAll } from "../../cli/demo/demo.ts";
import { play } from "../../cli/demo/play.ts";
import type { Demo } from "../../cli/demo/world.ts";
import type { Endpoints } from "../../cli/verify/api.ts";

let server: Server;
let e: Endpoints;
let answers = 200;
const requests: { path: string; authorization: string | undefined; body: Buffer }[] = [];

beforeAll(async () => {
	server = createServer(async (request, response) => {
		const body = await buffer(request);
		requests.push({ path: request.url ?? "", authorization: request.headers.authorization, body });
		response.writeHead(answers).end();
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	const otlpHttp = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	e = { otlpHttp, otlpToken: "t0ken", loki: "there" } as Endpoints;
});

afterAll(() => server.close());

beforeEach(() => {
	answers = 200;
	requests.length = 0;
});

/** When each unit began, and what went wrong then. */
function recorded(): { demo: Demo; begun: { at: number; fault: string | undefined }[] } {
	const begun: { at: number; fault: string | undefined }[] = [];
	const demo: Demo = {
		units: "orders",
		perMinute: 6,
		longest: 2,
		faults: { late: "orders are late" },
		play(world) {
			begun.push({ at: world.now, fault: world.fault });
			world.trace("shop", "order", {}, (work) => {
				work.wait(1500);
				work.log("INFO", "ordered");
			});
			world.meter("shop").createCounter("orders").add(1);
			world.report({ source: "till", correlation: { runId: "1", branch: "main", traceIds: [] }, summary: { sold: 3 } });
		},
	};
	return { demo, begun };
}

const now = Date.now();
const options = { perMinute: 12, minutes: 5, seed: 1, betweenHalves: 0 };

describe("play", () => {
	it("fills the time up to now, and sends all of it with the token", async () => {
		const { demo, begun } = recorded();
		const sent = await play(e, demo, options, now);
		expect(begun[0]?.at).toBe(now - 5 * 60_000);
		expect(begun.at(-1)?.at).toBeLessThanOrEqual(now - 2000);
		expect(begun.at(-1)?.at).toBeGreaterThan(now - 60_000);
		// 12 a minute, more or less.
		expect(begun.length).toBeGreaterThan(40);
		expect(begun.length).toBeLessThan(80);
		const { units, traces, spans, logs, reports } = sent;
		expect({ units, traces, spans, logs, reports }).toEqual(
			Object.fromEntries(["units", "traces", "spans", "logs", "reports"].map((what) => [what, begun.length])),
		);
		expect(sent.traceId).toMatch(/^[0-9a-f]{32}$/);
		expect(new Set(requests.map(({ path }) => path))).toEqual(new Set(["/v1/traces", "/v1/metrics", "/v1/logs"]));
		expect(new Set(requests.map(({ authorization }) => authorization))).toEqual(new Set(["Bearer t0ken"]));
	});

	it("lets a fault begin half way", async () => {
		const { demo, begun } = recorded();
		await play(e, demo, { ...options, fault: "late" }, now);
		const half = now - 2.5 * 60_000;
		expect(begun.filter(({ at, fault }) => (fault === "late") !== at > half)).toEqual([]);
		expect(begun.some(({ fault }) => fault)).toBe(true);
	});

	it("pauses half way, so that what is counted grows", async () => {
		const started = performance.now();
		await play(e, recorded().demo, { ...options, minutes: 1, betweenHalves: 200 }, now);
		expect(performance.now() - started).toBeGreaterThan(199);
	});

	it("sends no logs where none are taken", async () => {
		const { logs } = await play({ ...e, loki: undefined } as unknown as Endpoints, recorded().demo, options, now);
		expect(logs).toBe(0);
		expect(requests.map(({ path }) => path)).not.toContain("/v1/logs");
	});

	it("goes on until it is stopped", async () => {
		const { demo, begun } = recorded();
		const stop = new AbortController();
		const playing = play(e, { ...demo, longest: 0 }, { ...options, perMinute: 600, minutes: 0.2, follow: stop.signal });
		setTimeout(() => stop.abort(), 1500);
		const started = Date.now();
		await playing;
		expect(Date.now() - started).toBeLessThan(5000);
		expect(begun.some(({ at }) => at > started - 4000)).toBe(true);
	});

	it("measures at the time that it has come to, also after its history: Prometheus refuses a second value for one moment", async () => {
		const { demo } = recorded();
		const stop = new AbortController();
		const early = Date.now() - 60_000;
		const playing = play(e, { ...demo, longest: 0 }, { ...options, minutes: 1, follow: stop.signal }, early);
		setTimeout(() => stop.abort(), 1000);
		await playing;
		const times = requests
			.filter(({ path }) => path === "/v1/metrics")
			.flatMap(({ body }) => /"timeUnixNano":"(\d+)\d{6}"/.exec(`${body}`)?.[1] ?? [])
			.map(Number);
		expect(times.filter((time) => time > early).length).toBeGreaterThan(3);
		expect(new Set(times).size).toBe(times.length);
	});

	it("says what it was told when it is refused", async () => {
		answers = 400;
		await expect(play(e, recorded().demo, options, now)).rejects.toThrow(/Bad Request|400/);
	});

	it.each([
		[undefined, 0],
		[true, 1],
	])("holds an interrupt back only while it goes on in real time: %s", async (follow, held) => {
		answers = 400;
		const before = process.listenerCount("SIGINT");
		const playing = playAll([{ pack: "till", demo: recorded().demo }], e, {
			minutes: 1,
			seed: 1,
			...(follow && { follow }),
		});
		expect(process.listenerCount("SIGINT") - before).toBe(held);
		await expect(playing).rejects.toThrow(/Bad Request|400/);
		expect(process.listenerCount("SIGINT")).toBe(before);
	});
});
