import type { Settings } from "../settings.ts";
import { traceIdLabel } from "./links.ts";
import { type Patch, renderYaml } from "./render.ts";
import { metricsFrom } from "./sampling.ts";
import { sizeOf } from "./sizes.ts";
import { credentials, folderOf, grants, type Storage } from "./storage.ts";
import type { AddressOf, Workload } from "./workload.ts";

const owner = { uid: 10001, gid: 10001 };

/** Tempo's configuration for a stack: the file under configs/ with retention, addresses and the log level in place. */
export function tempoConfig(settings: Settings, at: AddressOf, storage: Storage): string {
	const { patch } = settings.image("tempo");
	const { live, parquet_row_group_size_bytes, ...caps } = limits(sizeOf(settings, "tempo"));
	const { dimensions } = settings.spanMetrics;
	const retention = { block_retention: settings.tempo.retention };
	// A search reads the blocks of its time range. A span that is older than this slack counts for its block's range as if it had
	// just begun. In 3.0.3 a block of nothing but such spans has a start after its end, and no search reads it.
	const wal = { ingestion_time_range_slack: settings.tempo.backfill };
	const generates = metricsFrom(settings) === "tempo";
	const prometheus = {
		url: `http://${at("prometheus", 9090)}/api/v1/write`,
		send_exemplars: true,
		send_native_histograms: true,
		// Samples wait for a full batch otherwise, 5 s on a stack with little to say.
		queue_config: { batch_send_deadline: "500ms" },
	};
	return renderYaml(
		"tempo/tempo.yaml",
		{
			server: { log_level: settings.logLevel },
			metrics_generator: { storage: { remote_write: generates ? [prometheus] : [] } },
			backend_worker: { compaction: { compacted_block_retention: settings.tempo.compactedRetention } },
			live_store: { ...live, wal },
			storage: { trace: { block: { parquet_row_group_size_bytes }, wal, ...blocks(storage) } },
			// The one place where the 3.0 line and the 2.8 line both read retention.
			overrides: {
				defaults: {
					compaction: retention,
					metrics_generator: {
						trace_id_label_name: traceIdLabel,
						...caps,
						...(dimensions.length > 0 && { processor: { span_metrics: { dimensions } } }),
						...(!generates && { processors: [] }),
					},
				},
			},
		},
		patch,
	);
}

/**
 * What Tempo holds at once, for the memory that it has: it would be killed before it reached limits made for another size,
 * and lose what it held. Measured with 1 GiB and a queue that drains at 200,000 spans a second (docs/durability.md).
 */
function limits({ memoryMiB }: Workload["size"]) {
	return {
		// Encoded: with 32 MiB of them the process had 0.9 GiB. What exceeds it waits in the collector's queue. The default of
		// 250 MB is right for 16 GiB.
		live: {
			max_live_traces_bytes: memoryMiB * 2 ** 14,
			// To complete a block takes a buffer for each column of each cut of a quarter second in it. Two blocks of 50 MB, the default,
			// were 160 cuts and 600 MB: killed by that, Tempo began again with the same blocks, and was killed again.
			max_block_bytes: Math.min(memoryMiB * 2 ** 14, 52_428_800),
			complete_block_concurrency: memoryMiB < 4096 ? 1 : 2,
		},
		// What a block under construction holds, and several are. At most the default of 100 MB.
		parquet_row_group_size_bytes: Math.min(memoryMiB * 2 ** 14, 100_000_000),
		// Of the generator. A span name makes about 20 series.
		max_active_series: memoryMiB * 50,
		max_cardinality_per_label: memoryMiB,
	};
}

/** Where blocks lie. */
function blocks(storage: Storage): Patch {
	if (storage.backend === "local") return {};
	const prefix = folderOf(storage, "tempo");
	switch (storage.backend) {
		case "s3": {
			const { bucket, endpoint, region, insecure, forcePathStyle } = storage;
			const s3 = { bucket, endpoint, region, prefix, insecure, forcepathstyle: forcePathStyle };
			return { backend: "s3", local: null, s3 };
		}
		case "gcs":
			return { backend: "gcs", local: null, gcs: { bucket_name: storage.bucket, prefix } };
		case "azure": {
			const { container, account, accountKey } = storage;
			const azure = { container_name: container, storage_account_name: account, prefix };
			return {
				backend: "azure",
				local: null,
				azure: { ...azure, ...(!accountKey && { use_managed_identity: true }) },
			};
		}
	}
}

/** Grafana Tempo, monolithic: stores traces, and makes span metrics and the service graph from them. */
export function tempo(settings: Settings, at: AddressOf, storage: Storage): Workload {
	return {
		name: "tempo",
		description: "traces, span metrics and service graph",
		image: settings.image("tempo").image,
		command: ["-config.file=/etc/tempo/tempo.yaml"],
		user: owner,
		files: { "/etc/tempo/tempo.yaml": { text: tempoConfig(settings, at, storage) } },
		...credentials(storage, "tempo"),
		ports: [
			{ name: "tempo", number: 3200, protocol: "http", reach: "host" },
			{ name: "otlp", number: 4317, protocol: "grpc", reach: "stack" },
			{
				name: "tempoOtlpHttp",
				number: 4318,
				protocol: "http",
				reach: settings.ports.tempoOtlpHttp ? "host" : "stack",
			},
		],
		volumes: [{ name: "data", path: "/var/tempo", sizeGiB: 50, owner, ownedByImage: true, keep: "replace", fs: "any" }],
		grants: grants(storage, "tempo"),
		ready: {
			port: "tempo",
			path: "/ready",
			timeoutSeconds: 60,
			ask: ["/tempo", "-health", "-health.url=http://127.0.0.1:3200/ready"],
		},
		size: sizeOf(settings, "tempo"),
		// Two monolithic instances on one volume are not supported.
		scale: { min: 1, max: 1, deploy: "stop-first" },
		// Live data is on disk within the first second. A query in the seconds before would make it wait for ever: its request
		// queue waits for a tenant that only a timer, stopped by then, takes away (modules/frontend/queue in 3.0.3 and 2.8).
		stopGraceSeconds: 8,
	};
}
