// The archive's worker against a real PostgreSQL: what is acknowledged is stored once, and what can't be is not lost either.

import { createServer, type Server } from "node:http";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "../../cli/verify/api.ts";
import {
	type ExportTraceServiceRequest,
	ExportTraceServiceRequestSchema,
} from "../../workers/otel-worker/generated/opentelemetry/proto/collector/trace/v1/trace_service_pb.js";
import { selfSigned } from "../certificate.ts";
import { Archive, password, reader } from "./archive.ts";
import { Sender } from "./sender.ts";
import { soak } from "./soak.ts";

const day = 86_400_000;
const MiB = 2 ** 20;
/** One batch may be in hand at several kills, or for longer than its time on a slow machine. */
const attempts = soak ? 4 : 3;
let archive: Archive;
let collector: Server;
/** What workers have sent of themselves. */
const own: ExportTraceServiceRequest[] = [];

beforeAll(async () => {
	collector = createServer(async (request, response) => {
		own.push(fromBinary(ExportTraceServiceRequestSchema, await buffer(request)));
		response.end();
	});
	await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
	const { port } = collector.address() as { port: number };
	archive = new Archive("e2e-otel-worker", 23500, {
		queue: { attempts, leaseSeconds: 3, mostBytes: 4 * MiB },
		otlp: { url: `http://127.0.0.1:${port}/v1/traces` },
	});
	await archive.create();
	// Both find nothing, and neither is in the other's way.
	for (const worker of [1, 2]) archive.start(worker);
	for (const worker of [1, 2]) await archive.ready(worker);
});

afterAll(async () => {
	collector.close();
	await archive.clean();
});

interface SpanOf {
	name?: string;
	traceId?: string;
	spanId?: string;
	/** In milliseconds since 1970. */
	start?: number;
	service?: string;
	attributes?: Record<string, string>;
}

let ids = 1;
function span({ name = "one", start = Date.now(), attributes = {}, ...more }: SpanOf) {
	const id = (ids++).toString(16).padStart(16, "0");
	return {
		...{ traceId: `${id}${id}`, spanId: id, name, kind: 2, ...more },
		attributes: Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } })),
		startTimeUnixNano: String(BigInt(start) * 1_000_000n),
		endTimeUnixNano: String(BigInt(start) * 1_000_000n + 1n),
	};
}

const json = "application/json";

function request(some: SpanOf[]): string {
	const attributes = [{ key: "service.name", value: { stringValue: some[0]?.service ?? "by hand" } }];
	return JSON.stringify({ resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans: some.map(span) }] }] });
}

/** Posts to a worker, as it is or as spans. */
async function post(
	what: string | Uint8Array<ArrayBuffer> | SpanOf[],
	headers: Record<string, string> = {},
	worker = 2,
) {
	const body = Array.isArray(what) ? request(what) : what;
	const response = await fetch(`${archive.url(worker)}/v1/traces`, {
		...{ method: "POST", body },
		headers: { "content-type": json, ...headers },
	});
	return { status: response.status, body: await response.text(), headers: response.headers };
}

const names = async (service = "by hand") =>
	(await archive.query<{ name: string }>("SELECT name FROM otel.spans WHERE service = $1 ORDER BY 1", [service])).map(
		({ name }) => name,
	);

const letters = () =>
	archive.query<{ reason: string; detail: string; attempts: number; bytes: number }>(
		"SELECT reason, detail, attempts, bytes FROM otel.dead_letters ORDER BY id",
	);

