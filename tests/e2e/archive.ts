// The archive's workers and their database, without a stack around them.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa, type ResultPromise } from "execa";
import pg from "pg";
import { text, until } from "../../cli/verify/api.ts";
import { bundle } from "../../components/program.ts";
import { readCatalogue } from "../../settings/catalogue.ts";
import type { Config } from "../../workers/otel-worker/config.ts";

/** Of the owner. */
export const password = "secret-of-owner";
export const reader = { user: "archive_reader", password: "secret-of-reader" };

interface Certificate {
	certificate: string;
	key: string;
}

/** A PostgreSQL in a container speaks TLS from now on, with whoever wants it. */
export async function encrypt(container: string, { certificate, key }: Certificate): Promise<void> {
	const within = (script: string, input: string) =>
		execa("docker", ["exec", "--interactive", "--user", "999", container, "sh", "-c", script], { input });
	await within('umask 077; cat >"$PGDATA/server.crt"', certificate);
	await within('umask 077; cat >"$PGDATA/server.key"', key);
	const on = "ALTER SYSTEM SET ssl = on;\nSELECT pg_reload_conf();\n";
	await within('psql --username="$POSTGRES_USER" --dbname=postgres --quiet --set=ON_ERROR_STOP=1', on);
}

/** PostgreSQL in a container, workers as processes of this machine. */
export class Archive {
	readonly #name: string;
	readonly #port: number;
	readonly #more: Partial<Config>;
	readonly #folder = mkdtempSync(join(tmpdir(), "archive-"));
	readonly #workers = new Map<number, ResultPromise<{ all: true; reject: false }>>();

	/**
	 * @param name Of the container.
	 * @param port The database's; workers have those after it.
	 * @param more What workers are told beside that.
	 */
	constructor(name: string, port: number, more: Partial<Config> = {}) {
		this.#name = name;
		this.#port = port;
		this.#more = more;
	}

	/**
	 * Starts a database with nothing in it.
	 *
	 * @param limits What `docker run` is told beside that.
	 * @param server Its arguments.
	 */
	async create(limits: string[] = [], server = ["-c", "log_statement=ddl", "-c", "jit=off"]): Promise<void> {
		await this.remove();
		writeFileSync(this.#file("main.cjs"), bundle("otel-worker"));
		writeFileSync(this.#file("owner"), password);
		writeFileSync(this.#file("reader"), reader.password);
		const image = readCatalogue(process.env.TRACESTACK_IMAGES ?? "configs/versions.yaml").postgres?.image ?? "";
		const label = ["--label", `tracestack.stack=tracestack/${this.#name}`];
		const publish = ["--publish", `127.0.0.1:${this.#port}:5432`];
		const env = ["--env", `POSTGRES_PASSWORD=${password}`, "--env", "POSTGRES_USER=tracestack"];
		const run = ["run", "--detach", "--name", this.#name, ...label, ...publish, ...env, ...limits];
		await execa("docker", [...run, image, ...server]);
	}

	async remove(): Promise<void> {
		await Promise.all([...this.#workers.keys()].map((n) => this.end(n, "SIGKILL")));
		await execa("docker", ["rm", "--force", "--volumes", this.#name], { reject: false });
	}

	/** As `remove`, and what lies on this machine. */
	async clean(): Promise<void> {
		await this.remove();
		rmSync(this.#folder, { recursive: true, force: true });
	}

	url(worker: number): string {
		return `http://127.0.0.1:${this.#port + worker}`;
	}

	/** @param other What this one is told in place of what all are told. */
	start(worker: number, other: { database?: Partial<Config["database"]>; reader?: string } = {}): void {
		const config: Config = {
			port: this.#port + worker,
			database: {
				...{ host: "127.0.0.1", port: this.#port, name: "archive", user: "tracestack" },
				passwordFile: this.#file("owner"),
				...other.database,
			},
			reader: { user: other.reader ?? reader.user, passwordFile: this.#file("reader") },
			retentionDays: 7,
			...this.#more,
		};
		const file = this.#file(`${worker}.json`);
		writeFileSync(file, JSON.stringify(config));
		this.#workers.set(worker, execa("node", [this.#file("main.cjs"), file], { all: true, reject: false }));
	}

	/** Resolves to its exit code, and what it printed. */
	async end(worker: number, signal: "SIGTERM" | "SIGKILL"): Promise<{ code?: number; log: string }> {
		const process = this.#workers.get(worker);
		if (!process) throw new Error(`worker ${worker} does not run`);
		this.#workers.delete(worker);
		process.kill(signal);
		const { exitCode, all } = await process;
		return { code: exitCode, log: all };
	}

	/** Waits until it can be used. */
	async ready(worker: number): Promise<void> {
		await until(60, () => text(`${this.url(worker)}/ready`));
	}

	/** What it says of whether it can be used. */
	async says(worker: number): Promise<string> {
		return (await fetch(`${this.url(worker)}/ready`)).text();
	}

	/** From now on the database speaks TLS with whoever wants it. Returns the file of its authority's certificate. */
	async encrypt(own: Certificate): Promise<string> {
		await encrypt(this.#name, own);
		const file = this.#file("ca.crt");
		writeFileSync(file, own.certificate);
		return file;
	}

	async killDatabase(): Promise<void> {
		await execa("docker", ["kill", this.#name]);
	}

	async startDatabase(): Promise<void> {
		await execa("docker", ["start", this.#name]);
	}

	/** What the database was told to change, and what failed. */
	async databaseLog(): Promise<string> {
		return (await execa("docker", ["logs", this.#name], { all: true })).all;
	}

	/** A metric of a worker, all of its series together. */
	async metric(worker: number, name: string): Promise<number> {
		const lines = (await text(`${this.url(worker)}/metrics`)).split("\n");
		const own = lines.filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
		return own.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
	}

	/** What the database answers its owner, or whoever else asks. */
	async query<T extends pg.QueryResultRow>(sql: string, values: unknown[] = [], as?: typeof reader): Promise<T[]> {
		const { user, password: secret } = as ?? { user: "tracestack", password };
		const client = new pg.Client({
			...{ host: "127.0.0.1", port: this.#port, database: "archive", user, password: secret },
		});
		client.on("error", () => undefined);
		try {
			await client.connect();
			return (await client.query<T>(sql, values)).rows;
		} finally {
			await client.end();
		}
	}

	/** Waits until nothing waits. */
	async drained(seconds = 60): Promise<void> {
		await until(seconds, async () => {
			const [waits] = await this.query<{ n: number; why: string }>(
				"SELECT count(*)::int AS n, max(last_error) AS why FROM otel.ingestion_queue",
			);
			if (waits?.n !== 0) throw new Error(`${waits?.n} batches wait: ${waits?.why}`);
		});
	}

	#file(name: string): string {
		return join(this.#folder, name);
	}
}
