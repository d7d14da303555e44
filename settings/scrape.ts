import { z } from "zod";
import { hostPort } from "./kinds.ts";

/** What Prometheus scrapes beside the stack itself. */
export const scrape = z.strictObject({
	job: z
		.string()
		.regex(/^[a-zA-Z][\w.-]{0,62}$/)
		.meta({
			description: "The `job` label. No service of the stack itself may have it.",
			allowed: "a name of letters, digits, dots, hyphens, underscores",
		}),
	targets: z.array(hostPort).min(1).meta({
		description: "What to scrape. `host.docker.internal` is the machine that runs Docker.",
		allowed: "a list of host:port, at least one",
	}),
	path: z
		.string()
		.startsWith("/")
		.default("/metrics")
		.meta({ description: "Path of the metrics.", allowed: "a path that begins with /" }),
	scheme: z.enum(["http", "https"]).default("http").meta({ description: "Scheme." }),
	interval: z
		.string()
		.regex(/^[1-9]\d{0,4}[sm]$/)
		.default("15s")
		.meta({ description: "How often.", allowed: "seconds or minutes, such as 15s or 1m" }),
});
