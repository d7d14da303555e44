// What the archive says of itself to Prometheus. Names are part of its interface: alerts and `doctor` read them.

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { reasons } from "./queue.ts";
import type { Room } from "./room.ts";

/** Why a request was not taken. */
export const refusals = ["too_large", "content_type", "database", "queue_full"] as const;

/** What a look at the database has seen. */
export interface Look {
	queued: number;
	/** When the oldest that waits was received, in milliseconds since 1970. */
	oldest?: number;
	letters: number;
	partitions: number;
	bytes: number;
}

export class Metrics {
	/** What was seen last; the database may be away since. */
	look: Look = { queued: 0, letters: 0, partitions: 0, bytes: 0 };
	/** Whether the database is reachable, and its schema there. */
	up = false;
	readonly registry = new Registry();
	readonly received = this.#counter("archive_batches_received_total", "Requests that were committed and acknowledged");
	readonly refused = new Counter({
		name: "archive_batches_refused_total",
		help: "Requests that were not taken",
		labelNames: ["reason"],
		registers: [this.registry],
	});
	readonly died = new Counter({
		name: "archive_dead_letters_total",
		help: "Batches that could not be stored, or not all of their spans",
		labelNames: ["reason"],
		registers: [this.registry],
	});
	readonly stored = this.#counter("archive_spans_stored_total", "Spans that were stored");
	readonly repeated = this.#counter("archive_spans_repeated_total", "Spans that were there already");
	readonly expired = this.#counter("archive_spans_expired_total", "Spans that came older than they are kept");
	readonly drainSeconds = new Histogram({
		name: "archive_drain_seconds",
		help: "How long it took to store what was taken from the queue at once",
		buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
		registers: [this.registry],
	});

	constructor(retentionDays: number, room: Room) {
		// A counter that is there from the beginning shows its first increase.
		for (const reason of refusals) this.refused.inc({ reason }, 0);
		for (const reason of reasons) this.died.inc({ reason }, 0);
		this.#gauge("archive_up", "Whether the database is reachable, and its schema there", () => Number(this.up));
		this.#gauge("archive_queue_batches", "Batches that wait", () => this.look.queued);
		this.#gauge("archive_queue_bytes", "What waits, in bytes of payload", () => room.waiting);
		this.#gauge("archive_queue_limit_bytes", "What may wait; beyond it nothing is taken", () => room.most);
		this.#gauge("archive_queue_oldest_seconds", "How long the oldest batch has waited", () =>
			this.look.oldest === undefined ? 0 : Math.max(0, (Date.now() - this.look.oldest) / 1000),
		);
		this.#gauge("archive_dead_letters", "Dead letters that are there", () => this.look.letters);
		this.#gauge("archive_partitions", "Days that are there", () => this.look.partitions);
		this.#gauge("archive_bytes", "What spans take on disk, with their indexes", () => this.look.bytes);
		this.#gauge("archive_retention_seconds", "How long spans are kept", () => retentionDays * 86_400);
	}

	#counter(name: string, help: string): Counter {
		return new Counter({ name, help, registers: [this.registry] });
	}

	#gauge(name: string, help: string, value: () => number): void {
		new Gauge({
			name,
			help,
			registers: [this.registry],
			collect() {
				this.set(value());
			},
		});
	}
}
