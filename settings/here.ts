// Addresses of the machine itself, such as localhost: on Docker they lead to the machine that runs it, on AWS to the task that asks.

import type { Conflict } from "./explain.ts";

type Found = { path: (string | number)[]; value: unknown };

/** Settings whose value is an address beyond the stack. */
const addresses: string[] = [
	"archive.database",
	"temporal.endpoint",
	"temporal.metrics",
	"storage.endpoint",
	"destinations.*.endpoint",
	"scrapes.*.targets.*",
	"receivers.*.url",
	"receivers.*.webhookUrl",
	"receivers.*.smarthost",
];

const here =
	/^(?:[a-z]+:\/\/)?(?:[^/@]*@)?(host\.docker\.internal|localhost|127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\])(?::|\/|$)/i;

/** Addresses in the settings of a stack on AWS that lead to the machine that makes it. */
export function hereConflicts(raw: Record<string, unknown>): Conflict[] {
	if (raw.target !== "aws") return [];
	return addresses
		.flatMap((pattern) => below({ path: [], value: raw }, pattern.split(".")))
		.flatMap(({ path, value }) => {
			const [, host] = (typeof value === "string" && here.exec(value)) || [];
			const why =
				'while target is "aws"\n    that would be the task itself: a name or an address that the VPC reaches is needed';
			return host ? [{ path, problem: `leads to ${host} ${why}` }] : [];
		});
}

/** Everything that a path leads to; `*` is each item of a list. */
function below({ path, value }: Found, [step, ...rest]: string[]): Found[] {
	if (step === undefined) return [{ path, value }];
	if (typeof value !== "object" || value === null) return [];
	const entries: [string | number, unknown][] =
		step === "*"
			? Array.isArray(value)
				? [...value.entries()]
				: []
			: [[step, (value as Record<string, unknown>)[step]]];
	return entries.flatMap(([key, item]) => below({ path: [...path, key], value: item }, rest));
}
