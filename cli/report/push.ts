// `./tracestack report push`: a pipeline's report, stored and as metrics.

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { outputs, prepare, type StackOptions } from "../engine.ts";
import { sendSamples } from "../metrics/samples.ts";
import { progress, UserError } from "../output.ts";
import type { Endpoints } from "../verify/api.ts";
import { endpointsOf } from "../verify/verify.ts";
import { readEnvelope, reportOf } from "./envelope.ts";
import type { Report } from "./report.ts";
import { type Store, store } from "./store.ts";

/**
 * Stores a report and sends its numbers. A stack without an object store gets the numbers only.
 *
 * @throws UserError with every mistake in the envelope.
 */
export async function reportPushCommand(file: string, files: string[], options: StackOptions): Promise<void> {
	const envelope = await readEnvelope(file);
	const { source, correlation } = envelope;
	progress(`${source}: run ${correlation.runId} on ${correlation.branch}`);
	const beside = await Promise.all(files.map(async (path) => ({ name: basename(path), body: await readFile(path) })));
	await deliver(reportOf(envelope, beside), options);
}

/** Stores a report's files if the stack has an object store, sends its numbers, and prints what was done. */
export async function deliver(report: Report, options: StackOptions): Promise<void> {
	const { stack } = options;
	const now = await outputs(await prepare(options, "look"), stack);
	const e = endpointsOf(stack, now);
	const where = storeOf(now.reports, e);
	if (report.objects.length > 0 && where) {
		try {
			progress(`  stored as ${await store(where, report)}`);
		} catch (error) {
			throw new UserError(`The report of ${report.source} can't be stored: ${(error as Error).message}`);
		}
	} else if (report.objects.length > 0) {
		progress(`  files are not stored: the stack ${stack} has no object store of its own`);
		progress(`    to run one: tracestack:storage: { backend: s3 } in Pulumi.${stack}.yaml`);
	}
	progress(`  ${await sendSamples(e, report.samples)} series sent`);
}

/** The object store at the address that this machine reaches: Grafana reaches it at another one. */
export function storeOf(output: Store | undefined, { objectStore }: Pick<Endpoints, "objectStore">): Store | undefined {
	if (!output || !objectStore) return output;
	return { ...output, url: `${objectStore}${new URL(output.url).pathname}` };
}
