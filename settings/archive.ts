// Settings about the archive: spans in PostgreSQL, beside Tempo's traces.

import { X509Certificate } from "node:crypto";
import { z } from "zod";
import type { Conflict } from "./explain.ts";
import { retention } from "./kinds.ts";
import { objectAt, type Raw } from "./raw.ts";

const url =
	/^postgres(ql)?:\/\/[^\s:@/?#]+:[^\s:@/?#]+@[A-Za-z0-9.-]+(:\d{1,5})?\/[A-Za-z_][\w-]{0,55}(\?sslmode=(disable|require|verify-full))?$/;

/** Whether a URL names everything that is needed to log in, and nothing else. */
function isDatabase(text: string): boolean {
	try {
		if (!url.test(text)) return false;
		databaseOf(text);
		return true;
	} catch {
		return false;
	}
}

/** A PostgreSQL server of one's own, and how to log in. */
export interface Database {
	host: string;
	port: number;
	name: string;
	user: string;
	password: string;
	/** As libpq has them; `require` encrypts, and asks nobody for a certificate that is known. */
	tls: "disable" | "require" | "verify-full";
}

/** What the URL of a database says. */
export function databaseOf(text: string): Database {
	const { hostname, port, pathname, username, password, searchParams } = new URL(text);
	return {
		host: hostname,
		port: Number(port) || 5432,
		name: pathname.slice(1),
		user: decodeURIComponent(username),
		password: decodeURIComponent(password),
		tls: (searchParams.get("sslmode") ?? "require") as Database["tls"],
	};
}

/** An authority's certificate that nobody would ask, or that nobody can read. */
export function archiveConflicts(raw: Raw): Conflict[] {
	const { database, ca } = objectAt(raw, "archive");
	if (ca === undefined) return [];
	const conflict = (problem: string): Conflict[] => [{ path: ["archive", "ca"], problem }];
	if (typeof database !== "string" || !isDatabase(database))
		return conflict("is not used\n    it is for a server of your own: archive.database");
	if (databaseOf(database).tls !== "verify-full")
		return conflict("is not used\n    archive.database checks certificates with ?sslmode=verify-full at its end only");
	try {
		new X509Certificate(String(ca));
		return [];
	} catch {
		return conflict("can't be read\n    allowed: PEM");
	}
}

/** Spans in PostgreSQL. */
export const archive = z
	.strictObject({
		enabled: z.boolean().default(false).meta({
			description: "Whether every span is also stored in PostgreSQL. After switching it off, stored spans stay.",
		}),
		database: z.string().refine(isDatabase).optional().meta({
			description:
				"Your own PostgreSQL server (14 or newer), instead of the stack's. Its user creates the database if it is missing, and a role that reads. TLS, unless `?sslmode=disable`; `verify-full` also checks the certificate's host and authority: one that the system trusts, or `ca`.",
			allowed:
				"postgres://user:password@host:port/name, as a Pulumi secret; other characters than letters and digits of user and password percent-encoded",
			defaultInWords:
				"on Docker a server of the stack's own, with a volume and a random password; on AWS the stack's RDS",
			secret: true,
		}),
		ca: z.string().optional().meta({
			description:
				"CA certificate of `database` with `?sslmode=verify-full`, if the system does not trust it. May contain several.",
			allowed: "PEM",
		}),
		queueMiB: z.int().min(1).max(1_048_576).default(2048).meta({
			description:
				"Size of the queue in PostgreSQL. When it is full, further spans wait in the collector's queue on disk (`collector.queueMiB`).",
			allowed: "MiB, a whole number from 1",
		}),
		retention: retention("How long spans are kept there, in whole days: a day goes as a whole.", "90d", 24),
	})
	.prefault({})
	.meta({ description: "Spans in PostgreSQL, for SQL over months: docs/archive.md." });
