// What the engine itself can tell of a real stack: what the code would change, and what was done beside it.

import { expect, it } from "vitest";
import type { Report } from "../../cli/drift/report.ts";
import type { Hands, Shown } from "./hands.ts";
import { services, type TestStack } from "./stack.ts";

/** A rule that accepts what is done to one container. */
const rule = { component: "loki", subject: "container", reason: "somebody looks into its disk" };

/**
 * Drift of a stack that is as it was deployed, and what the next `up` says of it.
 *
 * @param scene Asked when a test runs: by then the stack is up.
 * @param settings Those that it has.
 */
export function driftOfTheEngine(
	scene: () => { stack: TestStack; hands: Hands },
	settings: Record<string, unknown>,
): void {
	const configured = { ...settings, drift: { ignore: [rule] } };
	let before: Record<string, string>;

	it("drift says that a stack as it was deployed is clean", async () => {
		const { stack } = scene();
		stack.configure(configured);
		const { code, all } = await stack.tracestack("drift", "--format", "markdown");
		expect(all).toContain("✅ Nothing drifted, nothing is planned");
		expect(all).toContain("The rule for `container` of `loki`");
		expect(code).toBe(0);
	});

	it("drift finds a changed setting and what hands did to containers, changes nothing itself, and lets a rule accept it", async () => {
		const { stack } = scene();
		stack.configure({ ...configured, tempo: { retention: "48h" } });
		before = await stack.running();
		await Promise.all([
			stack.container("alertmanager", "stop", "--time", "5"),
			stack.container("loki", "rm", "--force"),
			stack.container("tempo", "update", "--memory", "900m", "--memory-swap", "900m"),
		]);
		const { stdout, code, all } = await stack.tracestack("drift", "--format", "json");
		expect(stdout, all).toMatch(/^\{/);
		const report: Report = JSON.parse(stdout);
		expect(report.failed).toEqual([]);
		expect(report.findings.filter(({ kind }) => kind === "planned")).toEqual([
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
		const drifted = report.findings.filter(({ kind }) => kind === "drifted");
		expect(drifted.map(({ component, subject, action }) => ({ component, subject, action }))).toEqual(
			expect.arrayContaining([
				{ component: "alertmanager", subject: "container", action: "update" },
				{ component: "tempo", subject: "container", action: "update" },
			]),
		);
		const changes = drifted.flatMap(({ changes }) => changes);
		expect(changes).toContainEqual(expect.objectContaining({ path: "state", from: "running" }));
		expect(changes).toContainEqual({ path: "memory", from: 1024, to: 900 });
		expect(report.ignored).toMatchObject([{ finding: { component: "loki", action: "delete" }, reason: rule.reason }]);
		expect(report.counts.planned).toEqual({ create: 0, update: 0, replace: 1, delete: 0 });
		expect(code).toBe(2);

		const { alertmanager: _, loki: __, ...left } = before;
		expect(await stack.running()).toEqual(left);
		expect(drifted.every(({ restore }) => restore)).toBe(true);
	});

	it("up makes again what is gone and starts what was stopped, keeps a dashboard that was edited, and names them all", async () => {
		const { stack, hands } = scene();
		stack.configure(configured);
		await hands.save("services", (dashboard) => ({ ...dashboard, title: "Services, by hand" }));
		const up = await stack.tracestack("up", "--no-verify");
		expect(up.code, up.all).toBe(0);
		expect(up.all).toContain("loki: its container is gone: making it again");
		expect(up.all).toContain("alertmanager was stopped: starting it again");
		expect(up.all).toMatch(/dashboard services was edited in Grafana by admin/);
		const { dashboard } = await hands.ask<Shown>("/api/dashboards/uid/services");
		expect(dashboard.title).toBe("Services, by hand");
		// One that was only stopped is not lost.
		const { loki: _, ...others } = before;
		const running = await stack.running();
		expect(running).toMatchObject(others);
		expect(Object.keys(running).sort()).toEqual(services);
	});
}
