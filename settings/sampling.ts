// Settings about which traces are kept.

import { z } from "zod";
import { isEachOnce } from "./kinds.ts";

const percent = z.number().min(0).max(100);

const tail = z
	.strictObject({
		percent: percent.meta({
			description: "Share that is kept of the traces that no rule below keeps.",
			allowed: "a number from 0 to 100",
		}),
		errors: z.boolean().default(true).meta({ description: "Keep traces with a failed span." }),
		slowerThan: z
			.string()
			.regex(/^[1-9]\d{0,5}(ms|s)$/)
			.transform((text) => Number.parseInt(text, 10) * (text.endsWith("ms") ? 1 : 1000))
			.optional()
			.meta({ description: "Keep traces that take longer.", allowed: "seconds or milliseconds, such as 2s or 500ms" }),
		attributes: z
			.array(
				z.strictObject({
					name: z.string().min(1).meta({ description: "Attribute of a span or a resource.", allowed: "a name" }),
					values: z
						.array(z.string())
						.default([])
						.meta({ description: "Its values.", allowed: "a list of texts", defaultInWords: "any" }),
				}),
			)
			.refine((attributes) => isEachOnce(attributes.map(({ name }) => name)))
			.default([])
			.meta({
				description: "Keep traces with a span that has one of these attributes, such as a run's id.",
				allowed: "a list of attributes, each once, such as { name: run.id } or { name: tier, values: [gold, silver] }",
			}),
		waitSeconds: z.int().min(1).max(300).default(10).meta({
			description:
				"How long to wait for the spans of a trace. Meanwhile they are in the collector's memory only: if it is killed, they are lost.",
			// Far below the half hour that Prometheus and Tempo's generator accept as late.
			allowed: "seconds, a whole number from 1 to 300",
		}),
	})
	.optional()
	.meta({
		description: "Tail sampling: decide when a trace is complete. All its spans must meet in one collector.",
		allowed: "an object with percent, errors, slowerThan, attributes, waitSeconds",
		defaultInWords: "off",
	});

/** Which traces are kept. */
export const sampling = z
	.strictObject({
		percent: percent.gt(0).default(100).meta({
			description: "Head sampling: share of all traces that is kept, by trace id, before `tail` decides.",
			allowed: "a number above 0, up to 100",
		}),
		tail,
	})
	.prefault({})
	.meta({
		description:
			"Which traces are stored; span metrics count all of them: docs/correlation.md. Traces with a span whose attribute `sampling.priority` is 1 or more are always kept.",
	});
