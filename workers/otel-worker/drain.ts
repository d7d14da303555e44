// From the queue into `otel.spans`: batch by batch, exactly once.

import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { Config } from "./config.ts";
import { lostOr, ServerLost, transaction, verdict } from "./database.ts";
import { decode } from "./decode.ts";
import type { Losses } from "./losses.ts";
import type { Metrics } from "./metrics.ts";
import {
	type Batch,
	backoffSeconds,
	bury,
	claim,
	done,
	giveBack,
	hold,
	postpone,
	type Reason,
	takeTurn,
} from "./queue.ts";
import { type Row, rowsOf } from "./rows.ts";
import { Days, store } from "./store.ts";
import type { Tracing } from "./tracing.ts";

export const dayMs = 86_400_000;

/** What is asked for when nothing was received here: another worker's, or what is tried again. */
const pollMs = 1000;

/** Of one transaction, unless one batch has more: requests are compressed, and nobody knows what they become. */
const mostSpans = 10_000;

interface Read {
	batch: Batch;
	rows: Row[];
	expired: number;
	/** Why it, or a part of it, can't be stored. */
	letter?: { reason: Reason; detail: string };
}

/** A batch's rows, or what is wrong with it. Never rejects. */
export async function read(batch: Batch, retentionDays: number, now = Date.now()): Promise<Read> {
	try {
		const bounds = { from: now - retentionDays * dayMs, to: now + dayMs };
		const { rows, problems, expired } = rowsOf(await decode(batch), bounds);
		const letter = problems.length > 0 ? invalid("invalid_spans", problems) : undefined;
		return { batch, rows, expired, letter };
	} catch (error) {
		return { batch, rows: [], expired: 0, letter: { reason: "undecodable", detail: (error as Error).message } };
	}
}

function invalid(reason: Reason, problems: string[]) {
	const more = problems.length > 5 ? `; and ${problems.length - 5} more` : "";
	return { reason, detail: `not stored, unlike the others: ${problems.slice(0, 5).join("; ")}${more}` };
}

/** Batches that were not stored, and why. */
interface Failed {
	batches: Batch[];
	error: Error;
}

interface DrainArgs {
	config: Config;
	metrics: Metrics;
	tracing: Tracing;
	/** Of all drains of this worker. */
	losses: Losses;
	/** Whether what was tried before is this one's as well: in a worker it is one's. */
	again: boolean;
	/** Whether the database is prepared. */
	ready: () => boolean;
	/** Is told what becomes of batches that are not just stored. */
	tell: (line: string) => void;
}

/** Works until it is stopped. Several may, here and elsewhere. */
export class Drain {
	readonly #pool: pg.Pool;
	readonly #args: DrainArgs;
	readonly #days = new Days();
	#pause = new AbortController();
	#stopped = false;
	/** What could not be written down, because the database was away. */
	#owed: Failed | undefined;

	constructor(pool: pg.Pool, args: DrainArgs) {
		this.#pool = pool;
		this.#args = args;
	}

	/** There is something to do. */
	wake(): void {
		this.#pause.abort();
		this.#pause = new AbortController();
	}

