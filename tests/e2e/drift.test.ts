// What the engine itself can tell of a real stack: what the code would change, and what was done beside it.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Report } from "../../cli/drift/report.ts";
import { TestStack } from "./stack.ts";

let stack: TestStack;
/** With a rule that accepts what is done to one container. */
const rule = { component: "loki", subject: "container", reason: "somebody looks into its disk" };
const configured = { size: "small", drift: { ignore: [rule] } };

beforeAll(async () => {
	stack = await TestStack.create("e2e-drift", 31100);
	stack.configure(configured);
	const up = await stack.tracestack("up", "--no-verify");
	expect(up.code, up.all).toBe(0);
});

afterAll(() => stack?.remove());

async function drift(): Promise<{ code: number; report: Report }> {
	const { code, stdout, all } = await stack.tracestack("drift", "--format", "json");
	expect(stdout, all).toMatch(/^\{/);
	return { code, report: JSON.parse(stdout) };
}

describe("drift", () => {
	it("says that a stack as it was deployed is clean", async () => {
		const { code, all } = await stack.tracestack("drift", "--format", "markdown");
		expect(all).toContain("✅ Nothing drifted, nothing is planned");
		expect(all).toContain("The rule for `container` of `loki`");
		expect(code).toBe(0);
	});

	it("finds a changed setting, where it takes effect, and nothing else", async () => {
		stack.configure({ ...configured, tempo: { retention: "48h" } });
		const { code, report } = await drift();
		expect(report).toMatchObject({ failed: [], ignored: [] });
		expect(report.findings).toEqual([
			{
				kind: "planned",
				component: "tempo",
				subject: "container",
				action: "replace",
				severity: "restarts a service",
				stateful: false,
				changes: [
					{
						path: "/etc/tempo/tempo.yaml overrides.defaults.compaction.block_retention",
						from: "336h",
						to: "48h",
					},
				],
			},
		]);
		expect(code).toBe(2);
	});

	it("finds what was done to containers by hand, changes nothing itself, and lets a rule accept it", async () => {
		stack.configure(configured);
		const before = await stack.running();
		await Promise.all([
			stack.container("alertmanager", "stop", "--time", "5"),
			stack.container("loki", "rm", "--force"),
			stack.container("tempo", "update", "--memory", "900m", "--memory-swap", "900m"),
		]);
		const { code, report } = await drift();
		const found = report.findings.map(({ component, subject, action }) => ({ component, subject, action }));
		expect(found).toEqual(
			expect.arrayContaining([
				{ component: "alertmanager", subject: "container", action: "update" },
				{ component: "tempo", subject: "container", action: "update" },
			]),
		);
		const changes = report.findings.flatMap(({ changes }) => changes);
		expect(changes).toContainEqual(expect.objectContaining({ path: "state", from: "running" }));
		expect(changes).toContainEqual({ path: "memory", from: 1024, to: 900 });
		expect(report.ignored).toMatchObject([{ finding: { component: "loki", action: "delete" }, reason: rule.reason }]);
		expect(report.counts.planned).toEqual({ create: 0, update: 0, replace: 0, delete: 0 });
		expect(code).toBe(2);

		const { alertmanager: _, loki: __, ...left } = before;
		expect(await stack.running()).toEqual(left);
		expect(report.findings.every(({ restore }) => restore)).toBe(true);
	});
});
