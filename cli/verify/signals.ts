// One trace of two services, a log and a metric, made and sent by the OpenTelemetry SDK as an application would.

import { credentials, Metadata } from "@grpc/grpc-js";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, type TimeInput, trace } from "@opentelemetry/api";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter as GrpcTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as HttpTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { type Sampler, SamplingDecision } from "@opentelemetry/sdk-trace-base";
import { keepAttribute } from "../../components/sampling.ts";
import { overHttp, ReaderByHand, recorder, type Shown, send, timeoutMillis } from "../otlp.ts";

/** The services of the verification trace: an edge of the service graph leads from the first to the second. */
export const services = { frontend: "tracestack-verify-frontend", backend: "tracestack-verify-backend" } as const;

/** A gauge whose value is the second it was sent in: no new series each run, and an old value is told from a new one. */
export const gauge = {
	instrument: "tracestack.verify.sent",
	unit: "s",
	prometheus: "tracestack_verify_sent_seconds",
} as const;

/** The signals of one run, and a way to send each. */
export interface Signals {
	traceId: string;
	spans: number;
	/** When, in milliseconds since 1970. */
	madeAt: number;
	/** The gauge's value. */
	value: number;
	sendFrontendByGrpc(url: string): Promise<void>;
	sendBackendByHttp(url: string): Promise<void>;
	sendLog(url: string): Promise<void>;
	sendMetric(url: string): Promise<void>;
}

/**
 * Makes a trace that has just ended: a checkout whose payment, in a second service, failed.
 *
 * @param shown What OTLP asks for, and whom to trust.
 */
export function makeSignals(shown: Shown = {}, now = Date.now()): Signals {
	const frontend = recorder(services.frontend, kept);
	const backend = recorder(services.backend, kept);
	const at = (ms: number): TimeInput => new Date(now - 400 + ms);

	const checkout = frontend.tracer.startSpan(
		"POST /checkout",
		{ kind: SpanKind.SERVER, startTime: at(0) },
		ROOT_CONTEXT,
	);
	const inCheckout = trace.setSpan(ROOT_CONTEXT, checkout);
	const call = frontend.tracer.startSpan("charge", { kind: SpanKind.CLIENT, startTime: at(20) }, inCheckout);
	const inCall = trace.setSpan(inCheckout, call);
	const charge = backend.tracer.startSpan("POST /charge", { kind: SpanKind.SERVER, startTime: at(40) }, inCall);
	const inCharge = trace.setSpan(inCall, charge);
	const query = backend.tracer.startSpan("SELECT cards", { kind: SpanKind.INTERNAL, startTime: at(60) }, inCharge);
	query.end(at(180));
	charge.recordException(new Error("card declined"), at(300));
	charge.setStatus({ code: SpanStatusCode.ERROR, message: "card declined" });
	charge.end(at(320));
	call.end(at(350));
	checkout.end(at(380));

	const { traceId } = checkout.spanContext();
	const value = Math.floor(now / 1000);
	return {
		traceId,
		spans: 4,
		madeAt: now,
		value,
		sendFrontendByGrpc: (url) => send(new GrpcTraceExporter({ url, ...overGrpc(shown) }), frontend.finished()),
		sendBackendByHttp: (url) => send(new HttpTraceExporter(overHttp(`${url}/v1/traces`, shown)), backend.finished()),
		sendLog: (url) => send(new OTLPLogExporter(overHttp(`${url}/v1/logs`, shown)), makeLog(inCharge)),
		sendMetric: async (url) =>
			send(new OTLPMetricExporter(overHttp(`${url}/v1/metrics`, shown)), await makeMetric(value)),
	};
}

/** Whatever OTEL_TRACES_SAMPLER says in this shell, and whatever share of traces the stack keeps. */
const kept: Sampler = {
	shouldSample: () => ({ decision: SamplingDecision.RECORD_AND_SAMPLED, attributes: { [keepAttribute]: 1 } }),
	toString: () => "kept",
};

function overGrpc({ otlpToken, ca }: Shown) {
	// The library names a server by its address where it has no other name, which Node warns of.
	if (ca) process.noDeprecation = true;
	const metadata = new Metadata();
	if (otlpToken) metadata.set("authorization", `Bearer ${otlpToken}`);
	return { timeoutMillis, metadata, ...(ca && { credentials: credentials.createSsl(Buffer.from(ca)) }) };
}

function makeLog(context: typeof ROOT_CONTEXT) {
	const exporter = new InMemoryLogRecordExporter();
	const provider = new LoggerProvider({
		resource: resourceFromAttributes({ "service.name": services.backend }),
		processors: [new SimpleLogRecordProcessor({ exporter })],
	});
	provider.getLogger("tracestack").emit({ severityText: "ERROR", body: "card declined", context });
	return exporter.getFinishedLogRecords();
}

async function makeMetric(value: number) {
	const reader = new ReaderByHand();
	const provider = new MeterProvider({
		resource: resourceFromAttributes({ "service.name": services.backend }),
		readers: [reader],
	});
	provider.getMeter("tracestack").createGauge(gauge.instrument, { unit: gauge.unit }).record(value);
	const { resourceMetrics } = await reader.collect();
	return resourceMetrics;
}
