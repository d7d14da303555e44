import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import type { Place } from "../components/storage.ts";
import { reportEdits } from "./edits.ts";
import { outputs, prepare, type StackOptions, up } from "./engine.ts";
import { paint, progress, seconds } from "./output.ts";
import { type State, types } from "./state.ts";
import { type Endpoints, otlpGrpcUrl } from "./verify/api.ts";
import { makeSignals } from "./verify/signals.ts";
import { conclude, endpoints, type LinkResult, verify } from "./verify/verify.ts";

/** `./tracestack up`: the stack, where it is, and the proof that it works. Returns the exit code. */
export async function upCommand(options: StackOptions & { json?: boolean; verify?: boolean }): Promise<number> {
	const environment = await prepare(options);
	const started = Date.now();
	progress(`bringing up ${options.stack}`);
	const early = new EarlyTrace();
	const before = await up(environment, options, options.verify === false ? undefined : early.event);
	const e = await endpoints(environment, options.stack);
	await reportEdits(e, before);
	reportMove(before, (await outputs(environment, options.stack)).storage?.value);
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
function reportMove({ deployment }: State, now: Place): void {
	const was = deployment.resources?.find(({ type }) => type === types.stack)?.outputs?.storage;
	if (!was || was.place === now.place) return;
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
		const signals = makeSignals();
		const { otlpHttp, otlpGrpc } = this.#addresses;
		// Both halves, or the service graph's clock would not run. A stack that asks who we are takes neither: its outputs,
		// which say what it wants, come last.
		void Promise.all([
			signals.sendBackendByHttp(`http://${otlpHttp}`),
			signals.sendFrontendByGrpc(`http://${otlpGrpc}`),
		]).then(
			() => {
				this.sentAt = signals.madeAt;
			},
			() => {},
		);
	};
}

/** Where everything is, and what an application needs; no line is longer than 80 columns. */
function banner(e: Endpoints, stack: string): string {
	const suffix = stack === "dev" ? "" : ` --stack ${stack}`;
	const addresses: [name: string, address: string | undefined][] = [
		["Grafana", e.grafana],
		["  user", `${e.grafanaUser}, password: ./tracestack password${suffix}`],
		...e.dashboards.map(({ title, uid }): [string, string] => [`  ${title}`, `${e.grafana}/d/${uid}`]),
		["Tempo", e.tempo],
		["Prometheus", e.prometheus],
		["Loki", e.loki],
		["Alertmanager", e.alertmanager],
	];
	const width = Math.max(18, ...addresses.map(([name]) => name.length));
	const lines = addresses.filter(([, address]) => address).map(([name, address]) => `${name.padEnd(width)} ${address}`);
	return `
${lines.join("\n")}

${paint("bold", "Send from an application")}
  export OTEL_EXPORTER_OTLP_ENDPOINT=${e.otlpHttp}
  export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
or
  export OTEL_EXPORTER_OTLP_ENDPOINT=${otlpGrpcUrl(e)}
  export OTEL_EXPORTER_OTLP_PROTOCOL=grpc
${asked(e, suffix)}`;
}

/** What the stack asks of an application beside its address, without the secret itself. */
function asked({ otlpToken, ca }: Endpoints, suffix: string): string {
	const [header, file] = [
		"OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20TOKEN",
		"OTEL_EXPORTER_OTLP_CERTIFICATE=ca.pem",
	];
	const lines = [
		...(otlpToken ? [`  export ${header}`, `    TOKEN: ./tracestack token${suffix}`] : []),
		...(ca ? [`  export ${file}`, `    ca.pem: ./tracestack ca${suffix}`] : []),
	];
	return lines.length > 0 ? `and\n${lines.join("\n")}\n` : "";
}
