// What a pack.yaml may say.

import { z } from "zod";
import { grafanaPlugin } from "./kinds.ts";
import { scrape } from "./scrape.ts";

const attribute = z
	.string()
	.regex(/^(span|resource)\.[A-Za-z][\w.-]*$/)
	.meta({ allowed: "span.NAME or resource.NAME, as TraceQL writes it" });

const metric = z
	.string()
	.regex(/^[a-zA-Z_:][\w:]*$/)
	.meta({ allowed: "a metric's name in Prometheus" });

/** The description of a pack. */
export const packFile = z.strictObject({
	title: z.string().min(1).meta({ description: "Of its folder in Grafana.", allowed: "a text that is not empty" }),
	owner: z.string().min(1).meta({ description: "The team that answers for it.", allowed: "a text that is not empty" }),
	attributes: z.array(attribute).default([]).meta({
		description: "Attributes that the dashboards ask for and applications have to set.",
		allowed: "a list of span.NAME and resource.NAME",
	}),
	metrics: z.array(metric).default([]).meta({
		description: "Metrics that the dashboards and rules ask for and applications have to send.",
		allowed: "a list of names",
	}),
	variables: z
		.record(z.string().regex(/^[a-zA-Z]\w*$/), z.string().min(1))
		.default({})
		.meta({
			description: "Variables of the dashboards, and where their values come from.",
			allowed: "names with an attribute, a label, or words",
		}),
	scrapes: z
		.array(scrape)
		.default([])
		.meta({ description: "What Prometheus scrapes for it.", allowed: "a list of scrapes" }),
	plugins: z
		.array(grafanaPlugin)
		.default([])
		.meta({ description: "Grafana's plugins that its panels need, pinned.", allowed: "a list of id@version" }),
	demo: z
		.string()
		.regex(/^[\w-]+\.ts$/)
		.optional()
		.meta({
			description: "A TypeScript module beside it that simulates its applications: `./tracestack demo`.",
			allowed: "a file in the pack's folder, such as demo.ts",
		}),
});
