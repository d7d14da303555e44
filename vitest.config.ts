import { defineConfig } from "vitest/config";

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
				},
			},
			// They share one engine and its ports.
			{
				test: {
					name: "e2e",
					include: ["tests/e2e/**/*.test.ts"],
					fileParallelism: false,
					// The longest outage of the long form is ten minutes.
					testTimeout: process.env.TRACESTACK_SOAK ? 1_500_000 : 300_000,
					hookTimeout: 900_000,
				},
			},
		],
	},
});
