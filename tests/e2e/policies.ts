// The policy pack under the real engine: previews only. That a stack which breaks none passes, every `up` shows: it runs the
// pack as well.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { root } from "../../cli/paths.ts";
import type { TestStack } from "./stack.ts";

/** @param scene Asked when a test runs: by then the stack is up, with these settings. */
export function policies(scene: () => { stack: TestStack; settings: Record<string, unknown> }): void {
	describe("a stack that breaks a policy", () => {
		const images = join(root, "Pulumi.e2e-policies.images.yaml");

		beforeAll(() => {
			const file = process.env.TRACESTACK_IMAGES ?? join(root, "configs/versions.yaml");
			const catalogue = parse(readFileSync(file, "utf8"));
			catalogue.images.grafana.image = "grafana/grafana:latest";
			writeFileSync(images, stringify(catalogue));
		});

		afterAll(() => {
			rmSync(images);
			const { stack, settings } = scene();
			stack.configure(settings);
		});

		it("is refused, told what is wrong and what to do", async () => {
			const preview = await scene().stack.tracestack("preview", "--images", images, "--color", "never");
			expect(preview.code).not.toBe(0);
			expect(preview.all).toMatch(/\[mandatory\] +exact-images +\(docker:index:RemoteImage: grafana\)/);
			expect(preview.all).toMatch(/grafana:latest will be another image one day: name a full version/);
		});

		it("passes with a waiver, whose reason is told", async () => {
			const { stack, settings } = scene();
			const reason = "nightly until the trace view is repaired";
			stack.configure({ ...settings, policies: { waive: [{ policy: "exact-images", resource: "graf*", reason }] } });
			const preview = await stack.tracestack("preview", "--images", images, "--color", "never");
			expect(preview.code, preview.all).toBe(0);
			expect(preview.all).toMatch(/\[advisory\] +waived +\(docker:index:RemoteImage: grafana\)/);
			expect(preview.all).toContain(`waived: ${reason}`);
		});
	});
}