it("every acknowledged span is stored once, whoever is killed", async () => {
	const spans = 10;
	const sender = new Sender(archive.url(1), "killed", 500, spans);
	const more = async () => {
		const before = sender.acknowledged.length;
		await until(60, async () => {
			if (sender.acknowledged.length < before + 20) throw new Error("nothing is acknowledged");
		});
	};
	for (let kill = 0; kill < (soak ? 10 : 1); kill++) {
		await more();
		await archive.end(1, "SIGKILL");
		archive.start(1);
		await more();
		await archive.killDatabase();
		await until(30, async () => expect((await post([{}])).status).toBe(503));
		expect((await post([{}])).headers.get("retry-after")).toBe("5");
		expect((await fetch(`${archive.url(2)}/ready`)).status).toBe(503);
		await until(30, async () => expect(await archive.metric(2, "archive_up")).toBe(0));
		await archive.startDatabase();
	}
	await more();
	await sender.stop();
	await archive.ready(2);
	await archive.drained();
	const [stored] = await archive.query<{ spans: number; different: number; acknowledged: number }>(
		`SELECT count(*)::int AS spans, count(DISTINCT (trace_id, span_id))::int AS different,
			(count(*) FILTER (WHERE trace_id = ANY($1)))::int AS acknowledged FROM otel.spans WHERE service = 'killed'`,
		[sender.acknowledged],
	);
	const all = sender.acknowledged.length * spans;
	expect(stored).toEqual({ spans: all, different: all, acknowledged: all });
	expect(sender.refused.size).toBeGreaterThan(0);
	expect(await letters()).toEqual([]);
});

it("protobuf and JSON are answered in kind, what comes again is counted, and its own spans are left out", async () => {
	const before = await archive.metric(2, "archive_spans_repeated_total");
	const twice = { name: "twice", traceId: "a".repeat(32), spanId: "b".repeat(16), start: Date.now() };
	expect(await post([twice, { name: "once" }])).toMatchObject({ status: 200, body: "{}" });
	expect(await post([{ name: "mine", service: "otel-worker" }])).toMatchObject({ status: 200 });
	const empty = await post(gzipSync(""), { "content-type": "application/x-protobuf", "content-encoding": "gzip" });
	expect(empty).toMatchObject({ status: 200, body: "" });
	expect(empty.headers.get("content-type")).toBe("application/x-protobuf");
	await archive.drained();
	await post([twice, twice]);
	await archive.drained();
	expect(await names()).toEqual(["once", "twice"]);
	expect(await names("otel-worker")).toEqual([]);
	await until(30, async () => {
		const repeated = await Promise.all([1, 2].map((n) => archive.metric(n, "archive_spans_repeated_total")));
		expect(Math.max(...repeated)).toBeGreaterThanOrEqual(before + 2);
	});
});

it("what is too large, or nothing that it knows, is refused", async () => {
	expect((await post("x", { "content-type": "text/plain" })).status).toBe(415);
	expect((await post("x", { "content-encoding": "zstd" })).status).toBe(415);
	expect((await post(new Uint8Array(17 * 2 ** 20))).status).toBe(413);
	expect(await archive.metric(2, "archive_batches_refused_total")).toBeGreaterThanOrEqual(3);
});

