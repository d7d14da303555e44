// Rows into `otel.spans`.

import type pg from "pg";
import { type Queries, verdict } from "./database.ts";
import type { Row } from "./rows.ts";

/**
 * Of one statement. Each counts what it has stored, at a cost: so all of a transaction's rows, unless one batch has more. But the server
 * holds several times the text in memory, and may have little.
 */
const most = { rows: 10_000, characters: 4 * 2 ** 20 };

const columns = [
	["trace_id", "text"],
	["span_id", "text"],
	["parent_span_id", "text"],
	["service", "text"],
	["name", "text"],
	["kind", "text"],
	["status", "text"],
	["status_message", "text"],
	["start_time", "timestamptz"],
	["duration_ms", "double precision"],
	["attributes", "jsonb"],
	["resource", "jsonb"],
	["events", "jsonb"],
	["links", "jsonb"],
	["run_id", "text"],
	["altered", "text[]"],
] as const;

const names = columns.map(([name]) => name).join(", ");
const typed = columns.map(([name, type]) => `${name} ${type}`).join(", ");

/** One parameter for all rows, whatever types they have. */
const insertion = `INSERT INTO otel.spans (${names})
	SELECT ${names} FROM json_to_recordset($1) AS row (${typed}) ON CONFLICT DO NOTHING`;

/** What became of rows. */
export interface Stored<T> {
	stored: number;
	/** They were there already. */
	repeated: number;
	/** What PostgreSQL takes in no case. */
	refused: { row: T; why: string }[];
}

/** Within a transaction, which goes on when rows are refused. Rejects with everything that is not a row's fault. */
export async function store<T extends Row>(client: pg.PoolClient, rows: T[]): Promise<Stored<T>> {
	// In one order everywhere: two workers that write the same spans wait for each other, and not both.
	const sorted = rows.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
	const sum: Stored<T> = { stored: 0, repeated: 0, refused: [] };
	for (const some of parts(sorted)) {
		const { stored, repeated, refused } = await insert(client, some);
		sum.stored += stored;
		sum.repeated += repeated;
		sum.refused.push(...refused);
	}
	return sum;
}

/** As they follow one another, as many as one statement may have; a row that is too long by itself comes alone. */
export function* parts<T extends Pick<Row, "json">>(rows: T[]): Generator<T[]> {
	let part: T[] = [];
	let characters = 0;
	for (const row of rows) {
		const full = part.length === most.rows || characters + row.json.length > most.characters;
		if (full && part.length > 0) {
			yield part;
			part = [];
			characters = 0;
		}
		part.push(row);
		characters += row.json.length;
	}
	if (part.length > 0) yield part;
}

/** By halves where something is refused, until it is known what. */
async function insert<T extends Row>(client: pg.PoolClient, rows: T[]): Promise<Stored<T>> {
	await client.query("SAVEPOINT rows");
	try {
		const { rowCount } = await client.query(insertion, [`[${rows.map(({ json }) => json).join(",")}]`]);
		await client.query("RELEASE SAVEPOINT rows");
		return { stored: rowCount ?? 0, repeated: rows.length - (rowCount ?? 0), refused: [] };
	} catch (error) {
		if (verdict(error) !== "refused") throw error;
		await client.query("ROLLBACK TO SAVEPOINT rows");
		if (rows.length === 1)
			return {
				stored: 0,
				repeated: 0,
				refused: rows.map((row) => ({ row, why: (error as Error).message })),
			};
		const middle = Math.ceil(rows.length / 2);
		const first = await insert(client, rows.slice(0, middle));
		const second = await insert(client, rows.slice(middle));
		return {
			stored: first.stored + second.stored,
			repeated: first.repeated + second.repeated,
			refused: [...first.refused, ...second.refused],
		};
	}
}

/** Partitions that were seen. One that was dropped since is noticed by a row that it would have had. */
export class Days {
	readonly #seen = new Set<string>();

	/** Makes those that are missing, each in a transaction of its own: nobody waits for them. */
	async add(db: Queries, days: Iterable<string>): Promise<void> {
		for (const day of new Set(days)) {
			if (this.#seen.has(day)) continue;
			await db.query("SELECT otel.add_day($1)", [day]);
			this.#seen.add(day);
		}
	}

	forget(): void {
		this.#seen.clear();
	}
}

/** Counts that are deleted at once: all that a much shorter retention leaves could take longer than a statement may. */
const mostCounts = 50_000;

/** Deletes counts from before this day, a part of them. Resolves to whether that was all. */
export async function dropCounts(db: Queries, day: string): Promise<boolean> {
	const { rowCount } = await db.query(
		`DELETE FROM otel.span_counts WHERE ctid = ANY (ARRAY(
			SELECT ctid FROM otel.span_counts WHERE minute < $1::date AT TIME ZONE 'UTC' ORDER BY minute LIMIT ${mostCounts}
		))`,
		[day],
	);
	return (rowCount ?? 0) < mostCounts;
}
