import type { StackOptions } from "../engine.ts";
import { outputs, prepare } from "../engine.ts";
import { progress, UserError } from "../output.ts";
import type { Endpoints } from "../verify/api.ts";
import { endpoints } from "../verify/verify.ts";
import { readEnvelope } from "./envelope.ts";
import { sendReport } from "./metrics.ts";
import { type Store, store } from "./store.ts";

/** `./tracestack report push`. A stack without an object store gets the numbers all the same. */
export async function reportPushCommand(file: string, files: string[], options: StackOptions): Promise<void> {
	const envelope = await readEnvelope(file);
	const environment = await prepare(options, "look");
	const e = await endpoints(environment, options.stack);
	const where = storeOf((await outputs(environment, options.stack)).reports?.value, e);
	const { source, correlation } = envelope;
	progress(`${source}: run ${correlation.runId} on ${correlation.branch}`);
	if (where) {
		try {
			progress(`  stored as ${await store(where, envelope, files)}`);
		} catch (error) {
			throw new UserError(`The envelope can't be stored: ${(error as Error).message}`);
		}
	} else {
		progress(`  not stored: the stack ${options.stack} has no object store whose key it knows`);
		progress(`    tracestack:storage: { backend: s3 } in Pulumi.${options.stack}.yaml runs one`);
	}
	progress(`  ${await sendReport(e, envelope)} series: its numbers, and its trace ids`);
}

/** The stack's own store is published on another address than the one that Grafana has. */
export function storeOf(output: Store | undefined, { objectStore }: Pick<Endpoints, "objectStore">): Store | undefined {
	if (!output || !objectStore) return output;
	return { ...output, url: `${objectStore}${new URL(output.url).pathname}` };
}
