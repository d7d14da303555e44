// What PostgreSQL keeps of a password, made here: the password itself is then in no statement, and in none of the server's logs.

import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

/** As PostgreSQL's own. */
const iterations = 4096;

/**
 * A verifier for SCRAM-SHA-256, as `ALTER ROLE … PASSWORD` takes one: https://www.postgresql.org/docs/current/catalog-pg-authid.html
 *
 * @param password Of ASCII: others would have to be normalised.
 */
export function verifierOf(password: string, salt = randomBytes(16)): string {
	const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
	const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
	const stored = createHash("sha256").update(hmac("Client Key")).digest("base64");
	return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${stored}:${hmac("Server Key").toString("base64")}`;
}
