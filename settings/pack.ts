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

const kpi = z.strictObject({
	name: z.string().min(1).meta({ description: "What it is called.", allowed: "a text that is not empty" }),
	query: z
		.string()
		.min(1)
		.regex(/^(?!.*\$(?!__range\b)[\w{])/s)
		.meta({
			description: "PromQL. `$__range` is the week, as Grafana would fill it in; each series is a row.",
			allowed: "PromQL, whose only variable is $__range",
		}),
	unit: z.enum(["number", "ratio", "seconds"]).default("number").meta({ description: "What its values are." }),
	better: z.enum(["higher", "lower"]).optional().meta({ description: "Which way is better; neither without it." }),
});

/** A number that a week is judged by. */
export type Kpi = z.infer<typeof kpi>;

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
	kpis: z.array(kpi).default([]).meta({
		description: "What `./tracestack report weekly` tells of it, week over week.",
		allowed: "a list of objects with name, query, unit, better",
	}),
	demo: z
		.string()
		.regex(/^[\w-]+\.ts$/)
		.optional()
		.meta({
			description: "A TypeScript module beside it that simulates its applications: `./tracestack demo`.",
			allowed: "a file in the pack's folder, such as demo.ts",
		}),
});
