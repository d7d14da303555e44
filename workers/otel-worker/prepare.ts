// Everything that has to be there before a span can be stored: database, tables, the reader.

import pg from "pg";
import type { Config } from "./config.ts";
import { codeOf, connections, type Queries, readSecret, transaction } from "./database.ts";
import archive from "./migrations/0001-archive.sql";
import { verifierOf } from "./scram.ts";

const { escapeIdentifier: quoted, escapeLiteral } = pg;

/** What was released is never changed: the next one changes it. */
const migrations = [archive];

/** One at a time prepares a database; the number means nothing. */
const lock = 7_303_014_001;

/** Makes what is missing: database, tables, the reader. Rejects with what stands in its way; it may be called again and again. */
export async function prepare(pool: pg.Pool, config: Config): Promise<void> {
	try {
		await pool.query("SELECT 1");
	} catch (error) {
		// invalid_catalog_name
		if (codeOf(error) !== "3D000") throw error;
		await createDatabase(config);
	}
	await transaction(pool, async (client) => {
		// Two workers may start at once.
		await client.query("SELECT pg_advisory_xact_lock($1)", [lock]);
		await migrate(client);
		await allowReader(client, config);
	});
}

async function createDatabase(config: Config): Promise<void> {
	const { database } = config;
	const pool = connections({ ...config, database: { ...database, name: "postgres" } }, { max: 1, seconds: 60 });
	try {
		await pool.query(`CREATE DATABASE ${quoted(database.name)} ENCODING 'UTF8' TEMPLATE template0`);
	} catch (error) {
		// Another worker was faster: duplicate_database, or unique_violation where both were at it.
		if (!["42P04", "23505"].includes(codeOf(error) ?? "")) throw error;
	} finally {
		await pool.end();
	}
}

/** Said of the role in a comment: roles are the whole server's, and another of that name is somebody else's. */
const ours = "reads the archive of tracestack";

async function allowReader(client: Queries, { database, reader }: Config): Promise<void> {
	const role = quoted(reader.user);
	const { rows } = await client.query<{ comment: string | null }>(
		"SELECT shobj_description(oid, 'pg_authid') AS comment FROM pg_roles WHERE rolname = $1",
		[reader.user],
	);
	const comment = `COMMENT ON ROLE ${role} IS ${escapeLiteral(ours)}`;
	if (rows[0] && rows[0].comment !== ours)
		throw new Error(
			`the role ${reader.user} is there already, and not for this archive: it would get another password. Give archive.database a database of another name, or drop the role; if nothing else logs in as it: ${comment}`,
		);
	const password = escapeLiteral(verifierOf(readSecret(reader.passwordFile)));
	await client.query(`${rows[0] ? "ALTER" : "CREATE"} ROLE ${role} LOGIN PASSWORD ${password}`);
	await client.query(`
		${comment};
		ALTER ROLE ${role} SET default_transaction_read_only = on;
		ALTER ROLE ${role} SET statement_timeout = '30s';
		-- For questions about many spans: all processors, room to group, and no time spent on compiling.
		ALTER ROLE ${role} SET parallel_tuple_cost = 0.001;
		ALTER ROLE ${role} SET jit = off;
		ALTER ROLE ${role} SET work_mem = '16MB';
		REVOKE TEMPORARY ON DATABASE ${quoted(database.name)} FROM PUBLIC;
		REVOKE CREATE ON SCHEMA public FROM PUBLIC;
		REVOKE EXECUTE ON FUNCTION lo_creat, lo_create, lo_from_bytea FROM PUBLIC;
		GRANT USAGE ON SCHEMA otel TO ${role};
		GRANT SELECT ON otel.spans, otel.span_counts, otel.dead_letters, otel.migrations TO ${role};
		GRANT EXECUTE ON FUNCTION otel.operations TO ${role};
		GRANT SELECT (id, received_at, content_type, encoding, bytes, attempts, next_try_at, last_error) ON otel.ingestion_queue TO ${role}`);
}

/** Runs those that are missing. A newer schema is left alone: while one worker replaces another both work with it. */
async function migrate(client: Queries): Promise<void> {
	await client.query(`
		CREATE SCHEMA IF NOT EXISTS otel;
		CREATE TABLE IF NOT EXISTS otel.migrations (number integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`);
	const { rows } = await client.query<{ last: number }>("SELECT coalesce(max(number), 0) AS last FROM otel.migrations");
	for (const [i, sql] of migrations.slice(rows[0]?.last).entries()) {
		await client.query(sql);
		await client.query("INSERT INTO otel.migrations (number) VALUES ($1)", [(rows[0]?.last ?? 0) + i + 1]);
	}
}
