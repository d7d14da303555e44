import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import type { Place } from "../components/storage.ts";
import { banner } from "./banner.ts";
import { reportEdits } from "./edits.ts";
import { prepare, type StackOptions, up } from "./engine.ts";
import { progress, seconds } from "./output.ts";
import { type State, types } from "./state.ts";
import { conclude, endpointsOf, type LinkResult, verify } from "./verify/verify.ts";

/** `./tracestack up`: the stack, where it is, and the proof that it works. Returns the exit code. */
export async function upCommand(options: StackOptions & { json?: boolean; verify?: boolean }): Promise<number> {
	const environment = await prepare(options);
	const started = Date.now();
	progress(`bringing up ${options.stack}`);
	const early = new EarlyTrace();
	const { found, now } = await up(environment, options, options.verify === false ? undefined : early.event);
	const e = endpointsOf(options.stack, now);
	await reportEdits(e, found);
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

/** Says what happens to what was stored before, when `storage` has changed. */
function reportMove({ deployment }: State, now: Place | undefined): void {
	const was = deployment.resources?.find(({ type }) => type === types.stack)?.outputs?.storage;
	if (!was || !now || was.place === now.place) return;
	progress(`  ! traces and logs are stored in ${now.place} from now on`);
	progress(`    what lies in ${was.place} stays there, unread until the setting says so again`);
}

/**
 * Sends a first trace as soon as the collector and Tempo answer, while Grafana still starts: from its first span on
 * Tempo's generator writes metrics every 15 s, and that clock then runs already when the proof begins.
 */
class EarlyTrace {
	readonly #missing = new Set(["tracestack:service:Collector", "tracestack:service:Tempo"]);
	#addresses: { otlpHttp?: string; otlpGrpc?: string } = {};
	/** When it was sent, in milliseconds since 1970; undefined as long as it was not taken. */
	sentAt?: number;

	event = ({ resOutputsEvent }: EngineEvent): void => {
		const { type = "", new: service } = resOutputsEvent?.metadata ?? {};
		if (!this.#missing.delete(type)) return;
		this.#addresses = { ...this.#addresses, ...service?.outputs };
		if (this.#missing.size > 0) return;
		void this.#send().catch(() => {});
	};

	/** Both halves, or the service graph's clock would not run. */
	async #send(): Promise<void> {
		const { makeSignals } = await import("./verify/signals.ts");
		const signals = makeSignals();
		const { otlpHttp, otlpGrpc } = this.#addresses;
		// A stack that asks who we are takes neither: its outputs, which say what it wants, come last.
		await Promise.all([
			signals.sendBackendByHttp(`http://${otlpHttp}`),
			signals.sendFrontendByGrpc(`http://${otlpGrpc}`),
		]);
		this.sentAt = signals.madeAt;
	}
}