it("what can't be stored is a dead letter with its reason, and takes no other span with it", async () => {
	// What PostgreSQL itself says no to: nothing that is known to be such gets there.
	await archive.query(`
		CREATE SEQUENCE tries;
		CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF NEW.name = 'refused' THEN RAISE 'not this one' USING ERRCODE = '22000'; END IF;
			IF NEW.name = 'fails' THEN RAISE 'not now'; END IF;
			IF NEW.name = 'slow' THEN PERFORM nextval('tries'), pg_sleep(4); END IF;
			RETURN NEW;
		END $$;
		CREATE TRIGGER refuse BEFORE INSERT ON otel.spans FOR EACH ROW EXECUTE FUNCTION refuse()`);
	const service = "odd";
	for (const one of [
		"{",
		[
			{ service, name: "good 1" },
			{ service, name: "no id", spanId: "" },
		],
		[
			{ service, name: "good 2" },
			{ service, name: "refused" },
			{ service, name: "good 3" },
		],
		[{ service, name: "NUL", attributes: { text: "a\0b" } }],
		[{ service, name: "fails" }],
		// It takes longer than a lease.
		[{ service, name: "slow" }],
	])
		expect((await post(one)).status).toBe(200);
	// One that killed its worker whenever it was in hand.
	await archive.query(
		"INSERT INTO otel.ingestion_queue (content_type, encoding, payload, attempts) VALUES ('application/json', 'identity', '{}', $1)",
		[attempts],
	);
	await archive.drained();
	expect(await names(service)).toEqual(["good 1", "good 2", "good 3", "NUL", "slow"].sort());
	// No other drain has taken the slow one meanwhile.
	expect(await archive.query("SELECT last_value::int AS tries FROM tries")).toEqual([{ tries: 1 }]);
	const found = await letters();
	// One that was in hand with what fails has had an attempt more.
	const ends = found.map(({ reason, attempts }) => (reason === "attempts" ? `${reason} ${attempts}` : reason));
	expect(ends.sort()).toEqual(
		["undecodable", "invalid_spans", "refused_by_database", `attempts ${attempts}`, `attempts ${attempts + 1}`].sort(),
	);
	const details = found.map(({ detail }) => detail).join("\n");
	for (const part of ['span "no id": a span id of 0 bytes', "not this one", `after ${attempts} attempts: not now`])
		expect(details).toContain(part);
	expect(await archive.query("SELECT attributes, altered FROM otel.spans WHERE name = 'NUL'")).toEqual([
		{ attributes: { text: "a\uFFFDb" }, altered: ["text"] },
	]);
	const died = await Promise.all([1, 2].map((n) => archive.metric(n, "archive_dead_letters_total")));
	expect(died.reduce((a, b) => a + b)).toBe(5);
	await until(30, async () => expect(await archive.metric(1, "archive_dead_letters")).toBe(5));

	await archive.query("DROP TRIGGER refuse ON otel.spans");
	await archive.query("SELECT otel.replay(id) FROM otel.dead_letters WHERE detail LIKE '%not %w'");
	await until(30, async () => expect(await names(service)).toContain("fails"));
	expect(await letters()).toHaveLength(4);
});

/** Puts batches of one span into the queue, so that they are taken in hand together. */
async function queue(...spans: SpanOf[]): Promise<void> {
	await archive.query(
		"INSERT INTO otel.ingestion_queue (content_type, encoding, payload) SELECT 'application/json', 'identity', unnest($1::bytea[])",
		[spans.map((one) => Buffer.from(request([one])))],
	);
}

it("a batch that ends the server whenever it is stored is a dead letter, and those in hand with it are stored", async () => {
	// It ends the connection that it comes by: to its worker that is the same.
	await archive.query(`
		CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF NEW.name = 'ends it' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
			RETURN NEW;
		END $$;
		CREATE TRIGGER leave BEFORE INSERT ON otel.spans FOR EACH ROW EXECUTE FUNCTION leave()`);
	const service = "ends";
	const good = Array.from({ length: 5 }, (_, i) => ({ service, name: `good ${i}` }));
	await queue(...good.slice(0, 2), { service, name: "ends it" }, ...good.slice(2));
	const dead = async () => (await letters()).filter(({ reason }) => reason === "ended_database");
	let sent = 5;
	await until(90, async () => {
		// As long as nothing else is stored nobody knows whose fault it is.
		expect((await post([{ service, name: `good ${sent}` }])).status).toBe(200);
		sent++;
		expect(await dead()).toHaveLength(1);
	});
	expect((await dead())[0]?.detail).toContain("terminating connection due to administrator command");
	await archive.drained();
	expect(await names(service)).toEqual(Array.from({ length: sent }, (_, i) => `good ${i}`).sort());
	await archive.query("DROP TRIGGER leave ON otel.spans");
});

