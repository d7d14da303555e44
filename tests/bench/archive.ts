// What the archive takes: a million spans through its worker into PostgreSQL, how fast, how large, and how soon a dashboard's queries
// answer on them. Writes docs/archive-figures.md.
// Usage: node tests/bench/archive.ts [--images FILE] [--spans 1000000]

import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { linted } from "../../cli/dashboards/lint.ts";
import { panels } from "../../cli/dashboards/rules.ts";
import { root } from "../../cli/paths.ts";
import { postgres } from "../../components/archive.ts";
import { packs } from "../../components/packs.ts";
import { parseSettings } from "../../settings.ts";
import { Archive, reader } from "../e2e/archive.ts";

const { values } = parseArgs({
	options: {
		images: { type: "string", default: join(root, "configs/versions.yaml") },
		spans: { type: "string", default: "1000000" },
	},
});
process.env.TRACESTACK_IMAGES = values.images;
const perTrace = 10;
const perBatch = 1000;
const total = Number(values.spans);
/** A million in an hour: 280 a second. */
const overMs = 3_600_000;

const services = ["web", "cart", "pay", "stock", "mail"];
const operations = Array.from({ length: 10 }, (_, i) => `${["GET", "POST"][i % 2]} /api/v1/things/{id}/part-${i}`);

/** Numbers from 0 to 1 that are the same in each run. */
let seed = 1;
function random(): number {
	seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
	return seed / 2 ** 32;
}

const begin = Date.now() - overMs;
const runs = 100;
let made = 0;
let middle = "";

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const hex = (n: number, digits: number) =>
	Math.imul(n, 2_654_435_761).toString(16).replace("-", "").padStart(digits, "7");

/** A batch as an instrumented service sends it: ten attributes a span, one in fifty failed. */
function batch(): Buffer {
	const resourceSpans = services.map((service, s) => {
		const spans = [];
		for (let i = 0; i < perBatch / services.length; i++) {
			const n = made++;
			const trace = Math.floor(n / perTrace);
			const start = begin + Math.floor((n / total) * overMs);
			const took = 1 + random() ** 4 * 2000;
			const failed = random() < 0.02;
			const traceId = `${hex(trace, 24)}${trace.toString(16).padStart(8, "0")}`.slice(-32);
			if (n === total / 2) middle = traceId;
			spans.push({
				...{ traceId, spanId: `${hex(n, 8)}${n.toString(16).padStart(8, "0")}`.slice(-16), kind: 2 },
				...(i > 0 && { parentSpanId: hex(n - 1, 16) }),
				name: operations[Math.floor(random() * operations.length)],
				startTimeUnixNano: `${start}${String(n % 1_000_000).padStart(6, "0")}`,
				endTimeUnixNano: `${start + Math.ceil(took)}${String(n % 1_000_000).padStart(6, "0")}`,
				...(failed && { status: { code: 2, message: "upstream connect error or disconnect before headers" } }),
				attributes: [
					text("http.request.method", "GET"),
					text("http.route", "/api/v1/things/{id}"),
					text("url.path", `/api/v1/things/${n}`),
					{ key: "http.response.status_code", value: { intValue: failed ? 503 : 200 } },
					text("server.address", `${service}.internal`),
					text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"),
					text("customer.id", `c-${trace % 5000}`),
					{ key: "thread.id", value: { intValue: n % 64 } },
					text("network.protocol.version", "1.1"),
					text("run_id", `run-${Math.floor((n / total) * runs)}`),
				],
			});
		}
		const attributes = [
			text("service.name", service),
			text("service.version", "1.4.2"),
			text("host.name", `host-${s}`),
			text("deployment.environment.name", "bench"),
			text("telemetry.sdk.language", "nodejs"),
		];
		return { resource: { attributes }, scopeSpans: [{ scope: { name: "http" }, spans }] };
	});
	return gzipSync(JSON.stringify({ resourceSpans }), { level: 1 });
}

const settings = parseSettings({ archive: { enabled: true } }, { project: "tracestack", name: "bench" }, values.images);
const [database] = postgres(settings, "", {});
if (!database) throw new Error("the archive has no database");

