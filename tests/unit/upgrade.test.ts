import { stripVTControlCharacters } from "node:util";
import { describe, expect, it, test } from "vitest";
import { exitCode, type Row, table } from "../../cli/upgrade/upgrade.ts";
import { step, versionOf } from "../../cli/upgrade/version.ts";

test.each([
	["grafana/tempo:3.0.2", "grafana/tempo:3.0.2", "same"],
	["grafana/tempo:3.0.2", "grafana/tempo:3.0.3", "patch"],
	["prom/prometheus:v3.9.0", "prom/prometheus:v3.14.0", "minor"],
	["grafana/tempo:2.8.1", "grafana/tempo:3.0.0", "major"],
	["grafana/tempo:3.0.3", "grafana/tempo:3.0.2", "downgrade"],
	["grafana/tempo:3.0.3", "grafana/tempo:2.9.9", "downgrade"],
	["node:24.21.0-alpine", "node:24.21.0-slim", "rebuilt"],
	["built/grafana:10.1-d2d8", "built/grafana:10.1-77aa", "rebuilt"],
	["built/grafana:10.1-d2d8", "built/grafana:10.1.2-77aa", "patch"],
	["registry:5000/tempo:3.0.2", "other:5000/tempo:3.1.0", "minor"],
	["grafana/tempo:3.0.2", "grafana/tempo:latest", "unknown"],
	["grafana/tempo:3.0.2", "grafana/tempo@sha256:ab", "unknown"],
	["grafana/tempo:3.0.2@sha256:ab", "grafana/tempo:3.0.2@sha256:cd", "rebuilt"],
	// Which of 2.8 it is, the tag does not say.
	["grafana/tempo:2.8.1", "built/tempo:2.8-2388e90c4cae", "unknown"],
	["grafana/tempo:2.8.0", "built/tempo:2.8-2388e90c4cae", "rebuilt"],
	["grafana/tempo:3.0.3", "built/tempo:2.8-2388e90c4cae", "downgrade"],
	["built/postgres:15-e8d9f43e965a", "postgres:17.6", "major"],
	["postgres:17.6", "built/postgres:15-e8d9f43e965a", "downgrade"],
	["built/tempo:2388e90c", "built/tempo:1488e90c", "unknown"],
	["grafana/tempo:3.0.0-rc.1", "grafana/tempo:3.0.0", "patch"],
	["grafana/tempo:3.0.0", "grafana/tempo:3.0.0-rc.1", "downgrade"],
	["grafana/tempo:v3.0.0-rc.9", "grafana/tempo:v3.0.0-rc.10", "patch"],
	["grafana/tempo:3.0.0-rc.1", "grafana/tempo:2.9.0", "downgrade"],
])("from %s to %s is: %s", (from, to, what) => {
	expect(step(from, to)).toBe(what);
});

test("a version is shown as its tag has it", () => {
	const images = ["prom/prometheus:v3.14.0", "built/loki:3.7.6-bf6b", "grafana/tempo:main-1234", "a:1.2.3@sha256:ab"];
	expect(images.map(versionOf)).toEqual(["v3.14.0", "3.7.6", "main-1234", "1.2.3"]);
	const others = ["built/postgres:15-e8d9", "a:v3.0.0-rc.1", "r:5000/a@sha256:0123456789abcdef", "r:5000/a"];
	expect(others.map(versionOf)).toEqual(["15", "v3.0.0-rc.1", "sha256:0123456789ab", "latest"]);
});

describe("a check", () => {
	const row = (change: Partial<Row>): Row => ({
		service: "tempo",
		runs: "grafana/tempo:3.0.2",
		catalogue: "grafana/tempo:3.0.3",
		step: "patch",
		configuration: "accepted",
		...change,
	});

	it.each([
		["nothing is to do", [row({ step: "same" })], 0],
		["all is accepted", [row({ step: "same" }), row({}), row({ configuration: "no check" })], 2],
		["the same version is built anew", [row({ step: "rebuilt" })], 2],
		["a configuration is refused", [row({}), row({ configuration: "refused" })], 1],
		["the same image refuses another patch", [row({ step: "same", configuration: "refused" })], 1],
		["a server would be older", [row({}), row({ step: "downgrade", configuration: "refused" })], 1],
	])("tells by its exit code that %s", (_, rows, code) => {
		expect(exitCode(rows)).toBe(code);
	});

	it("says what each service gains, and why one refuses, within the width", () => {
		const why = `first\nsecond\nthird\nfailed parsing config: line 12: field nonsense not found ${"in type app.Config ".repeat(5)}\n`;
		const rows = [
			row({}),
			row({ service: "grafana", step: "downgrade", configuration: "refused" }),
			row({ service: "loki", configuration: "refused", why }),
		];
		const lines = table(rows, 60).map(stripVTControlCharacters);
		expect(lines.slice(0, 3)).toEqual([
			expect.stringMatching(/^service +runs +catalogue +means/),
			"tempo    3.0.2  3.0.3      patch; accepted",
			expect.stringMatching(/^grafana {2}3\.0\.2 {2}3\.0\.3 {6}DOWNGRADE; refused/),
		]);
		expect(lines[3]).toContain("patch; refused");
		expect(lines.join("\n")).toMatch(/ {4}failed parsing config: line 12: field nonsense not/);
		for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
	});
});