it("while nothing can be stored only so much is taken, and more when there is room", async () => {
	await archive.query(`
		CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			RAISE 'no room' USING ERRCODE = '53100';
		END $$;
		CREATE TRIGGER no_room BEFORE INSERT ON otel.spans FOR EACH ROW EXECUTE FUNCTION no_room()`);
	const service = "much";
	const large = (i: number) => [{ service, name: `${i}`, attributes: { text: "x".repeat(MiB) } }];
	const taken = (some: SpanOf[]) => until(60, async () => expect((await post(some)).status).toBe(200));
	for (let i = 0; i < 4; i++) await taken(large(i));
	const refused = await post([{ service, name: "too much" }]);
	expect(refused).toMatchObject({ status: 503, body: expect.stringContaining("wait to be stored") });
	expect(refused.headers.get("retry-after")).toBe("5");
	expect(await archive.metric(2, "archive_queue_bytes")).toBeGreaterThan(4 * MiB);
	expect(await archive.metric(2, "archive_queue_limit_bytes")).toBe(4 * MiB);
	// Another worker looks for itself.
	await until(30, async () => expect((await post([{}], {}, 1)).status).toBe(503));
	await archive.query("DROP TRIGGER no_room ON otel.spans");
	await taken([{ service, name: "more" }]);
	await archive.drained();
	expect(await names(service)).toEqual(["0", "1", "2", "3", "more"]);
});

it("what waits for the database to be put right holds up nothing that came with it", async () => {
	const start = Date.now() - 3 * day;
	const table = `otel.spans_${new Date(start).toISOString().slice(0, 10).replaceAll("-", "")}`;
	// A day that somebody has taken out, to keep it elsewhere: there is a table of that name, and nowhere to put a span.
	await archive.query(`CREATE TABLE ${table} (LIKE otel.spans)`);
	const service = "beside";
	await queue({ service, name: "waits", start }, { service, name: "good" });
	await until(30, async () => expect(await names(service)).toEqual(["good"]));
	await archive.query(`DROP TABLE ${table}`);
	await until(30, async () => expect(await names(service)).toEqual(["good", "waits"]));
});

it("spans have the day on which they began, until it is old", async () => {
	const late = Date.now() - 5 * day;
	await archive.query("SELECT otel.add_day('2020-02-02')");
	await archive.query("INSERT INTO otel.span_counts VALUES ('2020-02-02', 'old', 'old', 1, 0, 5, '{17}', '{1}')");
	await post([
		{ service: "late", name: "late", start: late },
		{ service: "late", name: "too late", start: Date.now() - 8 * day },
	]);
	await archive.drained();
	expect(await names("late")).toEqual(["late"]);
	const [partition] = await archive.query<{ name: string }>(
		"SELECT tableoid::regclass::text AS name FROM otel.spans WHERE service = 'late'",
	);
	expect(partition?.name).toBe(`otel.spans_${new Date(late).toISOString().slice(0, 10).replaceAll("-", "")}`);
	const expired = await Promise.all([1, 2].map((n) => archive.metric(n, "archive_spans_expired_total")));
	expect(expired.reduce((a, b) => a + b)).toBe(1);

	const { code, log } = await archive.end(1, "SIGTERM");
	expect(code, log).toBe(0);
	archive.start(1);
	await archive.ready(1);
	const days = await archive.query<{ name: string }>(
		"SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'otel.spans'::regclass",
	);
	expect(days.map(({ name }) => name)).not.toContain("otel.spans_20200202");
	expect(await archive.query("SELECT FROM otel.span_counts WHERE service = 'old'")).toEqual([]);
	expect(await names("late")).toEqual(["late"]);
});

it("counts by minute agree with the spans, after all that happened above", async () => {
	const counted = `minute, service, name, spans::int, errors::int, max_ms,
		(SELECT sum(n)::int FROM unnest(bucket_spans) AS n) AS in_buckets FROM otel.span_counts`;
	const stored = `date_bin('1 minute', start_time, 'epoch') AS minute, service, name, count(*)::int AS spans,
		(count(*) FILTER (WHERE status = 'error'))::int AS errors, max(duration_ms) AS max_ms, count(*)::int AS in_buckets
		FROM otel.spans GROUP BY 1, 2, 3`;
	const counts = await archive.query(`SELECT ${counted} ORDER BY 1, 2, 3`);
	expect(counts.length).toBeGreaterThan(10);
	expect(counts).toEqual(await archive.query(`SELECT ${stored} ORDER BY 1, 2, 3`));
});

