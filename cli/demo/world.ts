// What a pack's demo is written with: services that really are the OpenTelemetry SDK, and a clock that it moves itself. A
// demo reads like the work that it simulates: a span lasts as long as what happens in it.

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
	/** What it simulates over and over, in the plural: "conformance runs". */
	units: string;
	/** How many begin in a minute, unless `--rate` says otherwise. */
	perMinute: number;
	/** How long one may take, in seconds: what has not ended by now is not sent. */
	longest: number;
	/** What `--fault` can make go wrong, each in a few words. It goes wrong in the later half of the time. */
	faults: Record<string, string>;
	/** Simulates one. The same random numbers must make the same work. */
	play(world: World): void;
}

/** What is called a severity in logs. */
type Severity = "DEBUG" | "INFO" | "WARN" | "ERROR";

interface SpanOptions {
	/** @default INTERNAL */
	kind?: keyof typeof SpanKind;
	attributes?: Attributes;
}

/** A metric that a demo measures. */
export interface Measure {
	/** Of the instrument, as Prometheus shall have it: dots become underscores, a counter's name gets `_total`. */
	name: string;
	kind: "histogram" | "counter";
	description: string;
	/** Upper bounds of a histogram's buckets. @default the SDK's own, which suit milliseconds */
	boundaries?: number[];
}

/** A span that is under way. */
export interface Work {
	/** Lower-case hexadecimal, 32 digits. */
	readonly traceId: string;
	/** Lets time pass. */
	wait(milliseconds: number): void;
	/** Something within it, in the same service or another; lasts as long as `body` lets time pass. */
	span(service: string, name: string, options: SpanOptions, body: (work: Work) => void): void;
	/** A line of its service's log, with its trace id. */
	log(severity: Severity, text: string, attributes?: LogAttributes): void;
	/** A value for a metric of its service, with the span as its exemplar. */
	measure(metric: Measure, value: number, attributes?: Attributes): void;
	set(attributes: Attributes): void;
	/** Ends it as an error that says this. */
	fail(message: string): void;
}

interface Service {
	tracer: Tracer;
	logger: Logger;
	meter: Meter;
	spans: InMemorySpanExporter;
	logs: InMemoryLogRecordExporter;
	reader: ReaderByHand;
	/** Since it was last collected. */
	exemplars: Exemplar[];
}

/** The simulated applications, and the time that it is for them. */
export class World {
	/** Milliseconds since 1970. */
	now: number;
	/** What goes wrong now. */
	fault: string | undefined;
	readonly random: Random;
	/** Reports that were made, and when. */
	readonly reports: { at: number; report: Report }[] = [];
	readonly #services = new Map<string, Service>();
	/** A demo that runs again continues no counter of the one before. */
	readonly #instance: string;

	constructor(random: Random, now: number, instance = `demo-${now}`) {
		this.random = random;
		this.now = now;
		this.#instance = instance;
	}

	/** A trace of its own; lasts as long as `body` lets time pass. */
	trace(service: string, name: string, options: SpanOptions, body: (work: Work) => void): void {
		this.#span(ROOT_CONTEXT, service, name, options, body);
	}

	/** The instruments of a service. */
	meter(service: string): Meter {
		return this.#service(service).meter;
	}

	/** Hands a report to whoever keeps them: `./tracestack report push`. */
	report(envelope: Envelope): void {
		this.reports.push({ at: this.now, report: reportOf(envelope) });
	}

	/** Hands over the files of a run that has ended: `./tracestack metrics push`. */
	run(files: RunFiles): void {
		this.reports.push({ at: this.now, report: runReport(files, this.now) });
	}

	/** What has ended since it was last asked for. */
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

	/** Every instrument of every service as it stands. */
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
