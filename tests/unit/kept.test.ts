import { expect, it } from "vitest";
import { hours } from "../../cli/kept.ts";

it.each([
	["336h0m0s", 336],
	["2w", 336],
	["2w1d", 360],
	["360h", 360],
	["90m", 1.5],
])("%s is %d hours", (duration, expected) => {
	expect(hours(duration)).toBe(expected);
});

it.each(["", "soon", "1y", "2h later"])("%j is no duration", (text) => {
	expect(() => hours(text)).toThrow("is no duration");
});
