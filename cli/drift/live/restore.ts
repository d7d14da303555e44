// Commands that restore what has drifted. Each but `refill` is run by the end-to-end test that finds what it restores.

import type { Context } from "../finding.ts";

const of = (stack: string) => (stack === "dev" ? "" : ` --stack ${stack}`);

/** Creates what is gone, and starts what was stopped. */
export function up(stack: string): string {
	return `./tracestack up${of(stack)}`;
}

/** Creates a volume, and restores its content from a backup: by itself it would be empty. */
export function refill(stack: string): string {
	return `${up(stack)} && ./tracestack restore BACKUP --yes${of(stack)}`;
}

/** Creates a container anew. It is stopped first, so that its service shuts down properly; its volumes stay. */
export function remake(container: string, stack: string): string {
	return `docker stop ${container} && docker rm ${container} && ${up(stack)}`;
}

/** Makes a service read its files again. */
export function restart(container: string): string {
	return `docker restart ${container}`;
}

/** Overwrites edits in Grafana, and creates what was deleted there. */
export function refresh(stack: string): string {
	return `./tracestack pulumi up --refresh --stack ${stack}`;
}

/** Deletes something in Grafana. @param path Path below `/api`. */
export function removeFromGrafana({ endpoints, stack }: Context, path: string): string {
	const { grafana, grafanaUser } = endpoints;
	const user = `"${grafanaUser}:$(./tracestack password${of(stack)})"`;
	const ca = endpoints.ca && grafana.startsWith("https") ? ` --cacert <(./tracestack ca${of(stack)})` : "";
	return `curl --fail --silent --show-error${ca} --user ${user} --request DELETE ${grafana}/api/${path}`;
}
