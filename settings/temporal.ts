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
				description: "Which namespaces are looked at.",
				allowed: "a list of namespaces, at least one, each once",
			}),
		apiKey: credential("Sent as a bearer token, where the frontend asks for one."),
		ca: z.string().optional().meta({
			description: "Certificate of the authority of an `https` endpoint, where systems don't know it anyway.",
			allowed: "PEM",
		}),
		intervalSeconds: z.int().min(5).max(120).default(30).meta({
			description:
				"How often it is asked. A look takes a second, and one more for every five workflow types: of the ten questions a second that a frontend grants a namespace, it uses half.",
			allowed: "seconds, from 5 to 120",
		}),
		metrics: hostPort.optional().meta({
			...hostPort.meta(),
			description: "Where the server shows its own metrics: scraped at `/metrics`, as the job `temporal`.",
			defaultInWords: "not scraped",
		}),
	})
	.optional()
	.meta({
		description:
			"A Temporal whose workflows become metrics: docs/temporal.md. Nothing runs for it where this is absent.",
	});
