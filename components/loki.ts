import type { Settings } from "../settings.ts";
import { type Patch, parseConfig, renderYaml } from "./render.ts";
import { sizeOf } from "./sizes.ts";
import { credentials, folderOf, grants, type Storage } from "./storage.ts";
import type { Workload } from "./workload.ts";

const owner = { uid: 10001, gid: 10001 };

/** Loki's configuration for a stack: the file under configs/ with retention, storage and the log level in place. */
function lokiConfig(settings: Settings, storage: Storage): string {
	const { patch } = settings.image("loki");
	return renderYaml(
		"loki/loki.yaml",
		{
			server: { log_level: settings.logLevel },
			limits_config: { retention_period: settings.logs.retention },
		},
		chunks(storage),
		patch,
	);
}

/** Where chunks, the index and requests to delete lie. */
function chunks(storage: Storage): Patch {
	if (storage.backend === "local") return {};
	const [period] = parseConfig("loki/loki.yaml").schema_config.configs;
	return {
		schema_config: { configs: [{ ...period, object_store: storage.backend }] },
		storage_config: {
			object_store: { filesystem: null, ...bucketOf(storage), storage_prefix: folderOf(storage, "loki") },
		},
		compactor: { delete_request_store: storage.backend },
	};
}

function bucketOf(storage: Exclude<Storage, { backend: "local" }>): Patch {
	switch (storage.backend) {
		case "s3": {
			const { bucket, endpoint, region, insecure, forcePathStyle } = storage;
			// An endpoint within a VPC answers by the plain name only.
			const s3 = { bucket_name: bucket, endpoint, region, insecure, dualstack_enabled: false };
			return { s3: { ...s3, ...(forcePathStyle && { bucket_lookup_type: "path" }) } };
		}
		case "gcs":
			return { gcs: { bucket_name: storage.bucket } };
		case "azure": {
			const azure = { container_name: storage.container, account_name: storage.account };
			// biome-ignore lint/suspicious/noTemplateCurlyInString: Loki expands it
			return { azure: { ...azure, ...(storage.accountKey && { account_key: "${AZURE_STORAGE_KEY}" }) } };
		}
	}
}

/** Grafana Loki, monolithic: logs with the trace id of each line. */
export function loki(settings: Settings, storage: Storage): Workload {
	const instances = settings.logs.enabled ? 1 : 0;
	return {
		name: "loki",
		description: "logs",
		image: settings.image("loki").image,
		// Expanded is what the configuration says of a key.
		command: ["-config.file=/etc/loki/loki.yaml", "-config.expand-env=true"],
		user: owner,
		files: { "/etc/loki/loki.yaml": { text: lokiConfig(settings, storage) } },
		...credentials(storage, "loki"),
		ports: [{ name: "loki", number: 3100, protocol: "http", reach: "host" }],
		volumes: [{ name: "data", path: "/loki", sizeGiB: 20, owner, ownedByImage: true, keep: "replace", fs: "any" }],
		grants: grants(storage, "loki"),
		ready: {
			port: "loki",
			path: "/ready",
			timeoutSeconds: 90,
			ask: ["/usr/bin/loki", "-health", "-health.url=http://127.0.0.1:3100/ready"],
		},
		size: sizeOf(settings, "loki"),
		// Switched off, its volume stays, and with it what was logged before.
		scale: { min: instances, max: instances, deploy: "stop-first" },
		stopGraceSeconds: 30,
	};
}
