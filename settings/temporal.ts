import { z } from "zod";
import { credential, hostPort, isEachOnce, url } from "./kinds.ts";

/** A Temporal whose workflows are looked at. */
export const temporal = z
	.strictObject({
		endpoint: url.meta({
			description:
				"Where the frontend's HTTP API is (`services.frontend.rpc.httpPort`, 7243 by default), not its gRPC. `host.docker.internal` is the machine that runs Docker.",
			allowed: "a URL, such as https://temporal.example.com:7243 or http://host.docker.internal:7243",
		}),
		namespaces: z
			.array(z.string().min(1).meta({ allowed: "a namespace of that Temporal" }))
			.min(1)
			.refine(isEachOnce)
			.default(["default"])
			.meta({
				description: "Namespaces that are polled.",
				allowed: "a list of namespaces, at least one, each once",
			}),
		apiKey: credential("Bearer token, if the frontend requires one."),
		ca: z.string().optional().meta({
			description: "CA certificate of an `https` endpoint, if the system does not trust it.",
			allowed: "PEM",
		}),
		intervalSeconds: z.int().min(5).max(120).default(30).meta({
			description:
				"Interval of polls. A poll takes a second, and one more for every five workflow types: it uses half of the ten requests a second that a frontend grants a namespace.",
			allowed: "seconds, from 5 to 120",
		}),
		metrics: hostPort.optional().meta({
			...hostPort.meta(),
			description: "Address of the server's own metrics: scraped at `/metrics`, as the job `temporal`.",
			defaultInWords: "not scraped",
		}),
	})
	.optional()
	.meta({
		description:
			"Metrics of a Temporal server's workflows: docs/temporal.md. Without this setting nothing runs for it.",
	});
