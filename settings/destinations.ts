// Settings about further places that telemetry is sent to.

import { z } from "zod";
import type { Conflict } from "./explain.ts";
import { listAt, objectOf, type Raw } from "./raw.ts";

/** A further OTLP destination. */
export const destination = z.strictObject({
	name: z
		.string()
		.regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/)
		.meta({
			description: "Name. Its queue on disk is named after it.",
			allowed: "lower-case letters, digits, single hyphens",
		}),
	endpoint: z
		.string()
		.regex(/^https?:\/\/[A-Za-z0-9.-]+(:\d{1,5})?(\/\S*)?$/)
		.refine((text) => URL.canParse(text))
		.meta({
			description:
				"Its OTLP endpoint; `/v1/traces` and so on are added for HTTP. `host.docker.internal` is the machine that runs Docker.",
			allowed: "a URL, such as https://otlp.example.com or http://host.docker.internal:4318",
		}),
	protocol: z.enum(["http", "grpc"]).default("http").meta({ description: "OTLP over HTTP or gRPC." }),
	signals: z
		.array(z.enum(["traces", "metrics", "logs"]))
		.min(1)
		.default(["traces"])
		.meta({ description: "What is sent there.", allowed: "a list of traces, metrics, logs" }),
	headers: z
		.record(z.string().regex(/^[A-Za-z0-9-]+$/), z.string().min(1))
		.default({})
		.meta({
			description: "Headers of each request, such as `authorization`. Kept as secrets.",
			allowed: "names with texts that are not empty, as Pulumi secrets",
			defaultInWords: "none",
			secret: true,
		}),
	onlyAttributes: z
		.array(
			z
				.string()
				.regex(/^[A-Za-z0-9._-]+$/)
				.meta({ allowed: "the beginning of an attribute's name" }),
		)
		.default([])
		.meta({
			description:
				"Only spans with an attribute whose name begins so, such as `gen_ai.` for Langfuse. If empty, every span.",
			allowed: "a list of beginnings of attribute names",
		}),
	queueMiB: z.int().min(1).max(1_048_576).default(256).meta({
		description:
			"Size of its queue on disk. When the queue is full, further data is dropped for this destination only.",
		allowed: "MiB, a whole number from 1",
	}),
});

/** An endpoint of gRPC is a host and a port: what follows would be read as a part of the port. */
export function destinationConflicts(raw: Raw): Conflict[] {
	return listAt(raw, "destinations").flatMap((destination, i) => {
		const { protocol, endpoint } = objectOf(destination);
		if (protocol !== "grpc" || typeof endpoint !== "string" || !URL.canParse(endpoint)) return [];
		const { pathname, search } = new URL(endpoint);
		if (pathname === "/" && !search) return [];
		const problem = "has a path, and gRPC has no path\n    leave it out, or set protocol to http";
		return [{ path: ["destinations", i, "endpoint"], problem }];
	});
}
