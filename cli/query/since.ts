import { hours } from "../kept.ts";
import { UserError } from "../output.ts";

/**
 * The duration that follows --since, in seconds.
 *
 * @throws UserError when it is no duration, or zero.
 */
export function secondsOf(since: string): number {
	const amount = /^(\d+[wdhms])+$/.test(since) ? Math.round(hours(since) * 3600) : 0;
	if (amount > 0) return amount;
	throw new UserError(`--since is "${since}"\n  allowed: a duration such as 15m, 2h, 7d`);
}
