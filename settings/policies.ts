// Settings about the policy pack: what it looks for is in policies/.

import { z } from "zod";

/** What no stack may be without, by name. */
export const policyNames = [
	"exact-images",
	"guarded-ports",
	"memory-limits",
	"no-root",
	"no-plain-secrets",
	"protected-stores",
	"retention",
	"private-buckets",
	"least-privilege",
	"closed-networks",
	"many-zones",
	"tags",
] as const;

export type PolicyName = (typeof policyNames)[number];

const waiver = z.strictObject({
	policy: z.enum(policyNames).meta({ description: "What is waived." }),
	resource: z
		.string()
		.regex(/^[\w./*-]+$/)
		.meta({
			description: "For which resources, by the name that a preview shows; `*` is anything.",
			allowed: "a name, such as tempo or tempo-*",
		}),
	reason: z.string().trim().min(10).meta({
		description: "Why, for whoever reads the report.",
		allowed: "a sentence",
	}),
});

export type Waiver = z.infer<typeof waiver>;

export const policies = z
	.strictObject({
		waive: z.array(waiver).default([]).meta({
			description: "Violations that are reported and stop nothing.",
			allowed: "a list of waivers, each with policy, resource and reason",
		}),
	})
	.prefault({})
	.meta({ description: "The policies of docs/policies.md." });

/** What the policy pack goes by. */
export interface PolicySettings {
	production: boolean;
	waive: Waiver[];
}

/** Whether an environment is one whose data nobody may lose. */
export function isProduction(env: string): boolean {
	return /^prod(uction)?$/i.test(env);
}
