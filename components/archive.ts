// The archive: every span in PostgreSQL as well. A program of this repository takes them from the collector and stores them.

import { type Input, output } from "@pulumi/pulumi";
import { outside } from "../settings/access.ts";
import { databaseOf } from "../settings/archive.ts";
import type { Settings } from "../settings.ts";
import type { Config } from "../workers/otel-worker/config.ts";
import { type Access, hasAuthority, speaksTls } from "./access.ts";
import { type DataSource, postgresql, uid } from "./links.ts";
import { program } from "./program.ts";
import { sizeOf } from "./sizes.ts";
import type { AddressOf, Offers, Secret, Workload } from "./workload.ts";

/** The program's name, also that of its own telemetry. */
export const worker = "otel-worker";
/** Where it takes OTLP over HTTP and shows its metrics. */
export const workerPort = 8080;

const folder = `/etc/${worker}/secrets`;
const passwordFile = `${folder}/database`;
const readerFile = `${folder}/reader`;
const tokenFile = `${folder}/otlp-token`;
const caFile = `${folder}/ca.crt`;
const databaseCaFile = `/etc/${worker}/database-ca.crt`;

/** Of the server that the stack runs, and of the database on whichever server it is. */
const user = "tracestack";
const database = "archive";
const postgresPort = 5432;
const postgresPasswordFile = "/etc/postgres/secrets/password";
/** As the official image has it. */
const postgresOwner = { uid: 999, gid: 999 };

/** Passwords of the archive's databases. */
export interface ArchiveSecrets {
	/** Of the stack's own server. It lives as long as the volume that knows it. */
	own: Input<string>;
	/** Of who reads; undefined where there is no archive. */
	reader?: Input<string> | undefined;
	/** Of the server that the target offers. */
	offered?: Input<string> | undefined;
}

/** Where the archive is, and who writes there. */
type Place = Config["database"] & { password: Input<string> };

/** Whether a stack runs a PostgreSQL of its own for the archive. */
function servesOwnDatabase({ archive }: Settings, offers: Offers): boolean {
	return archive.enabled && !archive.database && !offers.database;
}

function placeOf({ archive }: Settings, at: AddressOf, { own, offered = "" }: ArchiveSecrets, offers: Offers): Place {
	if (archive.database) {
		const { tls, ...given } = databaseOf(archive.database);
		const checked = { verify: tls === "verify-full", ...(archive.ca && { caFile: databaseCaFile }) };
		return { ...given, passwordFile, ...(tls !== "disable" && { tls: checked }) };
	}
	if (offers.database) {
		const { host, port, user } = offers.database;
		return { host, port, name: database, user, passwordFile, tls: { verify: false }, password: offered };
	}
	const [host = ""] = at("postgres", postgresPort).split(":");
	return { host, port: postgresPort, name: database, user, passwordFile, password: own };
}

/** How long spans are kept: a partition is a day, and goes as a whole. */
export function daysKept({ archive }: Settings): number {
	return Math.ceil(Number.parseInt(archive.retention, 10) / 24);
}

/** Who reads a database. Roles belong to a whole server, on which other stacks may have theirs. */
function readerOf({ name }: Pick<Place, "name">): string {
	return `${name}_reader`;
}

/**
 * PostgreSQL for the archive, unless a database is given or offered.
 *
 * Switched off, its volume stays, and with it what was stored before; where the target offers a server there was never one.
 */
export function postgres(settings: Settings, password: Input<string>, offers: Offers): Workload[] {
	if (offers.database) return [];
	const instances = servesOwnDatabase(settings, offers) ? 1 : 0;
	const size = sizeOf(settings, "postgres");
	const tuned = {
		shared_buffers: `${size.memoryMiB / 4}MB`,
		effective_cache_size: `${size.memoryMiB / 2}MB`,
		maintenance_work_mem: `${size.memoryMiB / 16}MB`,
		work_mem: "16MB",
		// Each takes as much again: ten questions with two helpers each had one that was killed for its memory, and all with it.
		max_parallel_workers: `${Math.max(2, size.cpu)}`,
		max_connections: "50",
		// It writes long rows, and what a page was before their first change goes to the log whole.
		wal_compression: "on",
		max_wal_size: "2GB",
		random_page_cost: "1.1",
		// It takes longer than the short queries of a dashboard.
		jit: "off",
		// Joins in parallel want more than the 64 MB that Docker gives /dev/shm, and fail.
		dynamic_shared_memory_type: "sysv",
	};
	return [
		{
			name: "postgres",
			description: "the archive's database",
			// A catalogue need not have what does not run.
			image: instances > 0 ? settings.image("postgres").image : "",
			command: Object.entries(tuned).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
			user: postgresOwner,
			files: {},
			env: {
				POSTGRES_USER: user,
				POSTGRES_DB: database,
				POSTGRES_PASSWORD_FILE: postgresPasswordFile,
				// Who is in the container needs no password; everybody else does.
				POSTGRES_INITDB_ARGS: "--auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --data-checksums",
			},
			secrets: [{ value: password, as: { file: postgresPasswordFile } }],
			ports: [{ name: "postgres", number: postgresPort, protocol: "tcp", reach: "host" }],
			volumes: [
				{
					name: "data",
					path: "/var/lib/postgresql/data",
					sizeGiB: 50,
					owner: postgresOwner,
					ownedByImage: true,
					keep: "replace",
					fs: "posix",
				},
			],
			ready: {
				ask: ["pg_isready", "--host=127.0.0.1", `--username=${user}`, `--dbname=${database}`],
				timeoutSeconds: 120,
			},
			size,
			scale: { min: instances, max: instances, deploy: "stop-first" },
			// It ends connections at once, and then writes what is in memory.
			stopGraceSeconds: 60,
		},
	];
}

