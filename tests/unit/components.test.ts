// What settings do to workloads, without an engine.

import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { collector } from "../../components/collector.ts";
import { grafanaServer } from "../../components/grafana.ts";
import { dataSources, uid } from "../../components/links.ts";
import { dashboards, packs } from "../../components/packs.ts";
import { platform } from "../../components/platform.ts";
import { prometheus } from "../../components/prometheus.ts";
import type { Workload } from "../../components/workload.ts";
import { parseSettings, type Settings } from "../../settings.ts";
import { fargateSize } from "../../targets/aws/fargate.ts";

const at = (workload: string, port: number) => `${workload}:${port}`;
const settings = (raw: Record<string, unknown>): Settings => parseSettings(raw, { project: "tracestack", name: "dev" });
const made = { password: "", storeKey: "a-random-key" };

/** One service of a stack with these settings. */
function service(name: string, raw: Record<string, unknown> = {}): Workload {
	const workload = platform(settings(raw), at, made).find((w) => w.name === name);
	if (!workload) throw new Error(`no service is called ${name}`);
	return workload;
}

function configOf({ files }: { files: Record<string, { text: string }> }, path: string) {
	return parse(files[path]?.text ?? "");
}

describe("storage", () => {
	const secret = "hunter2";
	const paths: Record<string, string> = { tempo: "/etc/tempo/tempo.yaml", loki: "/etc/loki/loki.yaml" };
	const stored = (name: string, storage: Record<string, unknown>) => {
		const workload = service(name, { storage });
		return { workload, config: configOf(workload, paths[name] ?? "") };
	};
	const s3 = { backend: "s3", bucket: "acme", endpoint: "s3:7070", accessKeyId: "me", secretAccessKey: secret };

	it.each(["tempo", "loki"])("of %s is S3 by a credentials file, a secret that is in no configuration", (name) => {
		const { workload } = stored(name, s3);
		const path = workload.env.AWS_SHARED_CREDENTIALS_FILE;
		expect(workload.secrets).toEqual([{ as: { file: path }, value: expect.stringContaining(secret) }]);
		expect(JSON.stringify({ ...workload, secrets: [] })).not.toContain(secret);
	});

	it("has a folder for each service, so that one bucket holds them, and several stacks", () => {
		const tempoOf = (more = {}) => stored("tempo", { ...s3, ...more }).config.storage.trace;
		const lokiOf = (more = {}) => stored("loki", { ...s3, ...more }).config.storage_config.object_store;
		expect(tempoOf()).toMatchObject({ backend: "s3", s3: { bucket: "acme", prefix: "tempo" } });
		expect(lokiOf()).toMatchObject({ s3: { bucket_name: "acme" }, storage_prefix: "loki" });
		expect(tempoOf({ prefix: "a" }).s3.prefix).toBe("a-tempo");
		expect(lokiOf({ prefix: "a" }).storage_prefix).toBe("a-loki");
		expect(tempoOf()).not.toHaveProperty("local");
		expect(lokiOf()).not.toHaveProperty("filesystem");
	});

	it("moves everything of Loki's: chunks, index, and requests to delete, or retention would not run", () => {
		const { schema_config, compactor } = stored("loki", s3).config;
		expect(schema_config.configs).toMatchObject([{ object_store: "s3", schema: "v13" }]);
		expect(compactor.delete_request_store).toBe("s3");
	});

	it("is a server of the stack's own where S3 is asked for and no server named", () => {
		const own = { backend: "s3" };
		expect(service("objectstore", { storage: own }).scale.max).toBe(1);
		expect(service("objectstore", { storage: s3 }).scale.max).toBe(0);
		// Declared all the same: no setting removes a volume.
		expect(service("objectstore")).toMatchObject({ scale: { max: 0 }, volumes: [{ folders: ["tracestack"] }] });
		const { workload, config } = stored("tempo", own);
		expect(config.storage.trace.s3).toMatchObject({
			endpoint: "objectstore:7070",
			bucket: "tracestack",
			insecure: true,
		});
		expect(workload.secrets[0]?.value).toContain(made.storeKey);
	});

	it("is GCS by a key file, or by the machine's own identity", () => {
		const gcs = { backend: "gcs", bucket: "acme" };
		const { env, secrets } = service("tempo", { storage: { ...gcs, serviceAccountKey: secret } });
		expect(secrets).toEqual([{ as: { file: env.GOOGLE_APPLICATION_CREDENTIALS }, value: secret }]);
		expect(service("loki", { storage: gcs }).secrets).toEqual([]);
	});

	it("is Azure by a key, or by a managed identity", () => {
		const azure = { backend: "azure", container: "traces", account: "acme" };
		for (const name of ["tempo", "loki"])
			expect(service(name, { storage: { ...azure, accountKey: secret } }).secrets).toEqual([
				{ as: { env: "AZURE_STORAGE_KEY" }, value: secret },
			]);
		expect(stored("tempo", azure).config.storage.trace.azure).toMatchObject({ use_managed_identity: true });
		expect(stored("loki", azure).config.storage_config.object_store.azure).not.toHaveProperty("account_key");
	});
});

it("samples are kept as long as they are meant to be where volumes share a disk", () => {
	expect(service("prometheus").command.join()).not.toContain("retention.size");
});

