// Spans in PostgreSQL as well: what comes is found by SQL, whatever was away meanwhile, and what can't be stored is told.

import { rmSync } from "node:fs";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { output } from "@pulumi/pulumi";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sql } from "../../cli/query/sql.ts";
import { type Endpoints, grafana, json, prometheusValue, until } from "../../cli/verify/api.ts";
import { runPanels } from "../../cli/verify/panels.ts";
import { archiveSource } from "../../components/archive.ts";
import { parseSettings } from "../../settings.ts";
import { selfSigned } from "../certificate.ts";
import { encrypt } from "./archive.ts";
import { besideDocker } from "./beside.ts";
import { lost, Sender, sendRequests } from "./sender.ts";
import { soak } from "./soak.ts";
import { TestStack } from "./stack.ts";

let settings: Record<string, unknown> = { size: "small", archive: { enabled: true } };
let stack: TestStack;
let e: Endpoints;
/** Of a trace that the archive has. */
let traceId = "";

/** What would be MLflow: it takes OTLP over HTTP, for the experiment that a header names. */
const mlflow = { server: undefined as Server | undefined, asked: [] as string[] };

beforeAll(async () => {
	const { server, port } = await besideDocker(async (request, response) => {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk);
		const body = gunzipSync(Buffer.concat(chunks)).includes("shop") ? "spans of shop" : "others";
		mlflow.asked.push(`${request.url} ${request.headers["x-mlflow-experiment-id"]} ${body}`);
		response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
	});
	mlflow.server = server;
	const endpoint = `http://host.docker.internal:${port}`;
	settings = { ...settings, destinations: [{ name: "mlflow", endpoint, headers: { "x-mlflow-experiment-id": "7" } }] };
	stack = await TestStack.create("e2e-archive", 23650);
	stack.configure(settings);
	const up = await stack.tracestack("up", "--no-verify");
	if (up.code !== 0) throw new Error(up.all);
	e = await stack.endpoints();
});

afterAll(async () => {
	mlflow.server?.close();
	await stack.takeDown();
	await stack.remove();
});

/** How many spans each trace of a service has in the archive. */
async function archived(service: string): Promise<Map<string, number>> {
	const rows = await sql(e, `SELECT trace_id, count(*) FROM otel.spans WHERE service = '${service}' GROUP BY 1`);
	return new Map(rows as [string, number][]);
}

interface Complaint {
	severity: string;
	about: string;
	what: string;
	seen?: string;
}

/** What the doctor says of the archive. */
async function told(): Promise<Complaint[]> {
	const { stdout } = await stack.tracestack("doctor", "--json");
	const { checks } = JSON.parse(stdout) as { checks: { check: string; complaints: Complaint[] }[] };
	return checks.find(({ check }) => check.startsWith("the archive"))?.complaints ?? [];
}

it("what is sent is found by SQL, by service, run and status", async () => {
	const ids = await sendRequests(e.otlpHttp, "shop", 20, { attributes: { run_id: "run-1" } });
	const failed = await sendRequests(e.otlpHttp, "shop", 5, { failed: true });
	traceId = `${ids[0]}`;
	await until(60, async () => expect((await archived("shop")).size).toBe(25));
	expect(await sql(e, "SELECT DISTINCT trace_id FROM otel.spans WHERE run_id = 'run-1'")).toHaveLength(20);
	const errors = await sql(e, "SELECT trace_id FROM otel.spans WHERE service = 'shop' AND status = 'error'");
	expect(new Set(errors.flat())).toEqual(new Set(failed));
});

it("what takes OTLP as MLflow does gets the same spans beside it", async () => {
	await until(30, async () => expect(mlflow.asked).toContain("/v1/traces 7 spans of shop"));
});

it("its own spans are in Tempo, and not in the archive: each would bring the next", async () => {
	const own = "{ resource.service.name = `otel-worker` }";
	type Found = { traces?: unknown[] };
	const url = `${e.tempo}/api/search?q=${encodeURIComponent(own)}`;
	await until(60, async () => expect((await json<Found>(url)).traces?.length ?? 0).toBeGreaterThan(0));
	expect((await archived("otel-worker")).size).toBe(0);
});

