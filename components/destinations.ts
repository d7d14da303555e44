// Further places that telemetry goes to: each hears what the stack hears, and none can disturb it.

import type { Settings } from "../settings.ts";
import { worker, workerPort } from "./archive.ts";
import { callTo } from "./calls.ts";
import type { AddressOf, Secret } from "./workload.ts";

type Destination = Settings["destinations"][number];
type Signal = Destination["signals"][number];

/** What destinations add to the collector. */
export interface Added {
	config: {
		connectors?: Record<string, unknown>;
		processors: Record<string, unknown>;
		exporters: Record<string, unknown>;
	};
	/** Pipelines behind the main ones. */
	pipelines: Record<string, unknown>;
	/** Exporters of each main pipeline: connectors that lead to those. */
	forwards: Record<Signal, string[]>;
	secrets: Secret[];
}

const batch = "batch/destinations";

/**
 * A connector, a batch processor and an exporter with a queue of its own for each. The collector hands data to the
 * exporters of a pipeline one after the other and tells the sender of any error: the batch processor, which returns before
 * anything is exported and swallows errors, keeps a full queue or a refusal to the destination. What finds no room is
 * dropped there and counted in `otelcol_exporter_enqueue_failed_*`.
 */
export function destinations(settings: Settings, at: AddressOf): Added {
	const all = [...settings.destinations, ...(settings.archive.enabled ? [archive(settings, at)] : [])];
	const forwards: Added["forwards"] = { traces: [], metrics: [], logs: [] };
	const added: Added = { config: { processors: {}, exporters: {} }, pipelines: {}, forwards, secrets: [] };
	if (all.length === 0) return added;
	added.config.connectors = {};
	added.config.processors[batch] = { timeout: "200ms", send_batch_size: 512, send_batch_max_size: 512 };
	for (const destination of all) {
		const { name, signals, onlyAttributes } = destination;
		const forward = `forward/${name}`;
		const filter = `filter/${name}`;
		added.config.connectors[forward] = {};
		const left = [...spansWithout(onlyAttributes), ...(name === archiveName ? [ofWorker] : [])];
		if (left.length > 0) added.config.processors[filter] = { error_mode: "ignore", traces: { span: left } };
		const { exporter, config, secrets } = exporterOf(destination);
		added.config.exporters[exporter] = config;
		added.secrets.push(...secrets);
		for (const signal of signals) {
			forwards[signal].push(forward);
			added.pipelines[`${signal}/${name}`] = {
				receivers: [forward],
				processors: [...(signal === "traces" && left.length > 0 ? [filter] : []), batch],
				exporters: [exporter],
			};
		}
	}
	return added;
}

function exporterOf({ name, endpoint, protocol, headers, queueMiB }: Destination) {
	const files = Object.entries(headers).map(([header, value]) => {
		const file = `/etc/otelcol-contrib/secrets/${name}-${header.toLowerCase()}`;
		return { header, secret: { value, as: { file } }, reference: `\${file:${file}}` };
	});
	const plain = endpoint.startsWith("http://");
	return {
		// Its queue's file is called after it: another name would leave the queue behind.
		exporter: `otlp_${protocol}/destination-${name}`,
		config: {
			// The collector wants a port here, also where it is the scheme's own.
			endpoint: protocol === "grpc" ? `${new URL(endpoint).hostname}:${callTo(endpoint).port}` : endpoint,
			...(plain && { tls: { insecure: true } }),
			...(files.length > 0 && {
				headers: Object.fromEntries(files.map(({ header, reference }) => [header, reference])),
			}),
			retry_on_failure: { enabled: true, initial_interval: "1s", max_interval: "30s", max_elapsed_time: 0 },
			sending_queue: {
				storage: "file_storage/queue",
				sizer: "bytes",
				queue_size: queueMiB * 2 ** 20,
				block_on_overflow: false,
			},
		},
		secrets: files.map(({ secret }) => secret),
	};
}

/** What a setting can't name. */
const archiveName = "span_archive";

/** The archive's own spans: each would bring the next. */
const ofWorker = `resource.attributes["service.name"] == "${worker}"`;

/** The archive, as one more destination. */
function archive({ collector: { queueMiB } }: Settings, at: AddressOf): Destination {
	const endpoint = `http://${at(worker, workerPort)}`;
	return {
		name: archiveName,
		endpoint,
		protocol: "http",
		signals: ["traces"],
		headers: {},
		onlyAttributes: [],
		queueMiB,
	};
}

/** Which spans are left out: those without an attribute whose name begins so. The map is matched as JSON, where only a name follows `{"` or `,"`. */
function spansWithout(prefixes: string[]): string[] {
	if (prefixes.length === 0) return [];
	const names = prefixes.map((prefix) => prefix.replaceAll(/[^\w-]/g, (character) => `\\${character}`));
	const pattern = JSON.stringify(`[{,]"(?:${names.join("|")})`);
	return [`not IsMatch(span.attributes, ${pattern})`];
}
