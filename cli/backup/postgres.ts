import { uid } from "../../components/links.ts";
import { grafana } from "../verify/api.ts";
import type { Parts } from "./parts.ts";
import { docker } from "./volumes.ts";

/** Read by psql itself: the password is in no argument. */
const statements = "\\set password `cat \"$POSTGRES_PASSWORD_FILE\"`\nALTER ROLE CURRENT_USER PASSWORD :'password';\n";

/**
 * Gives the user of a PostgreSQL that runs the password that its container was given: a volume from another stack knows another
 * one. Who is in the container needs none.
 */
export async function setDatabasePassword(containerId: string): Promise<void> {
	const psql = 'psql --username="$POSTGRES_USER" --dbname=postgres --quiet --set=ON_ERROR_STOP=1';
	await docker(["exec", "--interactive", containerId, "sh", "-c", psql], { input: statements });
}

/** The reader's password, as the container of the program that makes the reader has it: its image has no shell. */
const readReader = "process.stdout.write(require('node:fs').readFileSync('/etc/otel-worker/secrets/reader'))";

/** Gives Grafana's datasource of the archive the password that its reader has in this stack: Grafana's database is from another one. */
export async function setReaderPassword(workerId: string, { urls, grafana: login }: Parts): Promise<void> {
	const { stdout: password } = await docker(["exec", workerId, "node", "-e", readReader]);
	const at = { grafana: `${urls.grafana}`, grafanaUser: login.user, grafanaPassword: login.password };
	const path = `/api/datasources/uid/${uid.archive}`;
	const source = await grafana<object>(at, path);
	await grafana(at, path, { method: "PUT", body: JSON.stringify({ ...source, secureJsonData: { password } }) });
}
