// From a real Jaeger to the stack and back: an application sends to Jaeger only, to both, to the stack only.

import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { journalFile } from "../../cli/migrate/journal.ts";
import { root, stateDir } from "../../cli/paths.ts";
import { type Endpoints, epoch, json, until, withQuery } from "../../cli/verify/api.ts";
import { readCatalogue } from "../../settings/catalogue.ts";
import { bridgeAddress } from "./beside.ts";
import { type PlainSpan, sendJaegerGrpc, sendJaegerThrift, sendZipkin } from "./formats.ts";
import { lost, sendTraces } from "./sender.ts";
import { TestStack } from "./stack.ts";

const container = "tracestack-e2e-jaeger-source";
const [ui, otlp] = [32350, 32351];
const jaeger = `http://127.0.0.1:${ui}`;
const settings = { size: "small", collector: { jaeger: true, zipkin: true }, tempo: { backfill: "4d" } };
let stack: TestStack;
let e: Endpoints;

/** Telemetry of before there was a stack: traces of up to three services, over three days. */
const history = Array.from({ length: 450 }, (_, i) => trace(i));

beforeAll(async () => {
	const { image } = readCatalogue(process.env.TRACESTACK_IMAGES ?? "configs/versions.yaml").jaeger ?? {};
	const publish = [`127.0.0.1:${ui}:16686`, `127.0.0.1:${otlp}:4318`, `${await bridgeAddress()}:${otlp}:4318`];
	const ports = publish.flatMap((port) => ["--publish", port]);
	await execa("docker", ["rm", "--force", container], { reject: false });
	const named = ["--name", container, "--label", "tracestack.test=e2e-jaeger"];
	await execa("docker", ["run", "--detach", ...named, ...ports, `${image}`]);
	await until(60, () => json(`${jaeger}/api/v3/services`));
	for (let i = 0; i < history.length; i += 50) {
		const body = JSON.stringify({
			resourceSpans: history.slice(i, i + 50).flatMap(({ resourceSpans }) => resourceSpans),
		});
		const headers = { "content-type": "application/json" };
		const response = await fetch(`http://127.0.0.1:${otlp}/v1/traces`, { method: "POST", headers, body });
		expect(response.status).toBe(200);
	}

	stack = await TestStack.create("e2e-jaeger", 32300);
	rmSync(journalFile(stateDir, jaeger, stack.name), { force: true });
	const destination = { name: "jaeger", endpoint: `http://host.docker.internal:${otlp}` };
	stack.configure({ ...settings, destinations: [destination] });
	const up = await stack.tracestack("up", "--no-verify");
	if (up.code !== 0) throw new Error(up.all);
	e = await stack.endpoints();
});

afterAll(async () => {
	await execa("docker", ["rm", "--force", container], { reject: false });
	rmSync(journalFile(stateDir, jaeger, stack.name), { force: true });
	await stack.remove();
});

/** Two to four spans of one to three services, with an error, an event, a link and every type of attribute. */
function trace(i: number) {
	const id = (what: string, bytes: number) =>
		createHash("sha256")
			.update(`${i} ${what}`)
			.digest("hex")
			.slice(0, 2 * bytes);
	const traceId = id("trace", 16);
	const start = BigInt(Date.now() - 3_600_000 - Math.round((i / 450) * 3 * 86_400_000)) * 1_000_000n + 123_456n;
	const at = (ms: number) => String(start + BigInt(ms) * 1_000_000n);
	const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
	const services = ["shop", "cart", "pay"].slice(0, 1 + (i % 3));
	const span = (service: string, name: string, more = {}) => ({
		resource: { attributes: [text("service.name", service), text("host.name", `${service}-1`)] },
		scopeSpans: [
			{
				scope: { name: "shop-lib", version: "1.2" },
				spans: [
					{
						traceId,
						spanId: id(service + name, 8),
						name,
						kind: 2,
						startTimeUnixNano: at(services.indexOf(service) * 10),
						endTimeUnixNano: at(90),
						...more,
					},
				],
			},
		],
	});
	const attributes = [
		{ key: "cart.total", value: { intValue: "9007199254740993" } },
		{ key: "cart.weight", value: { doubleValue: 1.5 } },
		{ key: "cart.gift", value: { boolValue: true } },
		text("user", "grüße"),
		text("db.password", "hunter2"),
	];
	const failed = {
		kind: 1,
		parentSpanId: id("shopGET /", 8),
		status: { code: 2, message: "card declined" },
		events: [{ timeUnixNano: at(50), name: "exception", attributes: [text("exception.message", "declined")] }],
		links: [{ traceId: id("other", 16), spanId: id("other", 8), attributes: [] }],
		attributes,
	};
	const others = services.slice(1).map((service) => span(service, "call", { parentSpanId: id("shopGET /", 8) }));
	const resourceSpans = [span("shop", "GET /", { attributes }), span("shop", "SELECT", failed), ...others];
	return { traceId, services, spans: resourceSpans.length, resourceSpans };
}

