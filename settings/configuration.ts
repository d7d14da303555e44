// Pulumi's configuration as it comes. Apart from settings.ts, so that the policy pack, a process of its own that everybody
// waits for, does not load every setting that there is.

import * as pulumi from "@pulumi/pulumi";
import { isProduction, type PolicySettings, policies } from "./policies.ts";

/** The project's configuration by setting, and the full keys of everything else. */
export function readConfiguration(project: string): { raw: Record<string, unknown>; others: string[] } {
	const raw: Record<string, unknown> = {};
	const others: string[] = [];
	for (const [key, value] of Object.entries(pulumi.runtime.allConfig())) {
		const [namespace, setting] = splitOnce(key, ":");
		if (namespace === project) raw[setting] = objectOrText(value);
		else others.push(key);
	}
	return { raw, others };
}

/** What the policy pack goes by, in the process that runs it. A setting that is wrong waives nothing: the program refuses it. */
export function loadPolicySettings(): PolicySettings {
	const { raw } = readConfiguration(pulumi.getProject());
	const { env = pulumi.getStack() } = (raw.alerts ?? {}) as Record<string, unknown>;
	return { production: isProduction(String(env)), waive: policies.safeParse(raw.policies).data?.waive ?? [] };
}

/** Pulumi hands objects and lists over as JSON. */
export function objectOrText(value: string): unknown {
	if (!/^\s*[[{]/.test(value)) return value;
	try {
		return JSON.parse(value);
	} catch {
		return value;
	}
}

export function splitOnce(text: string, separator: string): [before: string, after: string] {
	const at = text.indexOf(separator);
	return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}
