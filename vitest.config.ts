import { defineConfig } from "vitest/config";

const soak = process.env.TRACESTACK_SOAK === "1";

/** End-to-end tests that load the machine, or (`--soak`) count milliseconds' worth of loss or restart the engine: one after the other. */
const alone = ["senders", ...(soak ? ["durability", "lifecycle"] : [])].map((name) => `tests/e2e/${name}.test.ts`);

/** Those that only `--soak` has the time for. */
const long = soak ? [] : ["retention", "side-by-side"].map((name) => `tests/e2e/${name}.test.ts`);

const endToEnd = {
	// The longest outage of the long form is ten minutes.
	testTimeout: soak ? 1_500_000 : 300_000,
	hookTimeout: 900_000,
};

export default defineConfig({
	test: {
		projects: [
			// A file is a process of its own: Pulumi's mocks and settings are global to one.
			{
				test: {
					name: "unit",
					include: ["tests/unit/**/*.test.ts"],
					pool: "forks",
					testTimeout: 30_000,
					hookTimeout: 60_000,
					sequence: { groupOrder: 0 },
				},
			},
			{
				test: {
					name: "e2e-alone",
					include: alone,
					...endToEnd,
					fileParallelism: false,
					sequence: { groupOrder: 1 },
				},
			},
			// Each on a stack and on ports of its own. They mostly wait, so three at once are fast even on two cores.
			{
				test: {
					name: "e2e",
					include: ["tests/e2e/**/*.test.ts"],
					exclude: [...alone, ...long],
					...endToEnd,
					maxWorkers: 3,
					sequence: { groupOrder: 2 },
				},
			},
		],
	},
});
