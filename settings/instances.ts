// Settings about how many of a service run.

import { z } from "zod";
import type { Conflict } from "./explain.ts";

const count = (description: string) =>
	z.int().min(1).max(50).default(1).meta({ description, allowed: "a whole number from 1 to 50" });

/** How many collectors run. */
export const instances = z
	.strictObject({
		min: count("How many there are at least."),
		max: count("How many there are at most; between the two their CPU decides."),
	})
	.prefault({})
	.meta({ description: "How many collectors run; more than one on AWS only." });

/** @param collector, sampling What may be wrong otherwise. */
export function instanceConflicts(
	target: unknown,
	{ instances = {} }: Record<string, unknown>,
	sampling: Record<string, unknown>,
): Conflict[] {
	const { min = 1, max = 1 } = instances as { min?: unknown; max?: unknown };
	const conflict = (problem: string): Conflict => ({ path: ["collector", "instances", "max"], problem });
	if (typeof min !== "number" || typeof max !== "number") return [];
	const conflicts: Conflict[] = [];
	if (max < min) conflicts.push(conflict(`is ${max}, less than min, which is ${min}`));
	if (max < 2) return conflicts;
	if (target !== "aws") conflicts.push(conflict(`is ${max}, and Docker runs one\n    allowed: 1`));
	const { percent = 100, tail } = sampling;
	if (tail !== undefined || percent !== 100) {
		const why = "with sampling the collector counts, and all spans of a trace must meet in one";
		conflicts.push(conflict(`is ${max}, and sampling is on\n    allowed: 1; ${why}`));
	}
	return conflicts;
}
