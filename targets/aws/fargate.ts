import type { Volume, Workload } from "../../components/workload.ts";

/** A task size as ECS wants it. */
export interface FargateSize {
	/** 1024 units are one vCPU. */
	cpu: number;
	memoryMiB: number;
}

// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
const sizes: { cpu: number; memoryGiB: number[] }[] = [
	{ cpu: 256, memoryGiB: [0.5, 1, 2] },
	{ cpu: 512, memoryGiB: steps(1, 4, 1) },
	{ cpu: 1024, memoryGiB: steps(2, 8, 1) },
	{ cpu: 2048, memoryGiB: steps(4, 16, 1) },
	{ cpu: 4096, memoryGiB: steps(8, 30, 1) },
	{ cpu: 8192, memoryGiB: steps(16, 60, 4) },
	{ cpu: 16384, memoryGiB: steps(32, 120, 8) },
];

/** The smallest size on offer that holds what a workload asks for; undefined when none does. */
export function fargateSize({ cpu, memoryMiB }: Workload["size"]): FargateSize | undefined {
	for (const size of sizes) {
		if (size.cpu < cpu * 1024) continue;
		const memory = size.memoryGiB.find((gib) => gib * 1024 >= memoryMiB);
		if (memory) return { cpu: size.cpu, memoryMiB: memory * 1024 };
	}
	return undefined;
}

/** What every task gets, and what images and container layers share with volumes. */
const freeStorageGiB = 20;

/** The most storage that a task can have. */
export const maxStorageGiB = 200;

/** What ECS calls processors. */
export const processors = { arm64: "ARM64", x86_64: "X86_64" } as const;

/** The longest time between SIGTERM and SIGKILL. */
export const maxStopSeconds = 120;

/**
 * A volume on EFS outlives its task. Everything else is task storage, gone with the task: what need not be kept, and what
 * would break on a network file system, kept or not.
 */
export function onEfs(volume: Volume): boolean {
	return volume.keep === "replace" && volume.fs === "any";
}

/** Task storage to ask for; undefined when what every task gets is enough. */
export function taskStorageGiB(w: Workload): number | undefined {
	const wanted = w.volumes.filter((volume) => !onEfs(volume)).reduce((sum, volume) => sum + volume.sizeGiB, 0);
	return wanted > 0 ? freeStorageGiB + Math.ceil(wanted) : undefined;
}

function steps(from: number, to: number, by: number): number[] {
	return Array.from({ length: (to - from) / by + 1 }, (_, i) => from + i * by);
}
