// The rules as a policy pack of the engine: `pulumi preview --policy-pack policies`.

import "../quick-start.ts";
import {
	type Policies,
	PolicyPack,
	type PolicyResource,
	type ReportViolation,
	type ResourceValidationArgs,
	type ResourceValidationPolicy,
	type StackValidationPolicy,
} from "@pulumi/policy";
import { loadPolicySettings } from "../settings/configuration.ts";
import type { PolicySettings, Waiver } from "../settings/policies.ts";
import { type Judged, judgeAll, judgeOne } from "./judge.ts";
import { known } from "./known.ts";
import type { Resource, Rule } from "./rule.ts";
import { rules } from "./rules.ts";

let loaded: PolicySettings | undefined;
/** Not before the first resource: a pack is also asked what it is where there is no stack. */
function settings(): PolicySettings {
	loaded ??= loadPolicySettings();
	return loaded;
}

function resourceOf({ urn, type, name, props, opts }: ResourceValidationArgs | PolicyResource): Resource {
	return { urn, type, name, props: known(props), protect: opts.protect, from: {} };
}

const looked = new Map<string, Resource>();

/** Every policy is given a view of its own of the same resource, and copying it is what takes the time. */
function lookedAt(args: ResourceValidationArgs): Resource {
	const resource = looked.get(args.urn) ?? resourceOf(args);
	looked.set(args.urn, resource);
	return resource;
}

function stackOf(resources: PolicyResource[]): Resource[] {
	return resources.map((resource) => {
		const from = Object.entries(resource.propertyDependencies).map(([name, of]) => [name, of.map(({ urn }) => urn)]);
		return { ...resourceOf(resource), from: Object.fromEntries(from) };
	});
}

function enforced(rule: Rule): ResourceValidationPolicy & Partial<StackValidationPolicy> {
	const tell = (found: Judged[], report: ReportViolation) => {
		for (const { message, resource, waiver } of found) if (!waiver) report(message, resource.urn);
	};
	return {
		name: rule.name,
		description: rule.description,
		enforcementLevel: "mandatory",
		validateResource: (args, report) => tell(judgeOne(rule, lookedAt(args), settings()), report),
		...(rule.all && {
			validateStack: (args, report) => tell(judgeAll(rule, stackOf(args.resources), settings()), report),
		}),
	};
}

/** A level is a policy's, not a violation's: what is waived is told by a policy of its own. */
function waived(): ResourceValidationPolicy & StackValidationPolicy {
	const used = new Set<Waiver>();
	const tell = (found: Judged[], report: ReportViolation) => {
		for (const { message, resource, rule, waiver } of found) {
			if (!waiver) continue;
			used.add(waiver);
			report(`${rule.name}: ${message}\nwaived: ${waiver.reason}`, resource.urn);
		}
	};
	return {
		name: "waived",
		description: "Waived by the stack's settings.",
		enforcementLevel: "advisory",
		validateResource: (args, report) => {
			const resource = lookedAt(args);
			looked.delete(args.urn); // this policy is the last
			tell(
				rules.flatMap((rule) => judgeOne(rule, resource, settings())),
				report,
			);
		},
		validateStack: (args, report) => {
			const resources = stackOf(args.resources);
			tell(
				rules.flatMap((rule) => judgeAll(rule, resources, settings())),
				report,
			);
			for (const { policy, resource } of settings().waive.filter((waiver) => !used.has(waiver)))
				report(`nothing violates ${policy} at ${resource} any more: remove the waiver`);
		},
	};
}

new PolicyPack("tracestack", { policies: [...rules.map(enforced), waived()] as Policies });
