// Settings about `./tracestack drift`.

import { z } from "zod";

const rule = z.strictObject({
	component: z.string().min(1).optional().meta({
		description: "Whose: the name of a service, or `stack`.",
		allowed: "a name",
		defaultInWords: "any",
	}),
	subject: z.string().min(1).meta({
		description: "What, as the report names it, such as `dashboard services`; `*` stands for anything.",
		allowed: "a text, with * and ?",
	}),
	reason: z.string().regex(/\S/).meta({
		description: "Why: it is shown with what is ignored.",
		allowed: "a text that is not empty",
	}),
});

/** What a stack's owners know of and accept. */
export type IgnoreRule = z.infer<typeof rule>;

export const drift = z
	.strictObject({
		ignore: z.array(rule).default([]).meta({
			description:
				"Findings that are known and accepted: folded in the report, and without effect on the exit code. A change that deletes stored data can't be ignored: docs/drift.md.",
			allowed:
				'a list of rules, such as { subject: "dashboard services", reason: "SRE try panels there" }, with component where it matters',
		}),
	})
	.prefault({})
	.meta({ description: "What `./tracestack drift` reports." });
