// The archive as the program declares it, and what the doctor makes of its metrics.

import { type Input, output } from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { fillingQueue } from "../../cli/doctor/archive.ts";
import { archiveSource } from "../../components/archive.ts";
import { platform } from "../../components/platform.ts";
import { ruleFiles } from "../../components/rules.ts";
import type { Offers } from "../../components/workload.ts";
import { databaseOf } from "../../settings/archive.ts";
import { parseSettings } from "../../settings.ts";
import { selfSigned } from "../certificate.ts";

const at = (workload: string, port: number) => `${workload}:${port}`;
const archive = { enabled: true };
const own = "postgres://me:p%40ss@db.example.com:5433/traces";
const passwords = { own: "of-the-volume", reader: "of-the-reader" };
const made = {
	password: "",
	storeKey: "",
	database: "of-rds",
	access: { token: "hush", ca: "PEM" },
	archive: passwords,
};

function settings(raw: Record<string, unknown>) {
	return parseSettings(raw, { project: "tracestack", name: "dev" });
}

function workload(name: string, raw: Record<string, unknown>, offers: Offers = {}) {
	return platform(settings(raw), at, made, offers).find((one) => one.name === name);
}

/** What the worker is told. */
function told(raw: Record<string, unknown>, offers?: Offers) {
	const { files, secrets } = workload("otel-worker", raw, offers)!;
	const config = JSON.parse(files["/etc/otel-worker/config.json"]!.text);
	return { config, secrets: new Map(secrets.map(({ as, value }) => ["file" in as ? as.file : "", value])) };
}

/** What a secret of a datasource is. */
async function shown(secrets: Input<string> | undefined): Promise<string> {
	return new Promise((resolve) => output(secrets).apply((text) => resolve(`${text}`)));
}

const rds = { database: { host: "<late>", port: 5432, user: "tracestack" } };

describe("PostgreSQL", () => {
	it("keeps its volume where the archive is off, and runs nothing", () => {
		const { scale, volumes } = workload("postgres", {})!;
		expect(scale.max).toBe(0);
		expect(volumes).toMatchObject([{ name: "data", keep: "replace", fs: "posix" }]);
		expect(workload("otel-worker", {})).toBeUndefined();
	});

	it("runs where no other database is given", () => {
		expect(workload("postgres", { archive })!.scale.max).toBe(1);
		expect(workload("postgres", { archive: { ...archive, database: own } })!.scale.max).toBe(0);
		expect(workload("postgres", { archive }, rds)).toBeUndefined();
	});

	it("has room for a join in parallel: Docker gives /dev/shm 64 MB", () => {
		expect(workload("postgres", { archive })!.command).toContain("dynamic_shared_memory_type=sysv");
	});

	it("has its password in a file alone, and is asked from within: it speaks no HTTP", () => {
		const { env, command, secrets, ready } = workload("postgres", { archive })!;
		expect(JSON.stringify({ env, command })).not.toContain("of-the");
		expect(secrets).toEqual([{ value: "of-the-volume", as: { file: env.POSTGRES_PASSWORD_FILE } }]);
		expect(ready.port).toBeUndefined();
		// On the socket it answers already while its volume is being made.
		expect(ready.ask).toEqual(expect.arrayContaining(["pg_isready", "--host=127.0.0.1"]));
	});
});

