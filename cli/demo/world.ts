// The API that packs' demos are written with: services that use the real OpenTelemetry SDK, and a simulated clock. A demo
// reads like the work that it simulates: a span lasts as long as what happens in it.

import {
	type Attributes,
	type Context,
	type Meter,
	ROOT_CONTEXT,
	SpanKind,
	SpanStatusCode,
	type Tracer,
	trace,
} from "@opentelemetry/api";
import { type LogAttributes, type Logger, SeverityNumber } from "@opentelemetry/api-logs";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
	InMemoryLogRecordExporter,
	LoggerProvider,
	type ReadableLogRecord,
	SimpleLogRecordProcessor,
} from "@opentelemetry/sdk-logs";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import {
	AlwaysOnSampler,
	BasicTracerProvider,
	InMemorySpanExporter,
	type ReadableSpan,
	SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { type RunFiles, runReport } from "../metrics/run.ts";
import { ReaderByHand } from "../otlp.ts";
import { type Envelope, reportOf } from "../report/envelope.ts";
import type { Report } from "../report/report.ts";
import type { Exemplar, Measured } from "./exemplars.ts";
import type { Random } from "./random.ts";

/** What a pack's demo module exports as `demo`. */
export interface Demo {
	/** The unit of work that it simulates, in the plural: "conformance runs". */
	units: string;
	/** How many begin per minute, unless `--rate` says otherwise. */
	perMinute: number;
	/** How long one may take at most, in seconds: none begins that would not have ended by now. */
	longest: number;
	/** What `--fault` can make go wrong, by name, each in a few words. */
	faults: Record<string, string>;
	/** Simulates one unit. The same random numbers must make the same work. */
	play(world: World): void;
}

/** Severity of a log line. */
type Severity = "DEBUG" | "INFO" | "WARN" | "ERROR";

interface SpanOptions {
	/** @default INTERNAL */
	kind?: keyof typeof SpanKind;
	attributes?: Attributes;
}

/** A metric that a demo measures. */
export interface Measure {
	/** Name of the instrument. In Prometheus dots become underscores, and a counter's name gets `_total`. */
	name: string;
	kind: "histogram" | "counter";
	description: string;
	/** Upper bounds of a histogram's buckets. @default the SDK's own, which suit milliseconds */
	boundaries?: number[];
}

/** A span that has begun. */
export interface Work {
	/** Lower-case hexadecimal, 32 digits. */
	readonly traceId: string;
	/** Lets time pass. */
	wait(milliseconds: number): void;
	/** A child span, in the same service or another. It lasts as long as `body` lets time pass. */
	span(service: string, name: string, options: SpanOptions, body: (work: Work) => void): void;
	/** A log line of the span's service, with the trace id. */
	log(severity: Severity, text: string, attributes?: LogAttributes): void;
	/** A value for a metric of the span's service, with the span as its exemplar. */
	measure(metric: Measure, value: number, attributes?: Attributes): void;
	/** Sets attributes of the span. */
	set(attributes: Attributes): void;
	/** Marks the span as failed, with this message. */
	fail(message: string): void;
}

interface Service {
	tracer: Tracer;
	logger: Logger;
	meter: Meter;
	spans: InMemorySpanExporter;
	logs: InMemoryLogRecordExporter;
	reader: ReaderByHand;
	/** Those that were made since the last collection. */
	exemplars: Exemplar[];
}

/** The simulated applications and their clock. */
export class World {
	/** The simulated time, in milliseconds since 1970. */
	now: number;
	/** The fault that is going on; undefined while all is well. */
	fault: string | undefined;
	readonly random: Random;
	/** Reports that were made, with their simulated times. */
	readonly reports: { at: number; report: Report }[] = [];
	readonly #services = new Map<string, Service>();
	/** The service.instance.id: of its own in each run, because counters begin at zero again. */
	readonly #instance: string;

	constructor(random: Random, now: number, instance = `demo-${now}`) {
		this.random = random;
		this.now = now;
		this.#instance = instance;
	}

	/** A new trace. Its root span lasts as long as `body` lets time pass. */
	trace(service: string, name: string, options: SpanOptions, body: (work: Work) => void): void {
		this.#span(ROOT_CONTEXT, service, name, options, body);
	}

	/** Makes instruments of a service. */
	meter(service: string): Meter {
		return this.#service(service).meter;
	}

	/** A report that a run ends with, as `./tracestack report push` would send it. */
	report(envelope: Envelope): void {
		this.reports.push({ at: this.now, report: reportOf(envelope) });
	}

	/** The files that a run ends with, as `./tracestack metrics push` would send them. */
	run(files: RunFiles): void {
		this.reports.push({ at: this.now, report: runReport(files, this.now) });
	}

	/** Spans and log lines that have ended since the last call. */
	finished(): { spans: ReadableSpan[]; logs: ReadableLogRecord[] } {
		const services = [...this.#services.values()];
		const spans = services.flatMap((service) => service.spans.getFinishedSpans());
		const logs = services.flatMap((service) => service.logs.getFinishedLogRecords());
		for (const service of services) {
			service.spans.reset();
			service.logs.reset();
		}
		return { spans, logs };
	}

	/** The metrics of every service, with this time in milliseconds since 1970. */
	async metrics(at: number): Promise<Measured[]> {
		const all = await Promise.all(
			[...this.#services.values()].map(async ({ reader, exemplars }) => ({
				exemplars: exemplars.splice(0),
				metrics: await reader.collectAt(at),
			})),
		);
		return all.filter(({ metrics }) => metrics.scopeMetrics.length > 0);
	}

	#span(parent: Context, service: string, name: string, options: SpanOptions, body: (work: Work) => void): void {
		const { kind = "INTERNAL", attributes = {} } = options;
		const { tracer, logger, meter, exemplars } = this.#service(service);
		const span = tracer.startSpan(name, { kind: SpanKind[kind], startTime: new Date(this.now), attributes }, parent);
		const context = trace.setSpan(parent, span);
		const { traceId, spanId } = span.spanContext();
		body({
			traceId,
			wait: (milliseconds) => {
				this.now += milliseconds;
			},
			span: (of, below, given, inside) => this.#span(context, of, below, given, inside),
			log: (severity, text, more = {}) =>
				logger.emit({
					timestamp: new Date(this.now),
					observedTimestamp: new Date(this.now),
					severityText: severity,
					severityNumber: SeverityNumber[severity],
					body: text,
					attributes: more,
					context,
				}),
			measure: ({ name, kind, description, boundaries }, value, more = {}) => {
				const advice = boundaries ? { explicitBucketBoundaries: boundaries } : {};
				if (kind === "counter") meter.createCounter(name, { description }).add(value, more);
				else meter.createHistogram(name, { description, advice }).record(value, more);
				exemplars.push({ metric: name, attributes: more, value, at: this.now, traceId, spanId });
			},
			set: (more) => span.setAttributes(more),
			fail: (message) => {
				span.recordException(new Error(message), new Date(this.now));
				span.setStatus({ code: SpanStatusCode.ERROR, message });
			},
		});
		span.end(new Date(this.now));
	}

	#service(name: string): Service {
		const known = this.#services.get(name);
		if (known) return known;
		const resource = resourceFromAttributes({
			"service.name": name,
			"service.instance.id": this.#instance,
			"deployment.environment.name": "demo",
		});
		const spans = new InMemorySpanExporter();
		const logs = new InMemoryLogRecordExporter();
		const reader = new ReaderByHand();
		const made: Service = {
			tracer: new BasicTracerProvider({
				resource,
				sampler: new AlwaysOnSampler(), // whatever OTEL_TRACES_SAMPLER says in this shell
				spanProcessors: [new SimpleSpanProcessor(spans)],
			}).getTracer("tracestack-demo"),
			logger: new LoggerProvider({
				resource,
				processors: [new SimpleLogRecordProcessor({ exporter: logs })],
			}).getLogger("tracestack-demo"),
			meter: new MeterProvider({ resource, readers: [reader] }).getMeter("tracestack-demo"),
			spans,
			logs,
			reader,
			exemplars: [],
		};
		this.#services.set(name, made);
		return made;
	}
}