it.each([
	"DELETE FROM otel.spans",
	"UPDATE otel.spans SET name = ''",
	"CREATE TABLE otel.mine (id int)",
	"CREATE TABLE public.mine (id int)",
	"SELECT otel.replay(1)",
	"SELECT payload FROM otel.ingestion_queue",
	"SELECT payload FROM otel.dead_payloads",
	"SET ROLE tracestack",
])("who reads may not: %s", async (statement) => {
	// Its transactions are read-only unless it says otherwise: that is no right of its own.
	await expect(sql(e, `SET transaction_read_only = off; ${statement}`)).rejects.toThrow(/permission denied/);
});

it("while PostgreSQL is away Tempo is as always, and the doctor tells; afterwards everything is in the archive, once", async () => {
	await stack.container("postgres", "stop");
	const ids = await sendRequests(e.otlpHttp, "meanwhile", 200, {});
	await until(30, async () => expect(await lost(e.tempo, ids)).toEqual([]));
	expect(await told()).toMatchObject([{ severity: "broken", about: "otel-worker" }]);
	await stack.container("postgres", "start");
	await until(120, async () => {
		const found = await archived("meanwhile");
		expect(ids.filter((id) => found.get(id) !== 1)).toEqual([]);
	});
	expect((await archived("meanwhile")).size).toBe(200);
});

it("a batch that is no OTLP is a dead letter, in the doctor's words and as an alert", async () => {
	const headers = { "content-type": "application/x-protobuf" };
	const url = `http://127.0.0.1:${stack.ports.otelWorker}/v1/traces`;
	expect((await fetch(url, { method: "POST", headers, body: "no spans at all" })).status).toBe(200);
	type Answer = { data: { alerts: { labels: Record<string, string>; state: string }[] } };
	await until(90, async () => {
		const { data } = await json<Answer>(`${e.prometheus}/api/v1/alerts`);
		const names = data.alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels.alertname);
		expect(names).toContain("ArchiveDeadLetters");
	});
	expect(await prometheusValue(e.prometheus, 'archive_dead_letters_total{reason="undecodable"}')).toBe(1);
	const dead = (await told()).filter(({ what }) => what.includes("undecodable"));
	expect(dead).toMatchObject([{ about: "otel-worker", what: expect.stringContaining("1 batches") }]);
	expect(dead[0]?.seen).toBeTruthy();
	// What came after it is not held up.
	await sendRequests(e.otlpHttp, "afterwards", 1, {});
	await until(60, async () => expect((await archived("afterwards")).size).toBe(1));
});

it("every panel of its dashboard has data, but for the run that nobody has named", async () => {
	await until(60, async () => {
		const of = (await runPanels(e, traceId)).filter(({ pack }) => pack === "archive");
		expect(of.length).toBeGreaterThan(10);
		const empty = of.filter(({ rows, error }) => rows === 0 || error).map(({ name, error }) => `${name}: ${error}`);
		expect(empty).toEqual(["Trace archive / Traces of the run / A: undefined"]);
	});
});

it("a smoke test looks for its trace there as well", async () => {
	const { code, stdout, all } = await stack.tracestack("smoke", "--json");
	const { archive, links } = JSON.parse(stdout) as { archive: string; links: { link: string; ok: boolean }[] };
	expect(archive, all).toBe("enabled");
	expect(links.filter(({ ok }) => !ok)).toEqual([]);
	expect(links.map(({ link }) => link)).toContain("trace in the archive");
	expect(code, all).not.toBe(1);
});

