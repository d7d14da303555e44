// What settings do to workloads, without an engine.

import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { collector } from "../../components/collector.ts";
import { grafanaServer } from "../../components/grafana.ts";
import { dataSources, uid } from "../../components/links.ts";
import { loki } from "../../components/loki.ts";
import { dashboards, packNames } from "../../components/packs.ts";
import { platform } from "../../components/platform.ts";
import { prometheus } from "../../components/prometheus.ts";
import { tempo } from "../../components/tempo.ts";
import { parseSettings, type Settings } from "../../settings.ts";
import { fargateSize } from "../../targets/aws/fargate.ts";

const at = (workload: string, port: number) => `${workload}:${port}`;
const settings = (raw: Record<string, unknown>): Settings => parseSettings(raw, { project: "tracestack", name: "dev" });
const stored = (storage: Record<string, unknown>) => tempo(settings({ tempo: { storage } }), at);

function configOf({ files }: { files: Record<string, { text: string }> }, path: string) {
	return parse(files[path]?.text ?? "");
}

describe("where Tempo's blocks lie", () => {
	const secret = "hunter2";

	it("is S3 by a credentials file, which is a secret and not in the configuration", () => {
		const s3 = { backend: "s3", bucket: "traces", endpoint: "s3:7070", accessKeyId: "me", secretAccessKey: secret };
		const workload = stored({ ...s3, forcePathStyle: true });
		const { storage } = configOf(workload, "/etc/tempo/tempo.yaml");
		expect(storage.trace).toMatchObject({ backend: "s3", s3: { bucket: "traces", forcepathstyle: true } });
		expect(storage.trace).not.toHaveProperty("local");
		const path = workload.env.AWS_SHARED_CREDENTIALS_FILE;
		expect(workload.secrets).toEqual([{ as: { file: path }, value: expect.stringContaining(secret) }]);
		expect(JSON.stringify({ ...workload, secrets: [] })).not.toContain(secret);
	});

	it("is GCS by a key file, or by the machine's own identity", () => {
		const withKey = stored({ backend: "gcs", bucket: "traces", serviceAccountKey: secret });
		expect(withKey.secrets).toEqual([{ as: { file: withKey.env.GOOGLE_APPLICATION_CREDENTIALS }, value: secret }]);
		expect(stored({ backend: "gcs", bucket: "traces" })).toMatchObject({ env: {}, secrets: [] });
	});

	it("is Azure by a key, or by a managed identity", () => {
		const azure = { backend: "azure", container: "traces", account: "acme" };
		expect(stored({ ...azure, accountKey: secret }).secrets).toEqual([
			{ as: { env: "AZURE_STORAGE_KEY" }, value: secret },
		]);
		const { storage } = configOf(stored(azure), "/etc/tempo/tempo.yaml");
		expect(storage.trace.azure).toMatchObject({ use_managed_identity: true });
	});
});

describe("a stack without logs", () => {
	const off = settings({ logs: { enabled: false } });

	it("runs no Loki, and keeps its volume", () => {
		expect(loki(off)).toMatchObject({ scale: { min: 0, max: 0 }, volumes: [{ name: "data" }] });
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
		const models = (absent?: string) => dashboards(packNames(), absent).map(({ json }) => json);
		expect(models().join()).toContain(`"uid":"${uid.loki}"`);
		expect(models(uid.loki).join()).not.toContain(`"uid":"${uid.loki}"`);
	});
});

describe("optional ports", () => {
	const reach = (raw: Record<string, unknown>, name: string) =>
		[tempo(settings(raw), at), collector(settings(raw), at)]
			.flatMap(({ ports }) => ports)
			.find((port) => port.name === name)?.reach;

	it("are published where they have a number", () => {
		expect(reach({}, "tempoOtlpHttp")).toBe("stack");
		expect(reach({ ports: { otlpHttp: 4319, tempoOtlpHttp: 4318 } }, "tempoOtlpHttp")).toBe("outside");
		expect(reach({}, "collectorMetrics")).toBe("stack");
		expect(reach({ ports: { preset: "beside-jaeger" } }, "collectorMetrics")).toBe("outside");
	});
});

it("pinned plugins are downloaded before Grafana starts", () => {
	const { env } = grafanaServer(settings({ grafana: { plugins: ["a-panel@1.0.0", "b-app@2.0.0"] } }), "");
	expect(env.GF_PLUGINS_PREINSTALL_SYNC).toBe("a-panel@1.0.0,b-app@2.0.0");
	expect(grafanaServer(settings({}), "").env).not.toHaveProperty("GF_PLUGINS_PREINSTALL_SYNC");
});

it.each(["small", "medium", "large"])("%s fits Fargate", (size) => {
	for (const workload of platform(settings({ size }), at, ""))
		expect(fargateSize(workload.size), workload.name).toBeDefined();
});

it("every service is told how much memory its heap may take", () => {
	for (const { name, env, size } of platform(settings({}), at, ""))
		expect(env.GOMEMLIMIT, name).toBe(`${Math.floor(size.memoryMiB * 0.8)}MiB`);
});
