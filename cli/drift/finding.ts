// What a drift review finds, whoever finds it: the engine's preview, its refresh, or a look at what runs.

import type { Change } from "../diff/change.ts";
import type { Environment } from "../engine.ts";
import type { State } from "../state.ts";
import type { Endpoints } from "../verify/api.ts";

/** How much a finding matters, worst first. */
export const severities = ["breaks data", "restarts a service", "cosmetic"] as const;

export interface Finding {
	/** `planned`: the code says otherwise than what was deployed. `drifted`: what runs is not what was deployed. */
	kind: "planned" | "drifted";
	/** Whose it is: the name of a workload (`tempo`), or `stack` for what belongs to none. */
	component: string;
	/** What it is, for people, the same in every run: `dashboard services`, `file /etc/tempo/tempo.yaml`. */
	subject: string;
	/** Planned: what `up` will do to it. Drifted: what was done to it. */
	action: "create" | "update" | "replace" | "delete";
	severity: (typeof severities)[number];
	/** True where a replacement or a deletion takes stored data with it: a volume, a bucket, a database, a password. */
	stateful: boolean;
	/** From what was deployed to what the code says (planned) or what runs (drifted). Secrets are masked before they get here. */
	changes: Change[];
	/** ISO 8601, where something keeps a history. */
	since?: string;
	by?: string;
	/** What puts it back, or takes it over: a command. Drifted findings only. */
	restore?: string;
}

/** Shown instead of a secret. */
export const masked = "[secret]";

/** What a look at the running stack starts from. */
export interface Context {
	environment: Environment;
	stack: string;
	/** What was deployed, secrets readable: to compare, never to show. */
	state: State;
	/** The stack's addresses and passwords. */
	endpoints: Endpoints;
}

/** One kind of look at what runs. It changes nothing. What can't be looked at is an error that says why, never "no finding". */
export type Look = (context: Context) => Promise<Finding[]>;
