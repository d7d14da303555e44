// `./tracestack up`.

import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import type { Place } from "../components/storage.ts";
import { banner } from "./banner.ts";
import { reportEdits } from "./edits.ts";
import { prepare, type StackOptions, up } from "./engine.ts";
import { folded, progress, seconds } from "./output.ts";
import { type State, types } from "./state.ts";
import { conclude, endpointsOf, type LinkResult, verify } from "./verify/verify.ts";

/** Brings the stack up, proves that it works, and prints where everything is. Returns the exit code. */
export async function upCommand(options: StackOptions & { json?: boolean; verify?: boolean }): Promise<number> {
	const environment = await prepare(options);
	const started = Date.now();
	progress(`bringing up ${options.stack}`);
	const early = new EarlyTrace();
	const { found, now } = await up(environment, options, options.verify === false ? undefined : early.event);
	const e = endpointsOf(options.stack, now);
	await reportEdits(e, options.stack, found);
	reportMove(found, now.storage);
	let links: LinkResult[] = [];
	let code = 0;
	if (options.verify === false) {
		progress(`up after ${seconds(started)}`);
	} else {
		progress(`up after ${seconds(started)}; following one trace through every link`);
		links = await verify(e, early.sentAt);
		code = conclude(links);
		progress(`up and ${code === 0 ? "verified" : "NOT verified"} after ${seconds(started)}`);
	}
	if (options.json) {
		const { grafanaPassword: _, otlpToken: __, ...urls } = e;
		process.stdout.write(`${JSON.stringify({ stack: options.stack, ...urls, links }, null, 2)}\n`);
	} else {
		process.stdout.write(banner(e, options.stack));
	}
	return code;
}

/** Says what becomes of data that is stored already, when `storage` has changed. */
function reportMove({ deployment }: State, now: Place | undefined): void {
	const was = deployment.resources?.find(({ type }) => type === types.stack)?.outputs?.storage;
	if (!was || !now || was.place === now.place) return;
	progress(folded(`  ! traces and logs are stored in ${now.place} from now on`));
	progress(folded(`    what lies in ${was.place} stays there, and is not read`));
}

/**
 * Sends a first trace as soon as the collector and Tempo are ready, while Grafana still starts: Tempo's generator writes
 * metrics every 15 s from its first span on, so the proof then has less to wait for.
 */
class EarlyTrace {
	readonly #missing = new Set(["tracestack:service:Collector", "tracestack:service:Tempo"]);
	#addresses: { otlpHttp?: string; otlpGrpc?: string } = {};
	/** When it was sent, in milliseconds since 1970; undefined until it was accepted. */
	sentAt?: number;

	/** Takes Pulumi's events, which say when a service is ready, and at which address. */
	event = ({ resOutputsEvent }: EngineEvent): void => {
		const { type = "", new: service } = resOutputsEvent?.metadata ?? {};
		if (!this.#missing.delete(type)) return;
		this.#addresses = { ...this.#addresses, ...service?.outputs };
		if (this.#missing.size > 0) return;
		void this.#send().catch(() => {});
	};

	/** Both halves: the service graph needs a client and a server. */
	async #send(): Promise<void> {
		const { makeSignals } = await import("./verify/signals.ts");
		const signals = makeSignals();
		const { otlpHttp, otlpGrpc } = this.#addresses;
		// A stack with a token or TLS accepts neither: its credentials are outputs of the stack, and known only in the end.
		await Promise.all([
			signals.sendBackendByHttp(`http://${otlpHttp}`),
			signals.sendFrontendByGrpc(`http://${otlpGrpc}`),
		]);
		this.sentAt = signals.madeAt;
	}
}
