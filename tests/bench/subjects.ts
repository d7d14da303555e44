// What benchmarks compare: a stack of this project, and docker-otel-lgtm's configuration on the same images.

import { execa } from "execa";
import { json } from "../../cli/verify/api.ts";
import { TestStack } from "../e2e/stack.ts";
import { startLgtm } from "./lgtm.ts";

/** Something that takes traces. */
export interface Subject {
	name: string;
	/** Of Tempo. */
	version: string;
	otlpHttp: string;
	tempo: string;
	prometheus: string;
	/** How long a trace may take from the sender to a search. */
	settleSeconds: number;
	/** Docker's own commands on the container of one of its services; what they print. */
	container(service: "collector" | "tempo" | "prometheus", ...command: string[]): Promise<string>;
	remove(): Promise<void>;
}

/** @param images The catalogue's file. */
async function own(images: string): Promise<Subject> {
	process.env.TRACESTACK_IMAGES = images;
	const stack = await TestStack.create("e2e-bench", 25000);
	const up = await stack.tracestack("up", "--no-verify");
	if (up.code !== 0) throw new Error(up.all);
	const { otlpHttp, tempo, prometheus } = await stack.endpoints();
	const { version } = await json<{ version: string }>(`${tempo}/api/status/buildinfo`);
	return {
		...{ name: "tracestack", version, otlpHttp, tempo, prometheus, settleSeconds: 0 },
		container: async (service, ...command) =>
			(await execa("docker", [...command, `tracestack-${stack.name}-${service}`])).stdout,
		remove: () => stack.remove(),
	};
}

/**
 * Measures one subject after the other, each on a machine of its own.
 *
 * @param options.lgtm A clone of grafana/docker-otel-lgtm; without it, only what is this project's.
 */
export async function measured<T>(
	{ images, lgtm }: { images: string; lgtm?: string },
	measure: (subject: Subject) => Promise<T>,
): Promise<{ name: string; version: string; figures: T }[]> {
	const begin = [() => own(images), ...(lgtm ? [() => startLgtm(lgtm, images)] : [])];
	const results: { name: string; version: string; figures: T }[] = [];
	for (const start of begin) {
		const subject = await start();
		try {
			results.push({ name: subject.name, version: subject.version, figures: await measure(subject) });
		} finally {
			await subject.remove();
		}
	}
	return results;
}
