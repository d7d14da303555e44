// `otel.ingestion_queue`: requests as they came, until their spans are stored.

import type { Queries } from "./database.ts";
import type { Payload } from "./decode.ts";

/** A request in hand. */
export interface Batch extends Payload {
	id: string;
	/** This one included. */
	attempts: number;
	/** The span that received it, where that was recorded. */
	traceparent: string | null;
}

/** Why a batch is a dead letter. */
export const reasons = ["undecodable", "invalid_spans", "refused_by_database", "ended_database", "attempts"] as const;
export type Reason = (typeof reasons)[number];

/** What is taken in hand at once. */
const groupBytes = 2 ** 20;
const groupBatches = 64;

/** Commits a request: from now on it may be acknowledged. */
export async function enqueue(db: Queries, payload: Payload, traceparent?: string): Promise<void> {
	await db.query(
		"INSERT INTO otel.ingestion_queue (content_type, encoding, payload, traceparent) VALUES ($1, $2, $3, $4)",
		[payload.contentType, payload.encoding, payload.payload, traceparent],
	);
}

/**
 * Takes batches in hand, for `leaseSeconds`. That is committed before they are looked at: one that kills its worker has an attempt
 * less each time. What was tried before comes alone, so that it takes no other with it: also where that was said to be nobody's fault.
 *
 * @param again Whether what was tried before may come. One drain of a worker takes it: two that met a batch which kills their worker
 * would meet it together again and again, each with one of its own in hand.
 */
export async function claim(db: Queries, leaseSeconds: number, again: boolean): Promise<Batch[]> {
	const { rows } = await db.query<Batch>(
		`WITH waiting AS (
			SELECT id, bytes, attempts = 0 AND last_error IS NULL AS new FROM otel.ingestion_queue
			WHERE next_try_at <= now() AND ($2 OR (attempts = 0 AND last_error IS NULL))
			ORDER BY next_try_at, id LIMIT ${groupBatches} FOR UPDATE SKIP LOCKED
		), numbered AS (
			SELECT id, new, row_number() OVER own AS n, sum(bytes) OVER own - bytes AS before, first_value(new) OVER own AS first
			FROM waiting WINDOW own AS (ORDER BY id)
		), taken AS (
			SELECT id FROM numbered WHERE n = 1 OR (before < ${groupBytes} AND new AND first)
		)
		UPDATE otel.ingestion_queue q SET attempts = attempts + 1, next_try_at = now() + make_interval(secs => $1)
		FROM taken WHERE q.id = taken.id
		RETURNING q.id, content_type AS "contentType", encoding, payload, q.attempts, traceparent`,
		[leaseSeconds, again],
	);
	return rows;
}

/** Whose turn it is to store; the number means nothing. */
const turn = 7_303_014_002;

/** Waits until others, of every worker, store nothing, where `alone`; they wait then, until the transaction ends. */
export async function takeTurn(db: Queries, alone: boolean): Promise<void> {
	await db.query(`SELECT pg_advisory_xact_lock${alone ? "" : "_shared"}($1)`, [turn]);
}

/** Keeps them in hand until the transaction ends, however long that takes: who claims skips what is locked. */
export async function hold(db: Queries, ids: string[]): Promise<void> {
	await db.query("SELECT FROM otel.ingestion_queue WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE", [ids]);
}

/** Their spans are stored. Resolves to those that nobody else had done before, after the time in hand was over. */
export async function done(db: Queries, ids: string[]): Promise<string[]> {
	const { rows } = await db.query<{ id: string }>(
		"DELETE FROM otel.ingestion_queue WHERE id = ANY($1::bigint[]) RETURNING id",
		[ids],
	);
	return rows.map(({ id }) => id);
}

/** One that can't be stored: it leaves the queue, its payload is kept. Resolves to whether it was still there. */
export async function bury(db: Queries, id: string, reason: Reason, detail: string): Promise<boolean> {
	const text = detail.toWellFormed().replaceAll("\0", "\uFFFD").slice(0, 2000);
	const { rows } = await db.query<{ buried: boolean | null }>("SELECT otel.bury($1, $2, $3) AS buried", [
		id,
		reason,
		text,
	]);
	return rows[0]?.buried === true;
}

/** What is written down of a batch that was not stored. */
interface Postponed {
	error: string;
	/** How many attempts it has had. */
	attempts: number;
	/** How long it waits. */
	seconds: number;
}

/** Tries again later. Nothing where somebody has it in hand again: it may be told late. */
export async function postpone(db: Queries, batch: Batch, { error, attempts, seconds }: Postponed): Promise<void> {
	await db.query(
		`UPDATE otel.ingestion_queue SET attempts = $3, next_try_at = now() + make_interval(secs => $4), last_error = $5
		WHERE id = $1 AND attempts <= $2`,
		[batch.id, batch.attempts, attempts, seconds, error.slice(0, 2000)],
	);
}

/** Out of hand again, as if they had not been taken. */
export async function giveBack(db: Queries, ids: string[]): Promise<void> {
	await db.query(
		"UPDATE otel.ingestion_queue SET attempts = greatest(0, attempts - 1), next_try_at = now() WHERE id = ANY($1::bigint[])",
		[ids],
	);
}

/** 1, 2, 4 … seconds after each attempt, a minute at most. */
export function backoffSeconds(attempts: number): number {
	return Math.min(60, 2 ** Math.max(0, attempts - 1));
}
