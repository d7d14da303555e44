// What the providers can't see, by name: containers, files in them, running configuration, what is in Grafana.

import type { State } from "../../state.ts";
import type { Look } from "../finding.ts";
import { containers } from "./containers.ts";
import { configuration, files } from "./files.ts";
import { inGrafana } from "./grafana.ts";
import { retention } from "./retention.ts";
import { sealed } from "./seal.ts";

/** They start from containers on a Docker engine. */
const onDocker: Record<string, Look> = {
	containers,
	"files in containers": files,
	"Tempo's running configuration": configuration("tempo"),
	"Prometheus's running configuration and rules": configuration("prometheus"),
	"Loki's running configuration": configuration("loki"),
	"Alertmanager's running configuration": configuration("alertmanager"),
	retention,
};

/**
 * What can be looked at in a stack, each for itself: a service that does not answer hides nothing of the others. And by name what
 * can't, because the stack does not run on Docker: without containers those looks would find nothing, whatever runs.
 */
export function looksAt({ deployment }: State): { looks: Record<string, Look>; unseen: string[] } {
	const elsewhere = (deployment.resources ?? []).some(({ type }) => type.startsWith("aws:"));
	const all = { ...(!elsewhere && onDocker), "Grafana's content": inGrafana };
	return {
		looks: Object.fromEntries(
			Object.entries(all).map(([name, look]) => [name, async (context) => (await look(context)).map(sealed)]),
		),
		unseen: elsewhere ? Object.keys(onDocker) : [],
	};
}
