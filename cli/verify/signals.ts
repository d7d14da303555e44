// One trace of two services, a log and a metric, made and sent with the OpenTelemetry SDK, as by an application.

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

/**
 * A gauge whose value is the second in which it was sent: each run uses the same series, and has a value of its own.
 */
export const gauge = {
	instrument: "tracestack.verify.sent",
	unit: "s",
	prometheus: "tracestack_verify_sent_seconds",
} as const;

/** The signals of one run, and functions to send each. */
export interface Signals {
	traceId: string;
	/** How many spans the trace has. */
	spans: number;
	/** When the trace ended, in milliseconds since 1970. */
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
 * @param shown The stack's credentials. @default none @param now When it ended, in milliseconds since 1970. @default now
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

/**
 * Records all spans, whatever OTEL_TRACES_SAMPLER says in this shell, and exempts them from the stack's own sampling.
 */
const kept: Sampler = {
	shouldSample: () => ({ decision: SamplingDecision.RECORD_AND_SAMPLED, attributes: { [keepAttribute]: 1 } }),
	toString: () => "kept",
};

function overGrpc({ otlpToken, ca }: Shown) {
	// For an IP address the library sends it as the TLS server name, of which Node would print a deprecation warning.
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
