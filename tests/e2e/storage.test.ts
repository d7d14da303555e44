// Where traces and logs lie: on the services' own volumes, or in an object store of the stack's own.

import { afterAll, beforeAll, expect, it } from "vitest";
import { json, until, withQuery } from "../../cli/verify/api.ts";
import { makeSignals } from "../../cli/verify/signals.ts";
import { lost, sendTraces } from "./sender.ts";
import { TestStack } from "./stack.ts";

let stack: TestStack;
let onVolume: string[] = [];

beforeAll(async () => {
	stack = await TestStack.create("e2e-storage", 31000);
});

afterAll(() => stack.remove());

it("a local stack has its traces on Tempo's volume", async () => {
	const up = await stack.tracestack("up", "--no-verify");
	expect(up.code, up.all).toBe(0);
	const { otlpHttp, tempo } = await stack.endpoints();
	onVolume = (await sendTraces(otlpHttp, "on-the-volume", 20)) ?? [];
	await until(20, async () => expect(await lost(tempo, onVolume)).toEqual([]));
});

it("moved to an object store of its own, it says what becomes of the old ones, and holds every link", async () => {
	stack.configure({ storage: { backend: "s3" } });
	const up = await stack.tracestack("up");
	expect(up.code, up.all).toBe(0);
	expect(up.all).toContain("traces and logs are stored in the stack's own S3 server from now on");
	expect(up.all).toContain("what lies in each service's own volume stays there");
});

it("traces and logs lie in the bucket, and are found there by servers that have just started", async () => {
	const e = await stack.endpoints();
	const ids = (await sendTraces(e.otlpHttp, "in-the-bucket", 20)) ?? [];
	const signals = makeSignals();
	await signals.sendLog(e.otlpHttp);
	const query = `{service_name=~".+"} | trace_id="${signals.traceId}"`;
	const logged = async () => {
		const { data } = await json<{ data: { result: unknown[] } }>(
			withQuery(`${e.loki}/loki/api/v1/query_range`, { query, since: "1h" }),
		);
		expect(data.result).toHaveLength(1);
	};
	await until(20, async () => expect(await lost(e.tempo, ids)).toEqual([]));
	await until(20, logged);
	await fetch(`${e.loki}/flush`, { method: "POST" });

	// A server that stops hands over what it holds.
	await Promise.all(["tempo", "loki"].map((service) => stack.container(service, "restart")));
	await until(30, async () => {
		const files = await stack.files("objectstore-data");
		expect(files).toContainEqual(expect.stringMatching(/^tracestack\/tempo\/single-tenant\/.*\/meta\.json$/));
		expect(files).toContainEqual(expect.stringMatching(/^tracestack\/loki\/fake\//));
		expect(files).toContainEqual(expect.stringMatching(/^tracestack\/loki\/index\//));
	});
	await until(30, async () => expect(await lost(e.tempo, ids)).toEqual([]));
	await until(30, logged);
});

it("status compares what the servers keep, and where, with what was declared", async () => {
	const status = await stack.tracestack("status", "--json");
	expect(status.code, status.all).toBe(0);
	expect(JSON.parse(status.stdout).kept).toEqual([
		{ what: "traces", declared: "336h, s3", reported: "336h, s3", ok: true },
		{ what: "metrics", declared: "360h, local", reported: "360h, local", ok: true },
		{ what: "logs", declared: "168h, s3", reported: "168h, s3", ok: true },
	]);
});

it("moved back, it finds the old traces, and leaves the object store's volume alone", async () => {
	stack.configure();
	const up = await stack.tracestack("up", "--no-verify");
	expect(up.code, up.all).toBe(0);
	const { tempo } = await stack.endpoints();
	await until(30, async () => expect(await lost(tempo, onVolume)).toEqual([]));
	expect(Object.keys(await stack.running())).not.toContain("objectstore");
	expect(await stack.files("objectstore-data")).toContainEqual(expect.stringContaining("meta.json"));
});
