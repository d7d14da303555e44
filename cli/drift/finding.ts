// What `drift` finds, by Pulumi's preview, its refresh, or a look at what runs.

import type { Change } from "../diff/change.ts";
import type { Environment } from "../engine.ts";
import type { State } from "../state.ts";
import type { Endpoints } from "../verify/api.ts";

/** How much a finding matters, worst first. */
export const severities = ["breaks data", "restarts a service", "cosmetic"] as const;

/** One thing that differs. */
export interface Finding {
	/** `planned`: the code differs from what was deployed. `drifted`: what runs differs from what was deployed. */
	kind: "planned" | "drifted";
	/** The workload that it belongs to, such as `tempo`, or `stack`. */
	component: string;
	/**
	 * What it is, for people and for rules, the same in every run: `dashboard services`, `file /etc/tempo/tempo.yaml`.
	 */
	subject: string;
	/** Planned: what `up` will do to it. Drifted: what was done to it. */
	action: "create" | "update" | "replace" | "delete";
	severity: (typeof severities)[number];
	/** True where a replacement or a deletion also deletes stored data: a volume, a bucket, a database, a password. */
	stateful: boolean;
	/** From what was deployed to what the code says (planned) or what runs (drifted). Secrets are masked already. */
	changes: Change[];
	/** When it was changed, in ISO 8601, where that is known. */
	since?: string;
	/** Who changed it, where that is known. */
	by?: string;
	/** A command that restores it. Only where it has drifted. */
	restore?: string;
}

/** Shown instead of a secret. */
export const masked = "[secret]";

/** What a look at the running stack starts from. */
export interface Context {
	environment: Environment;
	stack: string;
	/** What was deployed, secrets readable: to compare, never to print. */
	state: State;
	/** The stack's addresses and passwords. */
	endpoints: Endpoints;
}

/**
 * One kind of look at what runs. It changes nothing. It throws when it can't look: an empty list means that nothing
 * differs.
 */
export type Look = (context: Context) => Promise<Finding[]>;