/** Stores spans in PostgreSQL; nothing where the archive is off. */
export function otelWorker(
	settings: Settings,
	at: AddressOf,
	secrets: ArchiveSecrets,
	access: Access = {},
	offers: Offers = {},
): Workload[] {
	if (!settings.archive.enabled) return [];
	const { password, ...place } = placeOf(settings, at, secrets, offers);
	const tls = speaksTls(settings);
	const config: Config = {
		port: workerPort,
		database: place,
		reader: { user: readerOf(place), passwordFile: readerFile },
		retentionDays: daysKept(settings),
		queue: { mostBytes: settings.archive.queueMiB * 2 ** 20 },
		otlp: {
			url: `${tls ? "https" : "http"}://${at("collector", 4318)}/v1/traces`,
			...(settings.access.token && { tokenFile }),
			...(tls && { tls: { name: outside(settings).host, ...(hasAuthority(settings) && { caFile }) } }),
		},
	};
	const secret = (value: Secret["value"] | undefined, file: string): Secret => ({ value: value ?? "", as: { file } });
	const { ca } = settings.archive;
	const { files, ...rest } = program(settings, worker, config);
	return [
		{
			...rest,
			name: worker,
			description: "stores spans in PostgreSQL",
			files: { ...files, ...(ca && { [databaseCaFile]: { text: ca } }) },
			env: {},
			secrets: [
				secret(password, passwordFile),
				secret(secrets.reader, readerFile),
				...(settings.access.token ? [secret(access.token, tokenFile)] : []),
				...(hasAuthority(settings) ? [secret(access.ca, caFile)] : []),
			],
			ports: [{ name: "otelWorker", number: workerPort, protocol: "http", reach: "host" }],
			calls: settings.archive.database ? [{ port: place.port }] : [],
			volumes: [],
			grants: offers.database && !settings.archive.database ? [{ database, password }] : [],
			ready: {
				port: "otelWorker",
				path: "/ready",
				timeoutSeconds: 180,
				// A database that is away is nothing that another task would change.
				ask: [
					"node",
					"-e",
					`fetch("http://127.0.0.1:${workerPort}/metrics").then(({ ok }) => process.exit(ok ? 0 : 1))`,
				],
			},
			size: sizeOf(settings, worker),
			// What it holds is in the database: two share the work.
			scale: { min: 1, max: 1, deploy: "rolling" },
			stopGraceSeconds: 30,
		},
	];
}

/** The datasource that reads the archive, and can do nothing else there. */
export function archiveSource(
	settings: Settings,
	at: AddressOf,
	secrets: ArchiveSecrets,
	offers: Offers,
): DataSource | undefined {
	if (!settings.archive.enabled) return undefined;
	const { host, port, name, tls } = placeOf(settings, at, secrets, offers);
	const { ca } = settings.archive;
	return {
		uid: uid.archive,
		name: "Trace archive",
		type: postgresql,
		url: `${host}:${port}`,
		isDefault: false,
		username: readerOf({ name }),
		jsonData: {
			database: name,
			sslmode: !tls ? "disable" : tls.verify ? "verify-full" : "require",
			...(ca && { tlsConfigurationMethod: "file-content" }),
			postgresVersion: 1500,
			// A dashboard asks everything at once: what each may take of memory, that often, has to fit in `size: small`.
			maxOpenConns: 4,
			maxIdleConns: 2,
			connMaxLifetime: 14400,
		},
		secrets: output(secrets.reader ?? "").apply((password) =>
			JSON.stringify({ password, ...(ca && { tlsCACert: ca }) }),
		),
	};
}
