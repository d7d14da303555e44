// Which backup may become which stack.

import { describe, expect, it } from "vitest";
import type { Manifest } from "../../cli/backup/format.ts";
import { namedVolumes } from "../../cli/backup/parts.ts";
import { differences, refuseMisfit } from "../../cli/backup/restore.ts";

const volume = (name: string) => ({ name, bytes: 1, sha256: "0".repeat(64) });
const local = { backend: "local" as const, place: "each service's own volume", ours: true };

const manifest: Manifest = {
	format: 1,
	tracestack: "0.1.0",
	stack: "dev",
	createdAt: "2026-01-02T03:04:05.000Z",
	grafanaUser: "admin",
	storage: local.place,
	images: { tempo: "grafana/tempo:2.8.2", loki: "grafana/loki:3.7.0" },
	volumes: [volume("tempo-data"), volume("loki-data")],
};

const container = { id: "1", name: "tracestack-dev-tempo", state: "running", since: "" };
const parts = {
	services: [{ ...container, service: "tempo", image: "grafana/tempo:2.8.2" }],
	volumes: [
		{ name: "tempo-data", engineName: "tracestack-dev-tempo-data" },
		{ name: "loki-data", engineName: "tracestack-dev-loki-data" },
	],
	grafana: { user: "admin", password: "" },
	storage: local,
};

describe("a backup that fits", () => {
	it("is not refused, and differs in nothing", () => {
		refuseMisfit(manifest, parts);
		expect(differences(manifest, parts)).toEqual([]);
	});

	it("of other images, fewer volumes or another store is restored, and says so", () => {
		const storage = { backend: "gcs" as const, place: "gs://acme", ours: false };
		const older = { ...manifest, images: { tempo: "grafana/tempo:2.7.0" }, volumes: [volume("tempo-data")] };
		refuseMisfit(older, parts);
		expect(differences(older, { ...parts, storage })).toEqual([
			"tempo: the backup was made with grafana/tempo:2.7.0, this is grafana/tempo:2.8.2",
			"loki-data is not in the backup and stays as it is",
			"traces and logs were stored in each service's own volume, and this stack reads them from gs://acme",
		]);
	});
});

describe("a backup that does not", () => {
	it("has a volume that the stack has not", () => {
		const other = { ...manifest, volumes: [...manifest.volumes, volume("mimir-data")] };
		expect(() => refuseMisfit(other, parts)).toThrow(/The backup has mimir-data, and this stack has no such service/);
	});

	it("has another administrator", () => {
		expect(() => refuseMisfit({ ...manifest, grafanaUser: "root" }, parts)).toThrow(/set tracestack:grafana.adminUser/);
	});
});

describe("volumes are known by what they are for", () => {
	it("whatever the prefix", () => {
		expect(
			namedVolumes([
				{ name: "acme-dev-tempo-data", service: "tempo" },
				{ name: "tracestack-loki-loki-data", service: "loki" },
			]),
		).toEqual([
			{ name: "loki-data", engineName: "tracestack-loki-loki-data" },
			{ name: "tempo-data", engineName: "acme-dev-tempo-data" },
		]);
	});

	it("and two for the same are refused", () => {
		const volumes = ["old-dev-tempo-data", "new-dev-tempo-data"].map((name) => ({ name, service: "tempo" }));
		expect(() => namedVolumes(volumes)).toThrow(/Both .* are the stack's tempo-data/);
	});
});
