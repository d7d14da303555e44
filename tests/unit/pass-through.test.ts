// What is handed over to Pulumi's own command line, in a process that is really interrupted.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { expect, it, test } from "vitest";
import { stackNamed } from "../../cli/engine.ts";
import { root } from "../../cli/paths.ts";

test.each([
	[["up", "--stack", "prod"], "prod"],
	[["up", "-s", "prod", "--yes"], "prod"],
	[["up", "--stack=prod"], "prod"],
	[["up", "-s=prod"], "prod"],
	[["stack", "ls"], undefined],
])("%j names a stack", (args, stack) => expect(stackNamed(args)).toBe(stack));

it("lets an interrupted Pulumi finish what it has begun, and ends as it does", async () => {
	const folder = mkdtempSync(join(tmpdir(), "tracestack-pulumi-"));
	const pulumi = join(folder, "pulumi");
	writeFileSync(
		pulumi,
		"#!/bin/sh\ntrap 'sleep 0.5; echo finished; exit 7' INT\necho begun\nwhile :; do sleep 0.1; done\n",
	);
	chmodSync(pulumi, 0o755);
	const code = `import { passThrough } from "${join(root, "cli/engine.ts")}";
		const env = { PATH: "${folder}${delimiter}" + process.env.PATH };
		process.exitCode = await passThrough({ env, ownBackend: false }, ["up"]);`;
	// Of its own, as a terminal's foreground job is a group of processes.
	const run = execa(process.execPath, ["--input-type=module", "--eval", code], { detached: true, reject: false });
	try {
		await new Promise((resolve) => run.stdout.once("data", resolve));
		process.kill(-(run.pid ?? 0), "SIGINT");
		expect(await run).toMatchObject({ exitCode: 7, stdout: "begun\nfinished" });
	} finally {
		run.kill("SIGKILL");
		rmSync(folder, { recursive: true });
	}
});
