import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const soak = process.env.TRACESTACK_SOAK === "1";

/** End-to-end tests that load the machine, or (`--soak`) count milliseconds' worth of loss or restart the engine: one after the other. */
const alone = ["senders", ...(soak ? ["settings", "lifecycle"] : [])].map((name) => `tests/e2e/${name}.test.ts`);

/** Those that only `--soak` has the time for. */
const long = soak ? [] : ["retention", "side-by-side"].map((name) => `tests/e2e/${name}.test.ts`);

/** Those that take longest, the longest first. */
const longest = ["settings", "drift-live", "alerts", "lifecycle", "backup", "converge"].map(
	(name) => `e2e/${name}.test.ts`,
);

/** What starts last ends last. Of its own accord vitest begins with the largest files where it has seen no run before. */
class LongestFirst extends BaseSequencer {
	override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
		const rank = ({ moduleId }: TestSpecification) => {
			const at = longest.findIndex((name) => moduleId.endsWith(name));
			return at < 0 ? longest.length : at;
		};
		return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
	}
}

const endToEnd = {
	// The longest outage of the long form is ten minutes.
	testTimeout: soak ? 1_500_000 : 300_000,
	hookTimeout: 900_000,
};

export default defineConfig({
	test: {
		sequence: { sequencer: LongestFirst },
		projects: [
			// A file is a process of its own: Pulumi's mocks and settings are global to one.
			{
				test: {
					name: "unit",
					include: ["tests/unit/**/*.test.ts"],
					pool: "forks",
					setupFiles: "quick-start.ts",
					// Of its own accord vitest leaves one core free, which on two is half of them.
					maxWorkers: availableParallelism(),
					// Of a machine that others use as well.
					testTimeout: 120_000,
					hookTimeout: 120_000,
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
