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

/** Runs something with a Pulumi that is this script. */
async function withPulumi(script: string, body: (folder: string) => Promise<void>): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), "tracestack-pulumi-"));
	const pulumi = join(folder, "pulumi");
	writeFileSync(pulumi, `#!/bin/sh\n${script}\n`);
	chmodSync(pulumi, 0o755);
	try {
		await body(folder);
	} finally {
		rmSync(folder, { recursive: true });
	}
}

it.each([
	["had nothing left to stop", "echo 'error: no stack named nobody found' >&2; exit 255"],
	["was ended at once", "kill -INT $$"],
])("down says that it was interrupted, and begins nothing else, where Pulumi %s", async (_, answer) => {
	// The engine's CLI is asked for its version before; then for the state, when the user interrupts.
	const script = `[ "$1" != version ] || { echo v3.259.0; exit; }\nkill -INT $PPID; sleep 0.2; ${answer}`;
	const code = `import { down } from "${join(root, "cli/engine.ts")}";
		const stack = { stack: "nobody", deleteData: false };
		await down({ env: {}, ownBackend: false }, stack).catch(({ message }) => console.log(message));`;
	await withPulumi(script, async (folder) => {
		const env = { PATH: `${folder}${delimiter}${process.env.PATH}` };
		const { stdout, stderr } = await execa(process.execPath, ["--input-type=module", "--eval", code], { env });
		expect(stdout, stderr).toBe("Interrupted. The same command continues where this one stopped.");
	});
});

it("lets an interrupted Pulumi finish what it has begun, and ends as it does", async () => {
	const script = "trap 'sleep 0.5; echo finished; exit 7' INT\necho begun\nwhile :; do sleep 0.1; done";
	await withPulumi(script, async (folder) => {
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
		}
	});
});
