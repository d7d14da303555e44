// docker-otel-lgtm's own configuration on the images of the catalogue under test: its servers share one network, as they
// do in its image. Only what durability needs; Grafana, Loki and Pyroscope store no trace.

import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import { json, until } from "../../cli/verify/api.ts";
import { readCatalogue } from "../../settings/catalogue.ts";
import type { Subject } from "./subjects.ts";

const name = (service: string) => `tracestack-bench-lgtm-${service}`;
const [otlp, search, metrics] = [31_300, 31_301, 31_302];

/**
 * Starts it.
 *
 * @param checkout A clone of grafana/docker-otel-lgtm.
 * @param images The catalogue's file.
 */
export async function startLgtm(checkout: string, images: string): Promise<Subject> {
	const catalogue = readCatalogue(images);
	const image = (service: string) => catalogue[service]?.image ?? "";
	const folder = await mkdtemp(join(tmpdir(), "tracestack-bench-lgtm-"));
	const all = ["network", "collector", "tempo", "prometheus"].map(name);
	const docker = async (...args: string[]) => void (await execa("docker", args));
	const removeContainers = async () => {
		await execa("docker", ["rm", "--force", "--volumes", ...all], { reject: false });
		await execa("docker", ["volume", "rm", "--force", name("data")], { reject: false });
	};
	const remove = async () => {
		await removeContainers();
		await rm(folder, { recursive: true, force: true });
	};
	const tempo = `http://127.0.0.1:${search}`;
	const run = (service: string, options: string[], ...command: string[]) =>
		docker("run", "--detach", "--name", name(service), ...options, image(service), ...command);
	const served = (file: string) => [
		...["--network", `container:${name("network")}`, "--user", "0:0"],
		...["--volume", `${name("data")}:/data`, "--volume", `${join(folder, file)}:/etc/lgtm/${file}:ro`],
	];

	const start = async () => {
		// Of a run that was killed.
		await removeContainers();
		for (const file of ["otelcol-config.yaml", "tempo-config.yaml", "prometheus.yaml"]) {
			const config = parse(readFileSync(join(checkout, "docker", file), "utf8"));
			// Profiles need a server that is not compared.
			if (config.service?.pipelines) delete config.service.pipelines.profiles;
			writeFileSync(join(folder, file), stringify(config));
		}
		const publish = [`${otlp}:4318`, `${search}:3200`, `${metrics}:9090`].flatMap((p) => [
			"--publish",
			`127.0.0.1:${p}`,
		]);
		await docker("run", "--detach", "--name", name("network"), ...publish, image("busybox"), "sh", "-c", "sleep 86400");
		await run(
			"prometheus",
			served("prometheus.yaml"),
			...["--web.enable-remote-write-receiver", "--web.enable-otlp-receiver", "--enable-feature=exemplar-storage"],
			...["--storage.tsdb.path=/data/prometheus", "--config.file=/etc/lgtm/prometheus.yaml"],
		);
		await run("tempo", served("tempo-config.yaml"), "-config.file=/etc/lgtm/tempo-config.yaml");
		await run("collector", served("otelcol-config.yaml"), "--config=/etc/lgtm/otelcol-config.yaml");

		await until(90, async () => {
			const response = await fetch(`${tempo}/ready`);
			if (!response.ok) throw new Error(`Tempo is not ready: ${await response.text()}`);
		});
		await until(60, async () => {
			const response = await fetch(`http://127.0.0.1:${otlp}/v1/traces`, {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: "{}",
			});
			if (!response.ok) throw new Error(`the collector answers ${response.status}`);
		});
	};
	await start().catch(async (error) => {
		await remove();
		throw error;
	});
	const { version } = await json<{ version: string }>(`${tempo}/api/status/buildinfo`);
	return {
		name: "docker-otel-lgtm",
		version,
		otlpHttp: `http://127.0.0.1:${otlp}`,
		tempo,
		prometheus: `http://127.0.0.1:${metrics}`,
		// Its Tempo cuts a trace after 5 s and keeps the newest 30 s from a search.
		settleSeconds: 36,
		container: async (service, ...command) => (await execa("docker", [...command, name(service)])).stdout,
		remove,
	};
}
