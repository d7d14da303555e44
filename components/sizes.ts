import type { services } from "../settings/schema.ts";
import type { Settings } from "../settings.ts";
import type { Workload } from "./workload.ts";

type Sizes = Record<(typeof services)[number], Workload["size"]>;

/** vCPUs and MiB of each service. Idle it takes a fraction (docs/performance.md): the rest is for load, queries, compaction. */
const sizes: Record<Settings["size"], Sizes> = {
	/** A laptop that does other things as well. */
	small: {
		tempo: { cpu: 1, memoryMiB: 1024 },
		collector: { cpu: 0.5, memoryMiB: 512 },
		prometheus: { cpu: 0.5, memoryMiB: 1024 },
		loki: { cpu: 0.5, memoryMiB: 512 },
		alertmanager: { cpu: 0.25, memoryMiB: 128 },
		grafana: { cpu: 0.5, memoryMiB: 512 },
		objectstore: { cpu: 0.5, memoryMiB: 256 },
		postgres: { cpu: 1, memoryMiB: 512 },
		"otel-worker": { cpu: 0.5, memoryMiB: 512 },
		"temporal-poller": { cpu: 0.25, memoryMiB: 256 },
	},
	/** A team's own stack. */
	medium: {
		tempo: { cpu: 1, memoryMiB: 2048 },
		collector: { cpu: 1, memoryMiB: 1024 },
		prometheus: { cpu: 1, memoryMiB: 2048 },
		loki: { cpu: 1, memoryMiB: 1024 },
		alertmanager: { cpu: 0.25, memoryMiB: 256 },
		grafana: { cpu: 1, memoryMiB: 1024 },
		objectstore: { cpu: 0.5, memoryMiB: 512 },
		postgres: { cpu: 2, memoryMiB: 2048 },
		"otel-worker": { cpu: 0.5, memoryMiB: 512 },
		"temporal-poller": { cpu: 0.25, memoryMiB: 256 },
	},
	/** Towards what one monolithic Tempo takes: upstream's guidance is 25 to 35 MB/s. */
	large: {
		tempo: { cpu: 8, memoryMiB: 16384 },
		collector: { cpu: 4, memoryMiB: 4096 },
		prometheus: { cpu: 4, memoryMiB: 8192 },
		loki: { cpu: 2, memoryMiB: 4096 },
		alertmanager: { cpu: 0.25, memoryMiB: 512 },
		grafana: { cpu: 1, memoryMiB: 2048 },
		objectstore: { cpu: 2, memoryMiB: 2048 },
		postgres: { cpu: 4, memoryMiB: 8192 },
		"otel-worker": { cpu: 1, memoryMiB: 1024 },
		"temporal-poller": { cpu: 0.25, memoryMiB: 256 },
	},
};

/** A service's size in a stack. */
export function sizeOf(settings: Settings, service: keyof Sizes): Workload["size"] {
	return sizes[settings.size][service];
}
