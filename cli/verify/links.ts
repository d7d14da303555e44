// The links from a trace to every other signal and back, each as a check that queries the servers.

import { setTimeout as sleep } from "node:timers/promises";
import { logServiceLabel, serviceGraph, spanMetrics, traceIdLabel, uid } from "../../components/links.ts";
import {
	type Endpoints,
	epoch,
	exemplars,
	grafana,
	json,
	otlpGrpcUrl,
	prometheusValue,
	until,
	withQuery,
} from "./api.ts";
import { checkPanels } from "./panels.ts";
import { gauge, makeSignals, type Signals, services } from "./signals.ts";

/** One link, with the words that people see. */
export interface Link {
	name: string;
	/** What to look at when it is broken. */
	hint: string;
	/** Checks the link, and returns what was found. @throws with what was found instead. */
	check(): Promise<string>;
}

/** What checks of links depend on. */
export interface Proof {
	/** When an earlier trace was sent, in milliseconds since 1970. @default none was */
	earlier?: number;
	/** Aborted at the end of the proof: nothing more is sent then. */
	ended: AbortSignal;
	/** How many seconds a check may take that usually may take so many. @default the same */
	within?(usual: number): number;
}

/** The links of a new trace, by phase: each phase needs the one before. */
export function links(e: Endpoints, proof: Proof) {
	const signals = makeSignals(e);
	return {
		traceId: signals.traceId,
		spans: signals.spans,
		accepted: accepted(e, signals),
		found: found(e, signals, proof),
		shown: shown(e, signals),
	};
}

const calls = `${spanMetrics.calls}{${spanMetrics.labels.service}="${services.backend}"}`;
const latency = `${spanMetrics.latency}_bucket{${spanMetrics.labels.service}="${services.backend}"}`;
const between = `{${serviceGraph.labels.client}="${services.frontend}",${serviceGraph.labels.server}="${services.backend}"}`;

function accepted(e: Endpoints, signals: Signals) {
	const hint = "the collector's log: docker logs of the container with the label tracestack.service=collector";
	const link = (name: string, detail: string, send: () => Promise<void>): Link => ({
		name,
		hint,
		check: async () => {
			await send();
			return detail;
		},
	});
	return {
		grpc: link("trace accepted by OTLP gRPC", e.otlpGrpc, () => signals.sendFrontendByGrpc(otlpGrpcUrl(e))),
		http: link("trace accepted by OTLP HTTP", e.otlpHttp, () => signals.sendBackendByHttp(e.otlpHttp)),
		...(e.loki && { log: link("log accepted", e.otlpHttp, () => signals.sendLog(e.otlpHttp)) }),
		metric: link("metric accepted", e.otlpHttp, () => signals.sendMetric(e.otlpHttp)),
	};
}

function found(
	e: Endpoints,
	{ traceId, spans, value, madeAt }: Signals,
	{ earlier: firstSent = madeAt, ended, within = (usual) => usual }: Proof,
) {
	// The exemplar may be of any of these traces: when several arrive at once, after a restart, only one gets an exemplar.
	const sent = [traceId];
	// A trace that arrives late was held up by a restart, and so was an earlier one.
	const firstArrival = () => (Date.now() - madeAt > 2000 ? Date.now() : firstSent);
	const exemplarOf = (histogram: string) =>
		until(within(60), async () => {
			const seen = await exemplars(e.prometheus, histogram);
			const own = seen.find((one) => sent.some((id) => sameId(id, one.traceId)));
			if (!own) throw new Error(`${seen.length} exemplars of ${histogram}, none names ${sent.join(" or ")}`);
			return own;
		});
	// A collector that could not reach Tempo tries again within 15 s.
	const stored = () => within(40 + e.sampling.waitSeconds);
	// A counter that was written no earlier than an exemplar of this run has counted it. Its value alone proves nothing: after a
	// restart of Tempo it counts from zero, perhaps to the same value.
	const counted = async (counter: string, histogram: string) => {
		const { at } = await exemplarOf(histogram);
		return until(20, async () => {
			const written = await prometheusValue(e.prometheus, `max(timestamp(${counter}))`);
			if (written < Math.floor(at)) throw new Error(`${counter} was not written with its exemplar`);
			return counter;
		});
	};
	const changed = async (counter: string) => {
		const before = await prometheusValue(e.prometheus, `max(${counter})`);
		return until(40, async () => {
			const now = await prometheusValue(e.prometheus, `max(${counter})`);
			if (now === before) throw new Error(`${counter} is still ${before}`);
			return counter;
		});
	};
	return {
		byId: {
			name: "trace by id",
			hint: "collector -> Tempo: the collector's queue (otelcol_exporter_queue_size) and Tempo's log",
			check: async () => {
				const detail = await until(stored(), async () => {
					const got = countSpans(await traceById(e, traceId));
					if (got !== spans) throw new Error(`Tempo has ${got} of ${spans} spans of ${traceId}`);
					return `${got} spans of ${traceId.slice(0, 8)}…`;
				});
				void keepSending(e, firstArrival(), sent, ended);
				return detail;
			},
		},
		bySearch: {
			name: "trace by TraceQL search",
			hint: "Tempo's live_store and query_frontend.query_end_cutoff",
			check: () =>
				until(stored(), async () => {
					const q = `{ resource.service.name = "${services.backend}" && status = error }`;
					const { traces = [] } = await json<{ traces?: { traceID: string }[] }>(
						withQuery(`${e.tempo}/api/search`, { q, start: epoch(-600), end: epoch(60), limit: 100 }),
					);
					if (!traces.some((t) => sameId(t.traceID, traceId))) throw new Error(`${q} does not find ${traceId}`);
					return q;
				}),
		},
		metric: {
			name: "metric in Prometheus",
			hint: "collector -> Prometheus: --web.enable-otlp-receiver and the collector's log",
			check: () =>
				until(20, async () => {
					const now = await prometheusValue(e.prometheus, `max(${gauge.prometheus})`);
					if (now !== value) throw new Error(`${gauge.prometheus} is ${now}, sent was ${value}`);
					return `${gauge.prometheus} ${now}`;
				}),
		},
		...(e.loki && { log: logByTraceId(e.loki, traceId) }),
		spanMetric: {
			name: "span metric",
			hint: "Tempo's metrics_generator: tempo_metrics_generator_* on its /metrics, remote write to Prometheus; with sampling the collector's connectors",
			check: () => counted(calls, latency),
		},
		exemplar: {
			name: "exemplar that names the trace",
			hint: "Tempo's trace_id_label_name, send_exemplars; Prometheus's --enable-feature=exemplar-storage",
			check: async () => {
				const { traceId: id } = await exemplarOf(latency);
				await until(stored(), async () => {
					if (countSpans(await traceById(e, id)) !== spans) throw new Error(`Tempo does not return ${id}`);
				});
				return `${traceIdLabel}=${id.slice(0, 8)}…, and Tempo returns it`;
			},
		},
		edge: {
			name: "edge of the service graph",
			hint: "Tempo's service-graphs processor: tempo_metrics_generator_processor_service_graphs_*; with sampling the collector's",
			check: () => {
				const edge = `${serviceGraph.requests}${between}`;
				// The collector's connector writes no exemplars.
				return e.sampling.metricsFrom === "collector"
					? changed(edge)
					: counted(edge, `${serviceGraph.serverSeconds}_bucket${between}`);
			},
		},
	};
}