describe("a stack without logs", () => {
	const raw = { logs: { enabled: false } };
	const off = settings(raw);

	it("runs no Loki, and keeps its volume", () => {
		expect(service("loki", raw)).toMatchObject({ scale: { min: 0, max: 0 }, volumes: [{ name: "data" }] });
	});

	it("takes no logs: a sender is told, and nothing is queued for nobody", () => {
		const { exporters, service } = configOf(collector(off, at), "/etc/otelcol-contrib/config.yaml");
		expect(Object.keys(service.pipelines)).toEqual(["traces", "metrics"]);
		expect(Object.keys(exporters)).not.toContain("otlp_http/loki");
	});

	it("leads nowhere that there is nothing", () => {
		const { scrape_configs } = configOf(prometheus(off, at), "/etc/prometheus/prometheus.yaml");
		expect(scrape_configs.map(({ job_name }: { job_name: string }) => job_name)).not.toContain("loki");
		expect(JSON.stringify(dataSources(at, false))).not.toContain(uid.loki);
		const models = (...absent: string[]) => dashboards(packs(), absent).map(({ json }) => json);
		expect(models().join()).toContain(`"uid":"${uid.loki}"`);
		expect(models(uid.loki).join()).not.toContain(`"uid":"${uid.loki}"`);
	});
});

describe("optional ports", () => {
	const reach = (raw: Record<string, unknown>, name: string) =>
		[service("tempo", raw), service("collector", raw)].flatMap(({ ports }) => ports).find((port) => port.name === name)
			?.reach;

	it("are published where they have a number", () => {
		expect(reach({}, "tempoOtlpHttp")).toBe("stack");
		expect(reach({ ports: { otlpHttp: 4319, tempoOtlpHttp: 4318 } }, "tempoOtlpHttp")).toBe("host");
		expect(reach({}, "collectorMetrics")).toBe("stack");
		expect(reach({ ports: { preset: "beside-jaeger" } }, "collectorMetrics")).toBe("host");
	});
});

describe("applications that can't send OTLP yet", () => {
	const of = (formats: Record<string, boolean>) => {
		const workload = collector(settings({ collector: formats }), at);
		const config = configOf(workload, "/etc/otelcol-contrib/config.yaml");
		return { config, ports: workload.ports.map(({ name }) => name) };
	};
	const further = ["jaegerGrpc", "jaegerThriftHttp", "zipkin"];

	it("are heard where the settings say so, and nothing listens where they don't", () => {
		for (const name of further) expect(of({}).ports).not.toContain(name);
		expect(Object.keys(of({}).config.receivers)).toEqual(["otlp"]);
		expect(of({ jaeger: true, zipkin: true }).ports).toEqual(expect.arrayContaining(further));
		expect(of({ zipkin: true }).ports).not.toContain("jaegerGrpc");
		expect(of({ jaeger: true }).ports).not.toContain("zipkin");
	});

	it("have their traces treated as everybody's, and send no metrics and no logs", () => {
		const plain = of({}).config.service.pipelines;
		const { pipelines } = of({ jaeger: true, zipkin: true }).config.service;
		expect(pipelines).toEqual({ ...plain, traces: { ...plain.traces, receivers: ["otlp", "jaeger", "zipkin"] } });
	});
});

it.each([
	["https://otlp.example.com", "otlp.example.com:443"],
	["http://far", "far:80"],
	["http://far:4317/", "far:4317"],
])("a destination by gRPC at %s is %s to the collector, which refuses one without a port", (endpoint, expected) => {
	const raw = { destinations: [{ name: "far", endpoint, protocol: "grpc" }] };
	const { exporters } = configOf(collector(settings(raw), at), "/etc/otelcol-contrib/config.yaml");
	expect(exporters["otlp_grpc/destination-far"].endpoint).toBe(expected);
});

it("pinned plugins are downloaded before Grafana starts", () => {
	const { env } = grafanaServer(settings({ grafana: { plugins: ["a-panel@1.0.0", "b-app@2.0.0"] } }), "");
	expect(env.GF_PLUGINS_PREINSTALL_SYNC).toBe("a-panel@1.0.0,b-app@2.0.0");
	expect(grafanaServer(settings({}), "").env).not.toHaveProperty("GF_PLUGINS_PREINSTALL_SYNC");
});

it.each(["small", "medium", "large"])("%s fits Fargate", (size) => {
	for (const workload of platform(settings({ size }), at, made))
		expect(fargateSize(workload.size), workload.name).toBeDefined();
});

it.each([
	["small", 409, 102],
	["large", 3276, 819],
])(
	"the collector refuses before a %s one is killed, whatever memory it finds around it",
	(size, limit_mib, spike_limit_mib) => {
		const { processors } = configOf(collector(settings({ size }), at), "/etc/otelcol-contrib/config.yaml");
		expect(processors.memory_limiter).toEqual({ check_interval: "1s", limit_mib, spike_limit_mib });
	},
);

it("every service is told how much memory its heap may take", () => {
	const servers = platform(settings({}), at, made).filter(({ name }) => name !== "postgres");
	for (const { name, env, size } of servers)
		expect(env.GOMEMLIMIT, name).toBe(`${Math.floor(size.memoryMiB * 0.8)}MiB`);
});
