// All looks at what the providers can't see: containers, files in them, running configuration, Grafana's content.

import type { State } from "../../state.ts";
import type { Look } from "../finding.ts";
import { containers } from "./containers.ts";
import { configuration, files } from "./files.ts";
import { inGrafana } from "./grafana.ts";
import { retention } from "./retention.ts";
import { sealed } from "./seal.ts";

/** Looks that need containers on a Docker engine. */
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
 * The looks that are possible for a stack, and the names of those that are not, because it does not run on Docker. They are
 * separate, so that a service that does not answer hides no findings about others.
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
