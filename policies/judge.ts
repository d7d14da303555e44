// Rules, resources and waivers, brought together.

import { matches } from "../settings/glob.ts";
import type { PolicySettings, Waiver } from "../settings/policies.ts";
import type { Resource, Rule, Violation } from "./rule.ts";

/** A violation, and the waiver that covers it. */
export interface Judged extends Violation {
	rule: Rule;
	waiver?: Waiver;
}

/** What a rule says of one resource. */
export function judgeOne(rule: Rule, resource: Resource, settings: PolicySettings): Judged[] {
	const messages = applies(rule, settings) ? (rule.one?.(resource) ?? []) : [];
	return messages.map((message) => judged(rule, { resource, message }, settings));
}

/** What a rule says of a whole stack, beside what it says of each resource. */
export function judgeAll(rule: Rule, resources: Resource[], settings: PolicySettings): Judged[] {
	const violations = applies(rule, settings) ? (rule.all?.(resources) ?? []) : [];
	return violations.map((violation) => judged(rule, violation, settings));
}

function applies({ production }: Rule, settings: PolicySettings): boolean {
	return !production || settings.production;
}

function judged(rule: Rule, violation: Violation, { waive }: PolicySettings): Judged {
	const covers = ({ policy, resource }: Waiver) => policy === rule.name && matches(resource, violation.resource.name);
	return { ...violation, rule, waiver: waive.find(covers) };
}
