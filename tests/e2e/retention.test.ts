// What is older than its retention is removed from the store: blocks and chunks vanish. Nobody waits a day for it, so a
// catalogue's patch gives traces 40 seconds, and everything else looks at its clock more often. Still it mostly waits: `--soak`.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { type Endpoints, epoch, json, prometheusValue, until, withQuery } from "../../cli/verify/api.ts";
import { mergePatch } from "../../components/render.ts";
import { readCatalogue } from "../../settings/catalogue.ts";
import { lost, sendTraces } from "./sender.ts";
import { TestStack } from "./stack.ts";

const catalogue = process.env.TRACESTACK_IMAGES ?? "configs/versions.yaml";
const day = 86_400;
let stack: TestStack;
let folder: string;
let images: string;
let e: Endpoints;

beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "tracestack-e2e-retention-"));
	images = join(folder, "versions.yaml");
	const file = parse(readFileSync(catalogue, "utf8")) as { images: Record<string, { patch?: unknown }> };
	const { tempo, loki } = file.images;
	if (!tempo || !loki) throw new Error(`${catalogue} has no Tempo or no Loki`);
	const overrides = { defaults: { compaction: { block_retention: "40s" } } };
	const compaction = { block_retention: "40s", compacted_block_retention: "5s" };
	// What is flushed stays until the next look at the store has found it there.
	const blocks = { max_block_duration: "2s", complete_block_timeout: "15s" };
	const storage = { trace: { blocklist_poll: "5s" } };
	// The 2.8 line has an ingester and a compactor for it, and its patch says so.
	const { ingester } = (tempo.patch ?? {}) as { ingester?: object };
	const servers = ingester
		? { ingester: blocks, compactor: { compaction } }
		: {
				live_store: { ...blocks, block_reclaim_grace: "1s", flush_op_timeout: "5s" },
				backend_worker: { compaction },
				backend_scheduler: { provider: { retention: { interval: "5s" } } },
			};
	tempo.patch = mergePatch(tempo.patch ?? {}, { ...servers, overrides, storage });
	loki.patch = mergePatch(loki.patch ?? {}, {
		ingester: { chunk_idle_period: "2s", flush_check_period: "1s", wal: { flush_on_shutdown: true } },
		compactor: { compaction_interval: "5s", apply_retention_interval: "5s", retention_delete_delay: "1s" },
	});
	writeFileSync(images, stringify(file));
});

afterAll(async () => {
	rmSync(folder, { recursive: true, force: true });
	await stack?.remove();
});

async function blocksOf(volume: string): Promise<string[]> {
	return (await stack.files(volume)).filter((path) => /single-tenant\/.*\/data\.parquet$/.test(path));
}

async function chunksOf(volume: string): Promise<string[]> {
	return (await stack.files(volume)).filter((path) => /(chunks|loki)\/fake\//.test(path));
}

/** A log line from three days ago. */
async function sendOldLine(service: string): Promise<void> {
	const line = { timeUnixNano: `${epoch(-3 * day)}000000000`, body: { stringValue: "from three days ago" } };
	const attributes = [{ key: "service.name", value: { stringValue: service } }];
	const body = { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords: [line] }] }] };
	const headers = { "content-type": "application/json" };
	await json(`${e.otlpHttp}/v1/logs`, { method: "POST", headers, body: JSON.stringify(body) });
}

async function oldLines(service: string): Promise<unknown[]> {
	const window = { query: `{service_name="${service}"}`, start: epoch(-4 * day), end: epoch(-2 * day) };
	const { data } = await json<{ data: { result: unknown[] } }>(withQuery(`${e.loki}/loki/api/v1/query_range`, window));
	return data.result;
}

async function start(backend: string): Promise<void> {
	stack ??= await TestStack.create("e2e-retention", 32200);
	stack.configure({ size: "small", storage: { backend }, logs: { retention: "1d" }, metrics: { retention: "1d" } });
	const up = await stack.tracestack("up", "--no-verify", "--images", images);
	if (up.code !== 0) throw new Error(up.all);
	e = await stack.endpoints();
}

async function tracesVanish(volume: string, service: string): Promise<void> {
	const ids = (await sendTraces(e.otlpHttp, service, 50)) ?? [];
	expect(ids).toHaveLength(50);
	await until(35, async () => expect(await blocksOf(volume)).not.toEqual([]));
	expect(await lost(e.tempo, ids)).toEqual([]);
	await until(120, async () => {
		expect(await blocksOf(volume)).toEqual([]);
		expect(await lost(e.tempo, ids)).toHaveLength(50);
	});
}

async function logsVanish(volume: string, service: string): Promise<void> {
	await sendOldLine(service);
	await until(30, async () => expect(await oldLines(service)).toHaveLength(1));
	await until(30, async () => expect(await chunksOf(volume)).not.toEqual([]));
	// Its index is written every quarter of an hour, or by the next start.
	await stack.container("loki", "restart");
	// Chunks are marked first, and removed by a loop that runs once a minute.
	await until(180, async () => expect(await chunksOf(volume)).toEqual([]));
}

describe("on volumes", () => {
	beforeAll(() => start("local"));

	it.concurrent("blocks of traces appear, and vanish with what is in them", () =>
		tracesVanish("tempo-data", "retention-local"));

	it.concurrent("chunks of logs appear, and vanish", () => logsVanish("loki-data", "retention-local"));

	it.concurrent("Prometheus removes a block that is too old, and keeps one that is not", async () => {
		const text = (days: number, metric: string) =>
			[0, 1, 2].map((i) => `${metric} ${i} ${epoch(-days * day) + i}\n`).join("");
		const openMetrics = `# TYPE old_metric gauge\n${text(3, "old_metric")}# TYPE new_metric gauge\n${text(0.5, "new_metric")}# EOF\n`;
		const container = `tracestack-${stack.name}-prometheus`;
		const { image } = readCatalogue(catalogue).prometheus ?? {};
		const run = ["run", "--rm", "--interactive", "--volumes-from", container, "--entrypoint", "promtool", `${image}`];
		const create = ["tsdb", "create-blocks-from", "openmetrics", "/dev/stdin", "/prometheus"];
		await execa("docker", [...run, ...create], { input: openMetrics });
		const blocks = async () => (await stack.files("prometheus-data")).filter((path) => path.endsWith("/meta.json"));
		expect(await blocks()).toHaveLength(2);
		const series = (metric: string) => prometheusValue(e.prometheus, `count(last_over_time(${metric}[5d]))`);
		// It looks every minute.
		await until(100, async () => {
			expect(await blocks()).toHaveLength(1);
			expect(await series("new_metric")).toBe(1);
		});
		expect(await series("old_metric")).toBe(0);
	});
});

describe("in S3", () => {
	beforeAll(() => start("s3"));

	it.concurrent("blocks of traces appear, and vanish with what is in them", () =>
		tracesVanish("objectstore-data", "retention-s3"));

	it.concurrent("chunks of logs appear, and vanish", () => logsVanish("objectstore-data", "retention-s3"));
});

it("status says that what the servers keep is not what was declared", async () => {
	const status = await stack.tracestack("status");
	expect(status.code, status.all).toBe(1);
	expect(status.all).toMatch(/✗ traces +kept 336h, \w+\n +but the server says: 0\.01h/);
});
