import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { onDockerOnly, peek } from "../../cli/settings-file.ts";

const dir = mkdtempSync(join(tmpdir(), "tracestack-peek-"));
afterAll(() => rmSync(dir, { recursive: true }));

describe("before the engine reads a stack's settings, commands know", () => {
	it.each([
		["", { docker: true }],
		["config:\n  tracestack:target: docker\n", { docker: true }],
		["config:\n  tracestack:target: aws\n", { docker: false }],
		["config: [\n  torn", { docker: true }],
		["config: *nobody\n", { docker: true }],
		["config:\n  tracestack:images: mine.yaml\n", { docker: true, images: join(dir, "mine.yaml") }],
	])("%j: whether a Docker engine has to be there, and which images", async (text, found) => {
		writeFileSync(join(dir, "Pulumi.prod.yaml"), text);
		expect(await peek("prod", dir)).toEqual(found);
	});

	it("that what knows Docker only is refused on AWS, with what there is instead", async () => {
		writeFileSync(join(dir, "Pulumi.cloud.yaml"), "config:\n  tracestack:target: aws\n");
		await expect(onDockerOnly("cloud", "status", "Ask the doctor", dir)).rejects.toThrow(
			"status works for stacks on Docker only, and cloud is on AWS.\nAsk the doctor",
		);
		await onDockerOnly("none", "status", "", dir);
	});

	it("that one without a file is on Docker", async () => expect(await peek("none", dir)).toEqual({ docker: true }));
});
