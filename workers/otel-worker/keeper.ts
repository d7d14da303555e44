// Looks after the database: prepares it, makes and drops days, counts.

import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { Config } from "./config.ts";
import { transaction } from "./database.ts";
import { dayMs } from "./drain.ts";
import type { Look, Metrics } from "./metrics.ts";
import { prepare } from "./prepare.ts";
import type { Room } from "./room.ts";
import { dropCounts } from "./store.ts";

/** Between looks: what Prometheus sees is not older. */
const lookMs = 5000;
const keepMs = 600_000;

/** A day as partitions are named after it. */
function isoDay(ms: number): string {
	return new Date(ms).toISOString().slice(0, 10);
}

export class Keeper {
	readonly #pool: pg.Pool;
	readonly #config: Config;
	readonly #metrics: Metrics;
	readonly #room: Room;
	readonly #tell: (line: string) => void;
	readonly #stopped = new AbortController();
	#prepared = false;
	#keptAt = 0;
	/** Why the archive can't be used; undefined when it can. */
	problem: string | undefined = "it has not asked the database yet";

	constructor(pool: pg.Pool, config: Config, metrics: Metrics, room: Room, tell: (line: string) => void) {
		this.#pool = pool;
		this.#config = config;
		this.#metrics = metrics;
		this.#room = room;
		this.#tell = tell;
	}

	/** Whether the database answers now. Resolves to why not. */
	async ask(): Promise<string | undefined> {
		if (this.problem) return this.problem;
		const question = this.#pool.query("SELECT FROM otel.migrations LIMIT 1").then(
			() => undefined,
			(error) => this.#told(error),
		);
		// Whoever asks has less patience than the driver.
		return Promise.race([question, sleep(3000, "the database says nothing", { ref: false })]);
	}

	/** Resolves when it was stopped. */
	async run(): Promise<void> {
		while (!this.#stopped.signal.aborted) {
			await this.#once();
			await sleep(this.problem ? 1000 : lookMs, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
		}
	}

	stop(): void {
		this.#stopped.abort();
	}

	async #once(): Promise<void> {
		try {
			if (!this.#prepared) await prepare(this.#pool, this.#config);
			if (!this.#prepared || Date.now() - this.#keptAt > keepMs) await this.#keep();
			const found = this.#room.look();
			const { waiting, ...seen } = await look(this.#pool);
			found(waiting);
			this.#metrics.look = seen;
			this.#prepared = true;
			this.#metrics.up = true;
			if (this.problem) this.#tell("the database is ready");
			this.problem = undefined;
		} catch (error) {
			this.#prepared = false;
			this.#metrics.up = false;
			const problem = this.#told(error as Error);
			if (this.problem !== problem) this.#tell(problem);
			this.problem = problem;
		}
	}

	#told(error: Error & { code?: string }): string {
		const { host, port, name } = this.#config.database;
		return `database ${name} on ${host}:${port}: ${error.message || error.code}`;
	}

	async #keep(): Promise<void> {
		const now = Date.now();
		for (const ahead of [0, 1, 2]) await this.#pool.query("SELECT otel.add_day($1)", [isoDay(now + ahead * dayMs)]);
		const before = now - this.#config.retentionDays * dayMs;
		for (const partition of await this.#daysBefore(isoDay(before))) {
			const dropped = await drop(this.#pool, partition);
			this.#tell(dropped ? `dropped ${partition}` : `${partition} is in use, and is dropped later`);
		}
		const all = await dropCounts(this.#pool, isoDay(before));
		await this.#pool.query("DELETE FROM otel.dead_letters WHERE died_at < $1", [new Date(before)]);
		// What is left goes with the next looks, so that nobody waits for it.
		if (all) this.#keptAt = now;
	}

	/** Partitions that end with this day's beginning, or before. */
	async #daysBefore(day: string): Promise<string[]> {
		const { rows } = await this.#pool.query<{ name: string }>(
			`SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
			WHERE inhparent = 'otel.spans'::regclass AND relname < 'spans_' || to_char($1::date, 'YYYYMMDD') ORDER BY 1`,
			[day],
		);
		return rows.map(({ name }) => name);
	}
}

/** Where somebody reads or writes for longer, everybody else would wait behind it: rather later. */
async function drop(pool: pg.Pool, partition: string): Promise<boolean> {
	try {
		await transaction(pool, async (client) => {
			await client.query("SET LOCAL lock_timeout = '2s'");
			await client.query(`DROP TABLE IF EXISTS otel.${partition}`);
		});
		return true;
	} catch (error) {
		// lock_not_available, deadlock_detected
		if (["55P03", "40P01"].includes((error as { code?: string }).code ?? "")) return false;
		throw error;
	}
}

/** One pass over what waits: payloads of more than 2 kB lie beside it. */
async function look(pool: pg.Pool): Promise<Look & { waiting: number }> {
	const { rows } = await pool.query<Record<keyof Look | "waiting", string | null>>(
		`SELECT queue.*, days.*, (SELECT count(*) FROM otel.dead_letters) AS letters
		FROM (
			SELECT count(*) AS queued, coalesce(sum(bytes), 0) AS waiting, extract(epoch FROM min(received_at)) * 1000 AS oldest
			FROM otel.ingestion_queue
		) AS queue, (
			SELECT count(inhrelid) AS partitions, coalesce(sum(pg_total_relation_size(inhrelid)), 0) AS bytes
			FROM pg_inherits WHERE inhparent = 'otel.spans'::regclass
		) AS days`,
	);
	const { queued, waiting, oldest, letters, partitions, bytes } = rows[0]!;
	return {
		queued: Number(queued),
		waiting: Number(waiting),
		...(oldest !== null && { oldest: Number(oldest) }),
		letters: Number(letters),
		partitions: Number(partitions),
		bytes: Number(bytes),
	};
}