it("whoever reads does nothing else", async () => {
	const asReader = (sql: string) => archive.query(sql, [], reader);
	expect(await asReader("SELECT FROM otel.spans LIMIT 1")).toHaveLength(1);
	expect(await asReader("SELECT * FROM otel.dead_letters LIMIT 1")).toHaveLength(1);
	expect(await asReader("SELECT received_at, last_error FROM otel.ingestion_queue")).toEqual([]);
	const operations = await asReader("SELECT * FROM otel.operations(now() - interval '1 hour', now(), 'killed')");
	expect(operations).toMatchObject([{ service: "killed", name: "one of many", errors: "0", max_ms: 5 }]);
	expect(Math.abs(operations[0]?.p95_ms / 5 - 1)).toBeLessThanOrEqual(0.05);
	for (const sql of [
		"DELETE FROM otel.spans",
		"CREATE TABLE otel.mine (n int)",
		"CREATE TABLE public.mine (n int)",
		"CREATE TEMPORARY TABLE mine (n int)",
		"SELECT lo_from_bytea(0, 'x')",
		"SELECT payload FROM otel.dead_payloads",
		"SELECT otel.replay(1)",
		"SELECT otel.add_day('2020-02-02')",
	])
		await expect(asReader(`SET TRANSACTION READ WRITE; ${sql}`)).rejects.toThrow("permission denied");
	// Where changes are logged, or one fails, PostgreSQL writes down the whole statement.
	const log = await archive.databaseLog();
	expect(log).toContain("ROLE");
	expect(log).not.toContain(reader.password);
});

it("a database is asked for its certificate where it is to be checked, and everything goes encrypted", async () => {
	// Owners as well, to be told apart.
	for (const name of ["checking", "trusting"])
		await archive.query(`CREATE ROLE ${name} SUPERUSER LOGIN PASSWORD '${password}'`);
	await archive.query("CREATE ROLE somebody LOGIN PASSWORD 'theirs'");
	const caFile = await archive.encrypt(await selfSigned(["IP:127.0.0.1"]));
	archive.start(3, { database: { user: "checking", tls: { verify: true, caFile } } });
	archive.start(4, { database: { user: "trusting", tls: { verify: false } } });
	archive.start(5, { database: { host: "localhost", tls: { verify: true, caFile } } });
	archive.start(6, { database: { tls: { verify: true } } });
	archive.start(7, { reader: "somebody" });
	for (const worker of [3, 4]) await archive.ready(worker);
	const encrypted = await archive.query(
		"SELECT usename AS who, bool_and(ssl) AS ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE usename IN ('checking', 'trusting') GROUP BY 1 ORDER BY 1",
	);
	expect(encrypted).toEqual([
		{ who: "checking", ssl: true },
		{ who: "trusting", ssl: true },
	]);
	const says = (worker: number, what: string) =>
		until(60, async () => expect(await archive.says(worker)).toContain(what));
	await says(5, "does not match certificate's altnames");
	await says(6, "self-signed certificate");
	// A role that something else uses keeps its password.
	await says(7, "role somebody is there already");
	expect(await archive.query("SELECT session_user AS me", [], { user: "somebody", password: "theirs" })).toEqual([
		{ me: "somebody" },
	]);
	for (const worker of [3, 4, 5, 6, 7]) await archive.end(worker, "SIGKILL");
});

it("it traces itself: what was received, and what became of it", async () => {
	await until(30, async () => {
		const spans = own.flatMap(({ resourceSpans }) =>
			resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
		);
		const received = spans.filter(({ name }) => name === "POST /v1/traces").map(({ spanId }) => spanId.join());
		const drains = spans.filter(({ name }) => name === "drain");
		expect(drains.flatMap(({ links }) => links).some(({ spanId }) => received.includes(spanId.join()))).toBe(true);
	});
});
