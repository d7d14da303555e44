// What leaves the collector: secrets nowhere, and further destinations that can't disturb the stack's own; of traces a part,
// where it samples.

import { randomBytes } from "node:crypto";
import type { Server } from "node:http";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Batch, post } from "../../cli/load/batch.ts";
import { type Endpoints, json, until, withQuery } from "../../cli/verify/api.ts";
import { besideDocker, bridgeAddress } from "./beside.ts";
import { authorization, experiment, MlflowStandIn } from "./mlflow.ts";
import { sampling } from "./sampling.ts";
import { lost, lostOf } from "./sender.ts";
import { TestStack } from "./stack.ts";

const collectorMetrics = 30019;
let stack: TestStack;
let e: Endpoints;

/** A destination of the test's own. */
const destination = {
	server: undefined as Server | undefined,
	answers: 200,
	/** Bodies that it took. */
	taken: [] as Buffer[],
	authorization: new Set<string | undefined>(),
};

const mlflow = new MlflowStandIn();

beforeAll(async () => {
	await mlflow.start();
	const { server, port } = await besideDocker(async (request, response) => {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk);
		const body = Buffer.concat(chunks);
		if (destination.answers === 200)
			destination.taken.push(request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body);
		destination.authorization.add(request.headers.authorization);
		response.writeHead(destination.answers, { "content-type": "application/x-protobuf" }).end();
	});
	destination.server = server;
	stack = await TestStack.create("e2e-destinations", 30000);
	const endpoint = `http://host.docker.internal:${port}`;
	stack.configure({
		size: "small",
		ports: { ...stack.ports, collectorMetrics },
		destinations: [
			{ name: "genai", endpoint, headers: { authorization: "Bearer of: good # news" }, onlyAttributes: ["gen_ai."] },
			{
				name: "mlflow",
				endpoint: `http://host.docker.internal:${mlflow.port}`,
				headers: { "x-mlflow-experiment-id": experiment, authorization },
				onlyAttributes: ["gen_ai."],
			},
			// As one forgets it.
			{
				name: "mlflow-of-nothing",
				endpoint: `http://host.docker.internal:${mlflow.port}`,
				headers: { authorization },
				onlyAttributes: ["gen_ai."],
			},
			{ name: "dead", endpoint: "http://host.docker.internal:9", signals: ["traces", "logs"], queueMiB: 1 },
		],
		redaction: { values: ["\\bACME-\\d+\\b"] },
	});
	const up = await stack.tracestack("up", "--no-verify");
	if (up.code !== 0) throw new Error(up.all);
	e = await stack.endpoints();
});

afterAll(async () => {
	destination.server?.close();
	mlflow.server?.close();
	await stack.remove();
});

type Value = string | number | Value[] | { [key: string]: Value };

/** A value as OTLP has it in JSON. */
function any(value: Value): object {
	if (typeof value === "string") return { stringValue: value };
	if (typeof value === "number") return { intValue: String(value) };
	if (Array.isArray(value)) return { arrayValue: { values: value.map(any) } };
	return { kvlistValue: { values: attributes(value) } };
}

function attributes(map: { [key: string]: Value }) {
	return Object.entries(map).map(([key, value]) => ({ key, value: any(value) }));
}

async function send(signal: "traces" | "metrics" | "logs", payload: object): Promise<void> {
	const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(payload) };
	expect((await fetch(`${e.otlpHttp}/v1/${signal}`, request)).status).toBe(200);
}

