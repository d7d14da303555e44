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
export type Reason = "undecodable" | "invalid_spans" | "refused_by_database" | "attempts";
export const reasons: Reason[] = ["undecodable", "invalid_spans", "refused_by_database", "attempts"];

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
 */
export async function claim(db: Queries, leaseSeconds: number): Promise<Batch[]> {
	const { rows } = await db.query<Batch>(
		`WITH waiting AS (
			SELECT id, bytes, attempts = 0 AND last_error IS NULL AS new FROM otel.ingestion_queue WHERE next_try_at <= now()
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
		[leaseSeconds],
	);
	return rows;
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

/** Tries again later. `counts: false`: it was not its fault. */
export async function postpone(db: Queries, { id, attempts }: Batch, error: string, counts: boolean): Promise<void> {
	await db.query(
		`UPDATE otel.ingestion_queue
		SET attempts = $2, next_try_at = now() + make_interval(secs => $3), last_error = $4 WHERE id = $1`,
		[id, counts ? attempts : attempts - 1, counts ? backoffSeconds(attempts) : 1, error.slice(0, 2000)],
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
	return Math.min(60, 2 ** (attempts - 1));
}
