// Settings about the archive: spans in PostgreSQL, beside Tempo's traces.

import { z } from "zod";
import { retention } from "./kinds.ts";

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

/** Spans in PostgreSQL. */
export const archive = z
	.strictObject({
		enabled: z.boolean().default(false).meta({
			description: "Whether every span is also stored in PostgreSQL. After switching it off, stored spans stay.",
		}),
		database: z.string().refine(isDatabase).optional().meta({
			description:
				"Your own PostgreSQL server (14 or newer), instead of the stack's. Its user creates the database if it is missing, and a role that reads. TLS, unless `?sslmode=disable`; `verify-full` also checks the certificate against the system's authorities.",
			allowed:
				"postgres://user:password@host:port/name, as a Pulumi secret; other characters than letters and digits of user and password percent-encoded",
			defaultInWords:
				"on Docker a server of the stack's own, with a volume and a random password; on AWS the stack's RDS",
			secret: true,
		}),
		retention: retention("How long spans are kept there, in whole days: a day goes as a whole.", "90d", 24),
	})
	.prefault({})
	.meta({ description: "Spans in PostgreSQL, for SQL over months: docs/archive.md." });
