// The policy pack under the real engine: previews only, nothing is started. That a stack which breaks none passes, every
// other file here shows: `up` runs the pack as well.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { root } from "../../cli/paths.ts";
import { TestStack } from "./stack.ts";

let stack: TestStack;
let images: string;

beforeAll(async () => {
	stack = await TestStack.create("e2e-policies", 31400);
	await stack.pulumi("stack", "init");
	const catalogue = parse(readFileSync(process.env.TRACESTACK_IMAGES ?? join(root, "configs/versions.yaml"), "utf8"));
	catalogue.images.grafana.image = "grafana/grafana:latest";
	images = join(root, "Pulumi.e2e-policies.images.yaml");
	writeFileSync(images, stringify(catalogue));
});

afterAll(async () => {
	rmSync(images);
	await stack.remove();
});

it("refuses one that does, and says what is wrong and what to do", async () => {
	const preview = await stack.tracestack("preview", "--images", images, "--color", "never");
	expect(preview.code).not.toBe(0);
	expect(preview.all).toMatch(/\[mandatory\] +exact-images +\(docker:index:RemoteImage: grafana\)/);
	expect(preview.all).toMatch(/grafana:latest will be another image one day: name a full version/);
});

it("lets it pass with a waiver, whose reason it tells", async () => {
	const reason = "nightly until the trace view is repaired";
	stack.configure({ policies: { waive: [{ policy: "exact-images", resource: "graf*", reason }] } });
	const preview = await stack.tracestack("preview", "--images", images, "--color", "never");
	expect(preview.code, preview.all).toBe(0);
	expect(preview.all).toMatch(/\[advisory\] +waived +\(docker:index:RemoteImage: grafana\)/);
	expect(preview.all).toContain(`waived: ${reason}`);
});