const expected = {
	traces: history.length,
	spans: history.reduce((sum, { spans }) => sum + spans, 0),
};

/** Every span of a trace as it is stored, one after the other: also those that came twice. */
async function stored(traceId: string) {
	type Attributes = { key: string; value: object }[];
	type Stored = { name: string; startTimeUnixNano: string; attributes?: Attributes; links?: object[] };
	type Answer = { trace: { resourceSpans: { resource: object; scopeSpans: { scope: object; spans: Stored[] }[] }[] } };
	const { trace } = await json<Answer>(`${e.tempo}/api/v2/traces/${traceId}`);
	return trace.resourceSpans.flatMap(({ resource, scopeSpans }) =>
		scopeSpans.flatMap(({ scope, spans }) => spans.map((span) => ({ resource, scope, ...span }))),
	);
}

const migrate = (...args: string[]) =>
	stack.tracestack("migrate", "jaeger", "--from", jaeger, "--since", "4d", "--json", ...args);

describe("history", () => {
	it("goes on being copied where a killed run stopped", async () => {
		const journal = journalFile(stateDir, jaeger, stack.name);
		const args = ["migrate", "jaeger", "--from", jaeger, "--since", "4d", "--stack", stack.name];
		const run = execa(join(root, "tracestack"), args, { cwd: root, reject: false, stdio: "ignore" });
		const ended = run.then(() => true);
		const copied = () => existsSync(journal) && /"traces":\{"/.test(readFileSync(journal, "utf8"));
		while (!copied() && !(await Promise.race([ended, sleep(2, false)])));
		run.kill("SIGKILL");
		await ended;
		const noted = readFileSync(journal, "utf8");
		expect(noted).not.toContain("found");

		const rest = await migrate();
		expect(rest.code, rest.all).toBe(0);
		expect(rest.all).toContain("continuing");
		expect(readFileSync(journal, "utf8").startsWith(noted.slice(0, noted.lastIndexOf("\n") + 1))).toBe(true);
		const { services, traces, spans, missing, incomplete } = JSON.parse(rest.stdout);
		expect({ missing, incomplete }).toEqual({ missing: [], incomplete: [] });
		expect(traces).toEqual({ jaeger: expected.traces, tempo: expected.traces });
		expect(spans).toEqual({ jaeger: expected.spans, tempo: expected.spans });
		const per = (service: string) => history.filter((one) => one.services.includes(service)).length;
		expect(services.map(({ name, traces }: { name: string; traces: object }) => [name, traces])).toEqual(
			["cart", "pay", "shop"].map((name) => [name, { jaeger: per(name), tempo: per(name) }]),
		);
	});

	it("is what it was: ids, times, attributes, events and links; but for its secrets", async () => {
		for (const { traceId, spans } of [history[2]!, history[400]!, history[449]!]) {
			const all = await stored(traceId);
			expect(all).toHaveLength(spans);
			expect(JSON.stringify(all)).not.toContain("hunter2");
		}
		const { traceId, resourceSpans } = history[449]!;
		const sent = resourceSpans[1]!.scopeSpans[0]!.spans[0] as Record<string, unknown>;
		const found = (await stored(traceId)).find(({ name }) => name === "SELECT")!;
		const base64 = (hex: unknown) => Buffer.from(`${hex}`, "hex").toString("base64");
		expect(found).toMatchObject({
			resource: { attributes: expect.arrayContaining([{ key: "host.name", value: { stringValue: "shop-1" } }]) },
			scope: { name: "shop-lib", version: "1.2" },
			traceId: base64(sent.traceId),
			spanId: base64(sent.spanId),
			parentSpanId: base64(sent.parentSpanId),
			kind: "SPAN_KIND_INTERNAL",
			startTimeUnixNano: sent.startTimeUnixNano,
			endTimeUnixNano: sent.endTimeUnixNano,
			status: { code: "STATUS_CODE_ERROR", message: "card declined" },
			events: sent.events,
			attributes: expect.arrayContaining((sent.attributes as { key: string }[]).slice(0, 4)),
		});
		const [link] = sent.links as { traceId: string; spanId: string }[];
		expect(found.links).toMatchObject([{ traceId: base64(link?.traceId), spanId: base64(link?.spanId) }]);
	});

	it("is not copied again, and where it is, is not there twice", async () => {
		const again = await migrate();
		expect(again.code, again.all).toBe(0);
		for (const service of ["shop", "cart", "pay"]) expect(again.all).toContain(`${service}: nothing new`);
		const restarted = await migrate("--restart", "--service", "pay");
		expect(restarted.code, restarted.all).toBe(0);
		expect(restarted.all).toContain("pay: 150 traces");
		const { traceId, spans } = history[449]!;
		expect(await stored(traceId)).toHaveLength(spans);
	});

	it("is refused in words where there is no Jaeger, and where no search would find it", async () => {
		const nobody = await stack.tracestack("migrate", "jaeger", "--since", "4d", "--from", "http://127.0.0.1:9");
		expect(nobody.code).toBe(1);
		expect(nobody.all).toContain("Jaeger can't be reached at http://127.0.0.1:9");
		const tempo = await stack.tracestack("migrate", "jaeger", "--since", "4d", "--from", e.tempo);
		expect(tempo.code).toBe(1);
		expect(tempo.all).toContain("is not what a Jaeger");
		const old = await migrate("--since", "7d");
		expect(old.code).toBe(1);
		expect(old.all).toContain("tracestack:tempo.backfill 168h");
	});
});

describe("applications", () => {
	it("that send Jaeger's and Zipkin's formats are heard, and their secrets masked", async () => {
		const { jaegerGrpc, jaegerThriftHttp, zipkin } = e as unknown as Record<string, string>;
		const formats: [service: string, send: (span: PlainSpan) => Promise<number>, ok: number][] = [
			["by-grpc", (span) => sendJaegerGrpc(`${jaegerGrpc}`, span), 0],
			["by-thrift", (span) => sendJaegerThrift(`${jaegerThriftHttp}`, span), 202],
			["by-zipkin", (span) => sendZipkin(`${zipkin}`, span), 202],
		];
		for (const [service, send, ok] of formats) {
			const ids = { traceId: randomBytes(16).toString("hex"), spanId: randomBytes(8).toString("hex") };
			const tags = { "http.route": "/cart", "db.password": "hunter2" };
			const span = { ...ids, service, name: "GET /cart", start: Date.now() * 1000 - 5000, duration: 5000, tags };
			expect(await send(span), service).toBe(ok);
			const [found] = await until(20, () => stored(ids.traceId));
			expect(found, service).toMatchObject({
				name: "GET /cart",
				startTimeUnixNano: `${span.start}000`,
				endTimeUnixNano: `${span.start + 5000}000`,
				spanId: Buffer.from(ids.spanId, "hex").toString("base64"),
			});
			const text = JSON.stringify(found);
			for (const part of [service, "/cart", "db.password"]) expect(text).toContain(part);
			expect(text).not.toContain("hunter2");
		}
	});

	const atJaeger = async (id: string) => (await fetch(`${jaeger}/api/v3/traces/${id}`)).status;
	let both: string[] = [];

	it("feed Tempo and the Jaeger at once", async () => {
		both = (await sendTraces(e.otlpHttp, "fed-both", 5)) ?? [];
		expect(both).toHaveLength(5);
		await until(20, async () => expect(await lost(e.tempo, both)).toEqual([]));
		await until(20, async () => expect(await Promise.all(both.map(atJaeger))).toEqual(both.map(() => 200)));
	});

	it("leave the Jaeger by one setting; it keeps what it has, and may be fed by that setting again", async () => {
		stack.configure(settings);
		const up = await stack.tracestack("up", "--no-verify");
		expect(up.code, up.all).toBe(0);
		const alone = (await sendTraces(e.otlpHttp, "fed-alone", 5)) ?? [];
		expect(alone).toHaveLength(5);
		await until(20, async () => expect(await lost(e.tempo, [...alone, ...both])).toEqual([]));
		expect(await Promise.all(alone.map(atJaeger))).toEqual(alone.map(() => 404));
		expect(await Promise.all(both.map(atJaeger))).toEqual(both.map(() => 200));
	});

	it("are searched for by every query that the plan of a migration names", async () => {
		const plan = readFileSync(join(root, "docs/migrating-from-jaeger.md"), "utf8");
		const queries = [...plan.matchAll(/`(\{ .*?)`/g)].map(([, query]) => `${query}`.replaceAll("\\|", "|"));
		expect(queries.length).toBeGreaterThan(8);
		for (const q of queries) {
			const path = q.includes("rate()") ? "/api/metrics/query_range" : "/api/search";
			await json(withQuery(`${e.tempo}${path}`, { q, start: epoch(-600), end: epoch() }));
		}
	});

	it("search the copied history at its own time, once Tempo has written its block", async () => {
		await stack.container("tempo", "restart");
		const { traceId } = history[449]!;
		const found = await until(30, () => stored(traceId));
		const at = Math.floor(Number(BigInt(found[0]!.startTimeUnixNano) / 1_000_000_000n));
		const around = { q: '{ resource.service.name = "shop" }', start: at - 60, end: at + 60, limit: 20 };
		await until(330, async () => {
			const { traces = [] } = await json<{ traces?: { traceID: string }[] }>(
				withQuery(`${e.tempo}/api/search`, around),
			);
			expect(traces.map(({ traceID }) => traceID.padStart(32, "0"))).toContain(traceId);
		});
	});
});
