// Connections to the archive's database, and what its errors mean.

import { readFileSync } from "node:fs";
import pg from "pg";
import type { Config } from "./config.ts";

interface ConnectionsArgs {
	/** At once; who needs more waits for five seconds. */
	max: number;
	/** How long a statement may take. */
	seconds: number;
	/** Whether a commit is on the server's disk when it is answered, whatever the server's default is. @default true */
	synchronousCommit?: boolean;
}

/** Connections, made when they are needed. */
export function connections(
	{ database }: Config,
	{ max, seconds, synchronousCommit = true }: ConnectionsArgs,
): pg.Pool {
	const settings = {
		statement_timeout: `${seconds}s`,
		timezone: "UTC",
		// Nothing that is asked here takes as long as compiling it; some builds can't.
		jit: "off",
		synchronous_commit: synchronousCommit ? "on" : "off",
	};
	const { host, port, name, user, tls } = database;
	const pool = new pg.Pool({
		...{ host, port, database: name, user, max, keepAlive: true, application_name: "otel-worker" },
		password: () => readSecret(database.passwordFile),
		connectionTimeoutMillis: 5000,
		// The server's own limit comes first: this is for one that says nothing any more.
		query_timeout: (seconds + 5) * 1000,
		options: Object.entries(settings)
			.map(([key, value]) => `-c ${key}=${value}`)
			.join(" "),
		...(tls && {
			ssl: { rejectUnauthorized: tls.verify, ...(tls.caFile && { ca: readFileSync(tls.caFile, "utf8") }) },
		}),
	});
	// Of connections that nobody uses: the next query makes others.
	pool.on("error", () => undefined);
	return pool;
}

/** What runs queries: a pool, or one connection within a transaction. */
export type Queries = Pick<pg.Pool, "query">;

/** All of it, or nothing. */
export async function transaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
	const client = await pool.connect();
	// A query says it as well; without a listener it would end the process.
	const ignored = () => undefined;
	client.on("error", ignored);
	let broken = true;
	try {
		await client.query("BEGIN");
		const result = await work(client);
		await client.query("COMMIT");
		broken = false;
		return result;
	} catch (error) {
		await client.query("ROLLBACK").then(
			() => {
				broken = false;
			},
			() => undefined,
		);
		throw error;
	} finally {
		client.off("error", ignored);
		client.release(broken);
	}
}

/** A secret's file, as it is now. */
export function readSecret(file: string): string {
	return readFileSync(file, "utf8").trim();
}

/** PostgreSQL's code of an error: https://www.postgresql.org/docs/current/errcodes-appendix.html. Undefined where it did not answer. */
export function codeOf(error: unknown): string | undefined {
	const { code } = error as { code?: unknown };
	return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/**
 * What an error says about the batch that met it. `away`: nothing, the database can't do it now, or its tables are not as they
 * should be. `refused`: these values are taken never. `failed`: nobody knows; it may be tried a few times.
 */
export function verdict(error: unknown): "away" | "refused" | "failed" {
	// Of this program itself: a text that is too long for it.
	if (error instanceof RangeError || error instanceof TypeError) return "failed";
	const code = codeOf(error);
	// No partition for a row (check_violation): it was dropped meanwhile.
	if (!code || code === "23514") return "away";
	if (/^(08|25|28|3D|40|42|53|55|57|58)/.test(code)) return "away";
	return /^(22|23|54)/.test(code) ? "refused" : "failed";
}

/** The server ended while it was given rows, or the connection to it did. */
export class ServerLost extends Error {}

/** An error of a statement, told apart from those after which the server is still there. */
export function lostOr(error: Error): Error {
	const code = codeOf(error);
	// admin_shutdown, crash_shutdown
	if (code) return ["57P01", "57P02"].includes(code) ? new ServerLost(error.message) : error;
	const broken = /^Connection terminated/.test(error.message) || "errno" in error;
	return broken ? new ServerLost(error.message) : error;
}