it("Grafana checks the certificate of a server of one's own: by its authority, and by its name", async () => {
	const own = await selfSigned(["DNS:postgres"]);
	const container = `tracestack-${stack.name}-postgres`;
	await encrypt(container, own);
	const role = "CREATE ROLE elsewhere LOGIN PASSWORD 'theirs' IN ROLE archive_reader";
	await execa("docker", ["exec", container, "psql", "--username=tracestack", "--dbname=archive", "--command", role]);
	let asked = 0;
	/** Grafana's verdict on the datasource that it would get for a server of this name. */
	const health = async (host: string) => {
		const database = `postgres://me:hush@${host}:5432/archive?sslmode=verify-full`;
		const raw = { archive: { enabled: true, database, ca: own.certificate } };
		const parsed = parseSettings(raw, { project: "tracestack", name: stack.name });
		const passwords = { own: "", reader: "theirs" };
		const { type, url, jsonData, secrets } = archiveSource(parsed, (one, port) => `${one}:${port}`, passwords, {})!;
		const secret = await new Promise<string>((resolve) => output(secrets).apply((text) => resolve(`${text}`)));
		// Another each time: Grafana keeps connections by uid.
		const uid = `tls-${asked++}`;
		const source = { uid, name: uid, access: "proxy", user: "elsewhere", type, url, jsonData };
		const body = JSON.stringify({ ...source, secureJsonData: JSON.parse(secret) });
		await grafana(e, "/api/datasources", { method: "POST", body });
		try {
			return await grafana<{ status: string }>(e, `/api/datasources/uid/${uid}/health`);
		} finally {
			await grafana(e, `/api/datasources/uid/${uid}`, { method: "DELETE" });
		}
	};
	// The server reads its certificate a moment later.
	await until(30, async () => expect(await health("postgres")).toMatchObject({ status: "OK" }));
	await expect(health(container)).rejects.toThrow(/certificate/);
});

it("status knows how long it keeps, and nothing has drifted or would change", async () => {
	const { all } = await stack.tracestack("status");
	expect(all).toMatch(/archive\s+kept 2160h, postgres\n/);
	const drift = await stack.tracestack("drift");
	expect(drift.code, drift.all).toBe(0);
});

if (soak)
	describe("for longer", () => {
		/** Sends 500 spans a second while something happens; then each acknowledged trace is whole in the archive. */
		async function sending(service: string, during: () => Promise<void>): Promise<void> {
			const spans = 5;
			const sender = new Sender(e.otlpHttp, service, 500, spans);
			await sleep(2000);
			await during();
			await sleep(2000);
			await sender.stop();
			await until(600, async () => {
				const found = await archived(service);
				const missing = sender.acknowledged.filter((id) => found.get(id) !== spans);
				expect(missing.length, "traces that are not whole, or twice").toBe(0);
			});
			console.log(`${service}: ${sender.acknowledged.length * spans} acknowledged spans, each in the archive once`);
		}

		it("PostgreSQL and the worker are killed five times each: every acknowledged span is there, once", async () => {
			await sending("killed", async () => {
				for (let i = 0; i < 10; i++) {
					const service = i % 2 === 0 ? "postgres" : "otel-worker";
					await stack.container(service, "kill", "--signal", "KILL");
					await sleep(2000);
					await stack.container(service, "start");
					await sleep(8000);
				}
			});
		});

		it("PostgreSQL is away for ten minutes: Tempo hears nothing of it", async () => {
			await sending("away", async () => {
				await stack.container("postgres", "stop");
				for (let i = 0; i < 10; i++) {
					await sleep(60_000);
					const ids = await sendRequests(e.otlpHttp, "beside", 10, {});
					await until(30, async () => expect(await lost(e.tempo, ids)).toEqual([]));
				}
				await stack.container("postgres", "start");
			});
		});

		it("a backup has it, also for a stack with another password; switched off, it stays", async () => {
			const file = join(tmpdir(), "e2e-archive.tar");
			const backup = await stack.tracestack("backup", file, "--force");
			expect(backup.code, backup.all).toBe(0);
			expect((await stack.tracestack("down", "--delete-data")).code).toBe(0);
			expect((await stack.tracestack("up", "--no-verify")).code).toBe(0);
			const restore = await stack.tracestack("restore", file, "--yes");
			rmSync(file);
			expect(restore.code, restore.all).toBe(0);
			e = await stack.endpoints();
			await until(120, async () => expect((await archived("shop")).size).toBe(25));

			stack.configure({ ...settings, archive: { enabled: false } });
			expect((await stack.tracestack("up", "--no-verify")).code).toBe(0);
			expect(Object.keys(await stack.running())).not.toContain("postgres");
			stack.configure(settings);
			expect((await stack.tracestack("up", "--no-verify")).code).toBe(0);
			await until(120, async () => expect((await archived("shop")).size).toBe(25));
		});
	});