describe("secrets", () => {
	// Every one of them has this word in it.
	const word = "hunter2";
	const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
	const session = "3d6f0a1e-5c1b-4f7a-9d53-1c0b7a8e2f11";
	const traceId = randomBytes(16).toString("hex");
	const now = String(BigInt(Date.now()) * 1_000_000n);
	const resource = { attributes: attributes({ "service.name": "leaky", "service.api_key": `${word}-resource` }) };

	it("are sent in every place that has one", async () => {
		const span = {
			traceId,
			spanId: randomBytes(8).toString("hex"),
			name: `GET /reset?token=${word}name&page=2`,
			kind: 2,
			startTimeUnixNano: now,
			endTimeUnixNano: now,
			attributes: attributes({
				"db.password": `${word}-attribute`,
				"pin.secret": 5150515051,
				"http.request.header.authorization": [`Bearer ${word}-in-a-list`],
				"http.request.header.x-note": ["plain", `Bearer ${word}-in-another-list`],
				"app.config": { user: "app", password: `${word}-in-a-map` },
				"url.full": `https://app:${word}url@shop.example/cart?api_key=${word}query&page=2`,
				"aws.note": "uses AKIAIOSFODNN7EXAMPLE",
				"own.note": "card ACME-5150",
				"gen_ai.usage.input_tokens": 42,
				"session.id": session,
				"artifact.digest": digest,
			}),
			events: [
				{
					timeUnixNano: now,
					name: `login token=${word}event`,
					attributes: attributes({ "exception.message": `refused: password="${word} with spaces", user=app` }),
				},
			],
			status: { code: 2, message: `connect postgres://app:${word}status@db/shop failed` },
		};
		await send("traces", { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
		const record = (body: Value) => ({
			timeUnixNano: now,
			traceId,
			body: any(body),
			attributes: attributes({ password: `${word}-log` }),
		});
		const logRecords = [
			record(`payload {"password": "${word}", "kept": "${digest}"}`),
			record({ login: { password: `${word}-map`, user: "app" } }),
		];
		await send("logs", { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] });
		const points = ["a", "b"].map((key) => ({
			timeUnixNano: now,
			asInt: "1",
			attributes: attributes({ api_key: `${word}-${key}`, path: "/cart" }),
		}));
		const metrics = [{ name: "leaky_requests", gauge: { dataPoints: points } }];
		await send("metrics", { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] });
	});

	it("do not reach Tempo, where the rest of their neighbourhood does", async () => {
		await until(20, async () => expect(await lost(e.tempo, [traceId])).toEqual([]));
		const stored = JSON.stringify(await json(`${e.tempo}/api/v2/traces/${traceId}`));
		expect(stored).not.toContain(word);
		for (const secret of ["5150", "AKIA", "ACME-"]) expect(stored).not.toContain(secret);
		for (const text of ["GET /reset?", "&page=2", "db/shop failed", "user=app", session, digest, '"42"', "plain"])
			expect(stored).toContain(text);
	});

	it("do not reach Loki", async () => {
		const query = '{service_name="leaky"}';
		await until(20, async () => {
			const stored = JSON.stringify(await json(withQuery(`${e.loki}/loki/api/v1/query_range`, { query, since: "1h" })));
			expect(stored).toContain(digest);
			expect(stored).toContain("app");
			expect(stored).not.toContain(word);
		});
	});

	it("do not reach Prometheus, where two series stay two", async () => {
		const match = { "match[]": '{__name__="leaky_requests"}' };
		await until(20, async () => {
			const { data } = await json<{ data: unknown[] }>(withQuery(`${e.prometheus}/api/v1/series`, match));
			expect(data).toHaveLength(2);
			expect(JSON.stringify(data)).not.toContain(word);
		});
	});

	it("do not reach another destination, nor do spans that it did not ask for", async () => {
		await until(20, async () => expect(destination.taken.length).toBeGreaterThan(0));
		const taken = Buffer.concat(destination.taken).toString("latin1");
		expect(taken).toContain("gen_ai.usage.input_tokens");
		expect(taken).not.toContain(word);
		expect([...destination.authorization]).toEqual(["Bearer of: good # news"]);
		destination.taken = [];
		const innocent = { "url.full": 'says ,"gen_ai.usage": 1' };
		const span = {
			traceId: randomBytes(16).toString("hex"),
			spanId: randomBytes(8).toString("hex"),
			name: "another",
			startTimeUnixNano: now,
			endTimeUnixNano: now,
			attributes: attributes(innocent),
		};
		await send("traces", { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
		await until(20, async () => expect(await lost(e.tempo, [span.traceId])).toEqual([]));
		expect(Buffer.concat(destination.taken).toString("latin1")).not.toContain("gen_ai");
	});

	it("of a destination are not in the configuration", async () => {
		const files = await stack.read("collector", "/etc/otelcol-contrib/config.yaml");
		expect(files).toContain("destination-genai");
		expect(files).not.toContain("good");
	});
});

describe("MLflow", () => {
	it("refuses what a tracking server refuses", async () => {
		const url = `http://${await bridgeAddress()}:${mlflow.port}/v1/traces`;
		const right = { "content-type": "application/x-protobuf", "x-mlflow-experiment-id": experiment, authorization };
		const { body } = new Batch("asked", 1).next();
		const ask = async (change: Record<string, string | undefined>, payload: Buffer | string = body) => {
			const headers = Object.entries({ ...right, ...change }).filter(
				(one): one is [string, string] => one[1] !== undefined,
			);
			return (await fetch(url, { method: "POST", headers, body: payload })).status;
		};
		expect(await ask({})).toBe(200);
		expect(await ask({ authorization: undefined })).toBe(401);
		expect(await ask({ "x-mlflow-experiment-id": undefined })).toBe(422);
		expect(await ask({ "x-mlflow-experiment-id": "8" })).toBe(404);
		expect(await ask({ "content-type": "application/json" }, '{"resourceSpans":[]}')).toBe(400);
		expect(await ask({ "content-encoding": "gzip" })).toBe(400);
		expect(await ask({}, "")).toBe(400);
	});

	it("takes spans of models as the collector sends them, without their secrets", () => {
		const taken = Buffer.concat(mlflow.taken).toString("latin1");
		expect(taken).toContain("gen_ai.usage.input_tokens");
		expect(taken).not.toContain("hunter2");
	});

	it("without its header takes nothing, which is counted", async () => {
		const failed =
			/^otelcol_exporter_send_failed_spans\S*exporter="otlp_http\/destination-mlflow-of-nothing"\S* (\S+)$/m;
		const healthy = /^otelcol_exporter_send_failed_spans\S*exporter="otlp_http\/destination-mlflow"\S* (\S+)$/m;
		await until(20, async () => {
			const metrics = await (await fetch(`http://127.0.0.1:${collectorMetrics}/metrics`)).text();
			expect(Number(failed.exec(metrics)?.[1])).toBeGreaterThan(0);
			expect(Number(healthy.exec(metrics)?.[1] ?? 0)).toBe(0);
		});
	});
});

describe("a destination that refuses, and one that is dead", () => {
	it("keep nothing from Tempo: what finds no room in their queues is dropped there, and counted", async () => {
		destination.answers = 503;
		destination.taken = [];
		const sender = { acknowledged: [] as string[], service: "undisturbed", since: Date.now() };
		const batch = new Batch(sender.service, 500);
		for (let i = 0; i < 60; i++) {
			const { body, ids } = batch.next();
			expect((await post(e, body))?.status).toBe(200);
			sender.acknowledged.push(...ids);
		}
		expect(await lostOf(e.tempo, sender)).toEqual([]);
		const metrics = await (await fetch(`http://127.0.0.1:${collectorMetrics}/metrics`)).text();
		const dropped = (name: string) =>
			Number(new RegExp(`^otelcol_exporter_enqueue_failed_spans.*${name}.* (\\S+)$`, "m").exec(metrics)?.[1] ?? 0);
		expect(dropped("destination-dead")).toBeGreaterThan(0);
		expect(dropped("otlp_grpc/tempo")).toBe(0);
	});

	it("get what waited for them when they are back", async () => {
		const attribute = attributes({ "gen_ai.system": "waited-for-you" });
		const ids = { traceId: randomBytes(16).toString("hex"), spanId: randomBytes(8).toString("hex") };
		const now = String(BigInt(Date.now()) * 1_000_000n);
		const span = { ...ids, name: "chat", startTimeUnixNano: now, endTimeUnixNano: now, attributes: attribute };
		await send("traces", { resourceSpans: [{ resource: {}, scopeSpans: [{ spans: [span] }] }] });
		await until(20, async () => expect(await lost(e.tempo, [ids.traceId])).toEqual([]));
		destination.answers = 200;
		await until(60, async () =>
			expect(Buffer.concat(destination.taken).toString("latin1")).toContain("waited-for-you"),
		);
	});
});

sampling(() => ({ stack, e }));