describe("the worker", () => {
	it("writes to the stack's own server", () => {
		const { config, secrets } = told({ archive });
		expect(config.database).toEqual({
			...{ host: "postgres", port: 5432, name: "archive", user: "tracestack" },
			passwordFile: "/etc/otel-worker/secrets/database",
		});
		expect(secrets.get(config.database.passwordFile)).toBe("of-the-volume");
		expect(secrets.get(config.reader.passwordFile)).toBe("of-the-reader");
	});

	it("writes to a given one, with TLS unless it is told otherwise", () => {
		const database = (url: string) => told({ archive: { ...archive, database: url } }).config.database;
		expect(database(own)).toMatchObject({ host: "db.example.com", port: 5433, name: "traces", user: "me" });
		expect(database(own).tls).toEqual({ verify: false });
		expect(database(`${own}?sslmode=verify-full`).tls).toEqual({ verify: true });
		expect(database(`${own}?sslmode=disable`).tls).toBeUndefined();
		const { config, secrets } = told({ archive: { ...archive, database: own } });
		expect(secrets.get(config.database.passwordFile)).toBe("p@ss");
		expect(config.reader.user).toBe("traces_reader");
		expect(workload("otel-worker", { archive: { ...archive, database: own } })!.calls).toContainEqual({ port: 5433 });
	});

	it("checks a certificate by an authority of one's own, where one is given; so does Grafana", async () => {
		const { certificate } = await selfSigned(["DNS:db.example.com"]);
		const raw = { archive: { ...archive, database: `${own}?sslmode=verify-full`, ca: certificate } };
		const { database } = told(raw).config;
		expect(database.tls).toEqual({ verify: true, caFile: "/etc/otel-worker/database-ca.crt" });
		expect(workload("otel-worker", raw)!.files[database.tls.caFile]?.text).toBe(certificate);
		const { jsonData, secrets } = archiveSource(settings(raw), at, passwords, {})!;
		expect(jsonData).toMatchObject({ sslmode: "verify-full", tlsConfigurationMethod: "file-content" });
		expect(JSON.parse(await shown(secrets))).toEqual({ password: "of-the-reader", tlsCACert: certificate });
	});

	it("takes what has room", () => {
		expect(told({ archive }).config.queue).toEqual({ mostBytes: 2 * 2 ** 30 });
		expect(told({ archive: { ...archive, queueMiB: 1 } }).config.queue).toEqual({ mostBytes: 2 ** 20 });
	});

	it("writes to an offered one, which it is granted", () => {
		const { config, secrets } = told({ archive }, rds);
		expect(config.database).toMatchObject({ host: "<late>", name: "archive", tls: { verify: false } });
		expect(secrets.get(config.database.passwordFile)).toBe("of-rds");
		expect(workload("otel-worker", { archive }, rds)!.grants).toEqual([{ database: "archive", password: "of-rds" }]);
		// Grafana's comes first: it decides what the first database on the server is called.
		const granted = platform(settings({ archive }), at, made, rds).flatMap(({ grants = [] }) => grants);
		expect(granted.flatMap((grant) => ("database" in grant ? [grant.database] : []))).toEqual(["grafana", "archive"]);
	});

	it("shows the collector what it asks for", () => {
		const access = { token: true, tls: "generated", hosts: ["otel.example.com"] };
		const { config, secrets } = told({ archive, access });
		expect(config.otlp).toMatchObject({ url: "https://collector:4318/v1/traces", tls: { name: "otel.example.com" } });
		expect(secrets.get(config.otlp.tokenFile)).toBe("hush");
		expect(secrets.get(config.otlp.tls.caFile)).toBe("PEM");
	});

	it("keeps whole days", () => {
		expect(told({ archive: { ...archive, retention: "90d" } }).config.retentionDays).toBe(90);
		expect(told({ archive: { ...archive, retention: "36h" } }).config.retentionDays).toBe(2);
	});
});

describe("the collector", () => {
	const collector = (raw: Record<string, unknown>) =>
		parse(workload("collector", raw)!.files["/etc/otelcol-contrib/config.yaml"]!.text);

	it("knows nothing of an archive that is off", () => {
		expect(JSON.stringify(collector({}))).not.toContain("archive");
	});

	it("sends it every span but the archive's own, by a queue on disk that holds up nobody", () => {
		const { exporters, processors, service } = collector({ archive });
		expect(exporters["otlp_http/destination-span_archive"]).toMatchObject({
			endpoint: "http://otel-worker:8080",
			retry_on_failure: { enabled: true, max_elapsed_time: 0 },
			sending_queue: { storage: "file_storage/queue", block_on_overflow: false },
		});
		expect(processors["filter/span_archive"].traces.span).toEqual([
			'resource.attributes["service.name"] == "otel-worker"',
		]);
		expect(service.pipelines["traces/span_archive"].processors).toEqual(["filter/span_archive", "batch/destinations"]);
		expect(service.pipelines.traces.exporters).toContain("forward/span_archive");
	});
});

describe("whoever looks", () => {
	it("gets a datasource with the reader's password, and never the writer's", async () => {
		const source = archiveSource(settings({ archive }), at, passwords, {})!;
		expect(source).toMatchObject({
			...{ uid: "archive", url: "postgres:5432", username: "archive_reader" },
			jsonData: { database: "archive", sslmode: "disable" },
		});
		const { secrets, ...others } = source;
		expect(await shown(secrets)).toBe('{"password":"of-the-reader"}');
		expect(JSON.stringify(others)).not.toContain("of-the");
		expect(archiveSource(settings({}), at, passwords, {})).toBeUndefined();
	});

	it("gets its dashboard, its alerts and its metrics with it, and not without", () => {
		const names = (raw: Record<string, unknown>) => settings(raw).packs.map(({ name }) => name);
		expect(names({})).not.toContain("archive");
		expect(names({ archive })).toContain("archive");
		const rules = (raw: Record<string, unknown>) => ruleFiles(settings(raw)).map(({ name }) => name);
		expect(rules({ archive })).toContain("archive-archive.yaml");
		const scraped = (raw: Record<string, unknown>) =>
			workload("prometheus", raw)!.files["/etc/prometheus/prometheus.yaml"]!.text.includes("otel-worker:8080");
		expect([scraped({}), scraped({ archive })]).toEqual([false, true]);
	});
});

it("the doctor tells of a queue before it is full", () => {
	const most = 100 * 2 ** 20;
	expect(fillingQueue({ bytes: 0.79 * most, most, refused: 0 })).toEqual([]);
	expect(fillingQueue({ bytes: most, most, refused: 7 })).toMatchObject([
		{ what: "100 MiB wait to be stored, and 100 MiB may", seen: expect.stringContaining("7 requests") },
	]);
	// Of a worker that has said nothing yet.
	expect(fillingQueue({ bytes: 0, most: 0, refused: 0 })).toEqual([]);
});

it("a database's URL says everything that is needed", () => {
	expect(databaseOf("postgresql://a:b@host/name")).toEqual({
		...{ host: "host", port: 5432, name: "name", user: "a", password: "b", tls: "require" },
	});
});