function logByTraceId(loki: string, traceId: string): Link {
	return {
		name: "log by trace id",
		hint: "collector -> Loki: limits_config.otlp_config and allow_structured_metadata",
		check: () =>
			until(20, async () => {
				const query = `{${logServiceLabel}="${services.backend}"} | ${traceIdLabel}="${traceId}"`;
				const { data } = await json<{ data: { result: unknown[] } }>(
					withQuery(`${loki}/loki/api/v1/query_range`, { query, start: epoch(-600), end: epoch(60), limit: 10 }),
				);
				if (data.result.length === 0) throw new Error(`${query} finds nothing`);
				return query;
			}),
	};
}

function shown(e: Endpoints, { traceId }: Signals): Link[] {
	// Through the proxy rather than the health endpoint, which not every datasource of every version has.
	const questions = {
		[uid.tempo]: "api/v2/search/tags",
		[uid.prometheus]: "api/v1/status/buildinfo",
		...(e.loki && { [uid.loki]: "loki/api/v1/labels" }),
		[uid.alertmanager]: "api/v2/status",
	};
	const sources = Object.entries(questions).map(
		([source, path]): Link => ({
			name: `Grafana reaches ${source}`,
			hint: `Grafana > Connections > Data sources > ${source}`,
			check: () =>
				until(10, async () => {
					await grafana(e, `/api/datasources/proxy/uid/${source}/${path}`);
					return path;
				}),
		}),
	);
	const panels: Link = {
		name: "every panel's query",
		hint: "the named panel in Grafana; its query in Explore",
		check: () => until(30, () => checkPanels(e, traceId)),
	};
	return [...sources, panels];
}

/**
 * Sends further traces until the proof ends. With a single trace panels of rates would stay empty, because the first sample of
 * a counter is no increase. They are further apart than the generator's collection interval of 5 s, from which only one
 * value and one exemplar are kept.
 */
async function keepSending(e: Endpoints, firstArrival: number, sent: string[], ended: AbortSignal): Promise<void> {
	const pause = (millis: number) => sleep(millis, undefined, { signal: ended }).catch(() => {});
	await pause(Math.max(0, firstArrival + 6000 - Date.now()));
	while (!ended.aborted) {
		const signals = makeSignals(e);
		sent.push(signals.traceId);
		// That traces are accepted was proved by the first one.
		await Promise.allSettled([signals.sendFrontendByGrpc(otlpGrpcUrl(e)), signals.sendBackendByHttp(e.otlpHttp)]);
		await pause(6000);
	}
}

interface TraceById {
	trace?: { resourceSpans?: { scopeSpans?: { spans?: unknown[] }[] }[] };
}

function traceById(e: Endpoints, id: string): Promise<TraceById> {
	return json<TraceById>(`${e.tempo}/api/v2/traces/${id}`);
}

function countSpans({ trace }: TraceById): number {
	const scopes = (trace?.resourceSpans ?? []).flatMap((r) => r.scopeSpans ?? []);
	return scopes.reduce((sum, scope) => sum + (scope.spans?.length ?? 0), 0);
}

/** Whether two trace ids are the same: Tempo omits leading zeros. */
function sameId(a: string, b: string): boolean {
	return a.padStart(32, "0") === b.padStart(32, "0");
}
