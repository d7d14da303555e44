// What the providers can't see, by name: containers, files in them, running configuration, what is in Grafana.

import type { Look } from "../finding.ts";
import { containers } from "./containers.ts";
import { configuration, files } from "./files.ts";
import { inGrafana } from "./grafana.ts";
import { retention } from "./retention.ts";
import { sealed } from "./seal.ts";

const all: Record<string, Look> = {
	containers,
	"files in containers": files,
	"Tempo's running configuration": configuration("tempo"),
	"Prometheus's running configuration and rules": configuration("prometheus"),
	"Loki's running configuration": configuration("loki"),
	"Alertmanager's running configuration": configuration("alertmanager"),
	"Grafana's content": inGrafana,
	retention,
};

/** Each for itself: a service that does not answer hides nothing of the others. */
export const looks: Record<string, Look> = Object.fromEntries(
	Object.entries(all).map(([name, look]) => [name, async (context) => (await look(context)).map(sealed)]),
);