/** What a panel asks, over all that there is, with what somebody has typed where it asks for something. */
function expanded(sql: string): string {
	const typed: Record<string, string> = { run_id: "run-42", traceId: middle };
	return sql
		.replaceAll(/\$__timeFilter\((\w+)\)/g, "$1 BETWEEN now() - interval '2 hours' AND now()")
		.replaceAll("$__timeFrom()", "now() - interval '2 hours'")
		.replaceAll("$__timeTo()", "now()")
		.replaceAll("$__interval", "1m")
		.replaceAll(/\$\{(\w+):sqlstring\}/g, (_, name: string) => `'${typed[name] ?? ""}'`);
}

/** What the archive's dashboard asks PostgreSQL, panel by panel. */
const asked = linted(packs(["archive"])).flatMap(({ model }) =>
	panels(model).flatMap(({ title, targets = [] }) =>
		targets.flatMap(({ rawSql }) => (rawSql ? [{ title, sql: `${rawSql}` }] : [])),
	),
);

const archive = new Archive("e2e-bench-archive", 23540);
await archive.create(["--memory", `${database.size.memoryMiB}m`], database.command);
try {
	archive.start(1);
	await archive.ready(1);
	const since = performance.now();
	const elapsed = () => (performance.now() - since) / 1000;
	await Promise.all(
		[1, 2, 3, 4].map(async () => {
			while (made < total) {
				const response = await fetch(`${archive.url(1)}/v1/traces`, {
					...{ method: "POST", body: new Uint8Array(batch()) },
					headers: { "content-type": "application/json", "content-encoding": "gzip" },
				});
				if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
			}
		}),
	);
	const acknowledged = elapsed();
	await archive.drained(600);
	const stored = elapsed();
	const [spans] = await archive.query<{ n: number }>("SELECT count(*)::int AS n FROM otel.spans");
	if (spans?.n !== made) throw new Error(`${made} were sent, ${spans?.n} are stored`);
	const [size] = await archive.query<{ heap: string; indexes: string }>(
		`SELECT sum(pg_table_size(inhrelid)) AS heap, sum(pg_indexes_size(inhrelid)) AS indexes
		FROM pg_inherits WHERE inhparent = 'otel.spans'::regclass`,
	);
	const times: string[] = [];
	for (const { title, sql } of asked) {
		const taken: number[] = [];
		for (let i = 0; i < 10; i++) {
			const [{ "QUERY PLAN": plan }] = (await archive.query(
				`EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${expanded(sql)}`,
				[],
				reader,
			)) as [{ "QUERY PLAN": [{ "Execution Time": number; "Planning Time": number }] }];
			taken.push(plan[0]["Execution Time"] + plan[0]["Planning Time"]);
		}
		taken.sort((a, b) => a - b);
		times.push(`| ${title} | ${Math.round(taken[4]!)} ms | ${Math.round(taken[9]!)} ms |`);
	}
	const number = (value: number) => Math.round(value).toLocaleString("en");
	const report = `<!-- Written by tests/bench/archive.ts. -->

# The archive in figures

Measured on ${new Date().toISOString().slice(0, 10)} with ${cpus().length} cores and ${Math.round(totalmem() / 2 ** 30)} GiB, which the sender, the worker and PostgreSQL share; ${number(made)} spans in
batches of ${number(perBatch)}, ten attributes each.

| | |
|---|---|
| acknowledged | ${number(made / acknowledged)} spans/s |
| stored | **${number(made / stored)} spans/s** |
| on disk, a span | ${number((Number(size?.heap) + Number(size?.indexes)) / made)} bytes, of which indexes ${number(Number(size?.indexes) / made)} |

| panel of the dashboard, over all of them | median of 10 | worst |
|---|---|---|
${times.join("\n")}

Again: \`node tests/bench/archive.ts --images FILE\`.
`;
	process.stderr.write(report);
	writeFileSync(join(root, "docs/archive-figures.md"), report);
} finally {
	await archive.clean();
}