	/** Resolves when the drain was stopped, and what it had in hand is stored. */
	async run(): Promise<void> {
		while (!this.#stopped) {
			// A database that is away is the keeper's to tell.
			const found = this.#args.ready() ? await this.#once().catch(() => 0) : 0;
			if (found === 0 && !this.#stopped)
				await sleep(pollMs, undefined, { signal: this.#pause.signal }).catch(() => undefined);
		}
	}

	stop(): void {
		this.#stopped = true;
		this.wake();
	}

	/** Takes some batches in hand and stores them. Returns how many. */
	async #once(): Promise<number> {
		if (this.#owed) {
			await this.#settle(this.#owed);
			this.#owed = undefined;
		}
		const { config, again } = this.#args;
		const batches = await claim(this.#pool, config.queue?.leaseSeconds ?? 30, again);
		if (batches.length === 0) return 0;
		const span = this.#args.tracing.drains(batches);
		const ended = this.#args.metrics.drainSeconds.startTimer();
		try {
			const counts = await this.#store(batches);
			span.end({ batches: batches.length, ...counts });
		} catch (error) {
			span.end({ batches: batches.length }, error as Error);
			await this.#failed(batches, error as Error);
		} finally {
			ended();
		}
		return batches.length;
	}

	async #store(batches: Batch[]): Promise<{ stored: number; repeated: number }> {
		const reads: Read[] = [];
		let spans = 0;
		for (const batch of batches) {
			const last = await this.#read(batch);
			reads.push(last);
			spans += last.rows.length;
			if (spans >= mostSpans) break;
		}
		const rest = batches.splice(reads.length);
		if (rest.length > 0)
			await giveBack(
				this.#pool,
				rest.map(({ id }) => id),
			);
		const rows = reads.flatMap(({ batch, rows }) => rows.map((row) => ({ ...row, batch: batch.id })));
		await this.#days.add(
			this.#pool,
			rows.map(({ day }) => day),
		);
		const letters = new Map(reads.flatMap(({ batch, letter }) => (letter ? [[batch.id, letter]] : [])));
		const ids = batches.map(({ id }) => id);
		const alone = this.#args.losses.alone(ids);
		const { stored, repeated, left } = await transaction(this.#pool, async (client) => {
			await takeTurn(client, alone);
			await hold(client, ids);
			const { refused, ...counts } = await store(client, rows).catch((error) => {
				const why = lostOr(error);
				if (why instanceof ServerLost) this.#args.losses.add(ids, alone);
				throw why;
			});
			for (const [batch, some] of Map.groupBy(refused, ({ row }) => row.batch))
				if (!letters.has(batch))
					letters.set(
						batch,
						invalid(
							"refused_by_database",
							some.map(({ row, why }) => `span ${row.key}: ${why}`),
						),
					);
			const left = new Set(
				await done(
					client,
					ids.filter((id) => !letters.has(id)),
				),
			);
			for (const [id, { reason, detail }] of letters) if (await bury(client, id, reason, detail)) left.add(id);
			return { ...counts, left };
		});
		this.#args.losses.left(left, stored + repeated);
		this.#args.metrics.stored.inc(stored);
		this.#args.metrics.repeated.inc(repeated);
		for (const { batch, expired } of reads) if (left.has(batch.id)) this.#args.metrics.expired.inc(expired);
		for (const [id, { reason, detail }] of letters) if (left.has(id)) this.#buried(id, reason, detail);
		return { stored, repeated };
	}

	async #read(batch: Batch): Promise<Read> {
		if (batch.attempts <= this.#attempts) return read(batch, this.#args.config.retentionDays);
		const detail = "its worker ended each time that it was in hand";
		return { batch, rows: [], expired: 0, letter: { reason: "attempts", detail } };
	}

	get #attempts(): number {
		return this.#args.config.queue?.attempts ?? 8;
	}

	async #failed(batches: Batch[], error: Error): Promise<void> {
		this.#days.forget();
		this.#args.tell(`${batches.length} batches are tried again: ${error.message}`);
		const failed = { batches, error };
		await this.#settle(failed).catch(() => {
			if (verdict(error) === "away") this.#owed = failed;
		});
	}

	/** Writes down what becomes of them; it may be done again. */
	async #settle({ batches, error }: Failed): Promise<void> {
		const away = verdict(error) === "away";
		for (const batch of batches) {
			const { id, attempts } = batch;
			const end = this.#endOf(batch, error);
			if (end) {
				if (await bury(this.#pool, id, end.reason, end.detail)) this.#buried(id, end.reason, end.detail);
				this.#args.losses.left([id], 0);
				continue;
			}
			const seconds = away ? backoffSeconds(this.#args.losses.times(id)) : backoffSeconds(attempts);
			// A database that is away was no attempt.
			await postpone(this.#pool, batch, { error: error.message, attempts: away ? attempts - 1 : attempts, seconds });
		}
	}

	/** Why a batch is tried no more; undefined where it is. */
	#endOf({ id, attempts }: Batch, error: Error): { reason: Reason; detail: string } | undefined {
		const { losses } = this.#args;
		if (losses.atFault(id)) {
			const detail = `the database was lost ${losses.times(id)} times over it, also when it was alone, and stored others between: ${error.message}`;
			return { reason: "ended_database", detail };
		}
		if (verdict(error) === "away" || attempts < this.#attempts) return undefined;
		return { reason: "attempts", detail: `after ${attempts} attempts: ${error.message}` };
	}

	#buried(id: string, reason: Reason, detail: string): void {
		this.#args.metrics.died.inc({ reason });
		this.#args.tell(`batch ${id} is a dead letter, ${reason}: ${detail}`);
	}
}
