import { uid } from "../../components/links.ts";
import { grafana } from "../verify/api.ts";
import type { Parts } from "./parts.ts";
import { docker } from "./volumes.ts";

/** Statements that psql completes itself, so that the password is in no argument. */
const statements = "\\set password `cat \"$POSTGRES_PASSWORD_FILE\"`\nALTER ROLE CURRENT_USER PASSWORD :'password';\n";

/**
 * Sets the password in a running PostgreSQL to the one that its container was given: a restored volume has another stack's.
 * Connections from within the container need no password.
 */
export async function setDatabasePassword(containerId: string): Promise<void> {
	const psql = 'psql --username="$POSTGRES_USER" --dbname=postgres --quiet --set=ON_ERROR_STOP=1';
	await docker(["exec", "--interactive", containerId, "sh", "-c", psql], { input: statements });
}

/**
 * Prints the read-only role's password, which the container of the program that creates the role has. Its image has no
 * shell.
 */
const readReader = "process.stdout.write(require('node:fs').readFileSync('/etc/otel-worker/secrets/reader'))";

/**
 * Sets the password in Grafana's datasource of the archive to that of this stack's read-only role: a restored Grafana
 * has another stack's.
 */
export async function setReaderPassword(workerId: string, { urls, grafana: login }: Parts): Promise<void> {
	const { stdout: password } = await docker(["exec", workerId, "node", "-e", readReader]);
	const at = { grafana: `${urls.grafana}`, grafanaUser: login.user, grafanaPassword: login.password };
	const path = `/api/datasources/uid/${uid.archive}`;
	const source = await grafana<object>(at, path);
	await grafana(at, path, { method: "PUT", body: JSON.stringify({ ...source, secureJsonData: { password } }) });
}
