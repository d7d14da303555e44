// Commands that put things back. Each but `refill` was tried by the end-to-end test that finds what it restores.

import type { Context } from "../finding.ts";

const of = (stack: string) => (stack === "dev" ? "" : ` --stack ${stack}`);

/** Makes again what is gone, and starts what was stopped. */
export function up(stack: string): string {
	return `./tracestack up${of(stack)}`;
}

/** Makes a volume again, and puts into it what a backup has: by itself it would be empty. */
export function refill(stack: string): string {
	return `${up(stack)} && ./tracestack restore BACKUP --yes${of(stack)}`;
}

/** Makes a container again. It is stopped first, so that its service ends as it should; its volumes stay. */
export function remake(container: string, stack: string): string {
	return `docker stop ${container} && docker rm ${container} && ${up(stack)}`;
}

/** Lets a service read its files again. */
export function restart(container: string): string {
	return `docker restart ${container}`;
}

/** Writes over what is in Grafana, and makes again what is gone from it. */
export function refresh(stack: string): string {
	return `./tracestack pulumi up --refresh --stack ${stack}`;
}

/** Takes something out of Grafana. @param path Below `/api`. */
export function removeFromGrafana({ endpoints, stack }: Context, path: string): string {
	const { grafana, grafanaUser } = endpoints;
	const user = `"${grafanaUser}:$(./tracestack password${of(stack)})"`;
	const ca = endpoints.ca && grafana.startsWith("https") ? ` --cacert <(./tracestack ca${of(stack)})` : "";
	return `curl --fail --silent --show-error${ca} --user ${user} --request DELETE ${grafana}/api/${path}`;
}
