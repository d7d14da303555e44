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
