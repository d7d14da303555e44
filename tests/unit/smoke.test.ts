import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, test } from "vitest";
import { stringify } from "yaml";
import { inItsWords } from "../../cli/query/sql.ts";
import { exitCode, smoke } from "../../cli/smoke.ts";
import { alertPath, isQuiet } from "../../cli/verify/alerts.ts";
import type { Endpoints } from "../../cli/verify/api.ts";
import { archived } from "../../cli/verify/archive.ts";
import { backlog } from "../../cli/verify/backlog.ts";
import type { LinkResult } from "../../cli/verify/verify.ts";
import { alertmanager } from "../../components/alertmanager.ts";
import { parseSettings } from "../../settings.ts";

let server: Server | undefined;
afterEach(() => server?.close());

/** A server that answers with JSON by path, and keeps what was posted. */
async function answering(answers: Record<string, (query: URLSearchParams) => unknown>) {
	const posted: string[] = [];
	server = createServer(async (request, response) => {
		const { pathname, searchParams } = new URL(request.url ?? "", "http://x");
		if (request.method === "POST") {
			const chunks: Buffer[] = [];
			for await (const chunk of request) chunks.push(chunk);
			posted.push(Buffer.concat(chunks).toString());
			response.end("{}");
		} else response.end(JSON.stringify(answers[pathname]?.(searchParams)));
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, posted };
}

function rendered(receivers: unknown[]): string {
	const settings = parseSettings({ receivers }, { project: "tracestack", name: "dev" });
	return alertmanager(settings).files["/etc/alertmanager/alertmanager.yaml"]?.text ?? "";
}

const everybody = [{ type: "webhook", name: "audit", url: "http://audit" }];

describe("the alert of a smoke test", () => {
	it("is told to nobody, whoever wants everything", () => {
		expect(isQuiet(rendered([]))).toBe(true);
		expect(isQuiet(rendered(everybody))).toBe(true);
		// As Alertmanager may write it.
		expect(isQuiet(rendered(everybody).replace('alertname="TracestackSmoke"', "alertname=TracestackSmoke"))).toBe(true);
	});

	const quiet = { receiver: "none", matchers: ['alertname="TracestackSmoke"'] };
	const loud = { receiver: "audit", matchers: [], continue: true };
	it.each([
		["a route before it", { receiver: "none", routes: [loud, quiet] }],
		["a route that goes on", { receiver: "none", routes: [{ ...quiet, continue: true }, loud] }],
		["a route of its name to somebody", { receiver: "none", routes: [{ ...quiet, receiver: "audit" }] }],
		[
			"a route for less than its name",
			{ receiver: "none", routes: [{ ...quiet, matchers: [...quiet.matchers, "env=x"] }] },
		],
		["somebody who is told of everything", { receiver: "audit" }],
	])("is not sent where it would wake somebody: %s", async (_, route) => {
		const original = stringify({ route });
		const { url, posted } = await answering({ "/api/v2/status": () => ({ config: { original } }) });
		const e = { alertmanager: url, prometheus: url } as Endpoints;
		await expect(alertPath(e, "ab", () => 0).check()).rejects.toThrow(/no alert was sent/);
		expect(posted).toEqual([]);
	});

	it("is ended, also where Alertmanager does not show it", async () => {
		const { url, posted } = await answering({
			"/api/v2/status": () => ({ config: { original: rendered([]) } }),
			"/api/v2/alerts": () => [],
		});
		const e = { alertmanager: url, prometheus: url } as Endpoints;
		await expect(alertPath(e, "ab", () => 0).check()).rejects.toThrow(/does not show it/);
		const ends = posted.map((body) => Date.parse(JSON.parse(body)[0].endsAt));
		expect(ends).toHaveLength(2);
		expect(ends[1]).toBeLessThan(ends[0]!);
	});
});

describe("a server that is still to come", () => {
	it("is waited for before an alert is sent", async () => {
		let asked = 0;
		const { url, posted } = await answering({
			"/api/v2/status": () => (asked++ < 1 ? {} : { config: { original: rendered([]) } }),
			"/api/v2/alerts": () => (posted.length === 1 ? [{}] : []),
			"/api/v1/alertmanagers": () => ({ data: { activeAlertmanagers: [{}] } }),
			"/api/v1/rules": () => ({ data: { groups: [] } }),
		});
		const e = { alertmanager: url, prometheus: url } as Endpoints;
		await expect(alertPath(e, "ab", () => 60).check()).resolves.toContain("accepted and resolved");
		expect(posted).toHaveLength(2);
	});

	it("is no reason to know nothing of an archive", async () => {
		let asked = 0;
		const { url } = await answering({ "/api/datasources": () => (asked++ < 1 ? undefined : []) });
		await expect(archived({ grafana: url } as Endpoints, "ab", 4, () => 60).check()).resolves.toBe("not enabled");
	});

	it("that does not come is told as what is broken, not instead of it", async () => {
		const { url: otlpHttp } = await answering({});
		const absent = "http://127.0.0.1:1";
		const e = { grafana: absent, prometheus: absent, otlpHttp, otlpGrpc: "127.0.0.1:1" } as Endpoints;
		const { links, archive, warnings } = await smoke(e, 0.1);
		expect(links).toMatchObject([{ link: "trace accepted by OTLP gRPC", ok: false }, { ok: true }]);
		expect({ archive, warnings }).toEqual({ archive: "unknown", warnings: [expect.stringMatching(/queues/)] });
	});
});

describe("what waits", () => {
	const series = (metric: object, value: number) => ({ metric, value: [0, String(value)] });
	const waits = async (answers: Record<string, object[]>) => {
		const { url } = await answering({
			"/api/v1/query": (query) => {
				const [, result = []] = Object.entries(answers).find(([name]) => query.get("query")?.startsWith(name)) ?? [];
				return { data: { result } };
			},
		});
		return backlog({ prometheus: url });
	};

	it("is nothing on a stack that keeps up, with an archive or without", async () => {
		expect(await waits({ archive_queue_batches: [series({}, 2)] })).toEqual([]);
	});

	it("is named, with how much and how long", async () => {
		const told = await waits({
			otelcol_exporter_queue_size: [series({ exporter: "otlp_http/archive" }, 0.42)],
			archive_queue_oldest_seconds: [series({}, 90)],
			archive_queue_batches: [series({}, 17)],
		});
		expect(told).toEqual([
			expect.stringMatching(/queue for otlp_http\/archive is 42 % full/),
			expect.stringMatching(/archive's queue holds 17 batches, the oldest for 90 s/),
		]);
	});
});

test("an exit code tells what is broken from what waits", () => {
	const link = (ok: boolean) => ({ ok }) as LinkResult;
	expect(exitCode({ links: [link(true)], warnings: [] })).toBe(0);
	expect(exitCode({ links: [link(true)], warnings: ["waits"] })).toBe(2);
	expect(exitCode({ links: [link(true), link(false)], warnings: ["waits"] })).toBe(1);
});

test("what the archive's database refuses is told in its own words", () => {
	const error = 'pq: relation "otel.spans" does not exist';
	const wrapped = `400 from http://grafana/api/ds/query: {"results":{"A":{"error":${JSON.stringify(error)},"status":500,"frames":[{"sch`;
	expect(inItsWords(wrapped)).toBe(error);
	expect(inItsWords("http://grafana: ECONNREFUSED")).toBe("http://grafana: ECONNREFUSED");
});
