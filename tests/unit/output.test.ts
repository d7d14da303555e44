// What people see, and what becomes of a command whose reader goes away.

import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, describe, expect, it, vi } from "vitest";
import { columns, folded, writeResult } from "../../cli/output.ts";
import { root } from "../../cli/paths.ts";

afterEach(() => {
	vi.unstubAllEnvs();
	vi.restoreAllMocks();
});

describe("a text that is too long for its lines", () => {
	it("is broken at spaces, each line indented as it was", () => {
		const text = `The stack is not up.\n  ${"word ".repeat(20)}\n\tlast`;
		const lines = folded(text, 40).split("\n");
		expect(lines[0]).toBe("The stack is not up.");
		expect(lines.slice(1, 4).map((line) => line.trimEnd())).toEqual([
			`  ${"word ".repeat(7).trim()}`,
			`  ${"word ".repeat(7).trim()}`,
			`  ${"word ".repeat(6).trim()}`,
		]);
		expect(lines.at(-1)).toBe("    last");
	});

	it("keeps an address whole, and shows what a server hides in its answer", () => {
		const url = `http://localhost:3000/${"x".repeat(60)}`;
		expect(folded(`look at ${url}`, 40)).toBe(`look at\n${url}`);
		expect(folded("502: \u202ekcab\u0007", 80)).toBe("502: \\u202ekcab\\u0007");
	});

	it("has the width of the terminal, of COLUMNS, or 80", () => {
		const stream = (width?: number) => ({ columns: width }) as NodeJS.WriteStream;
		vi.stubEnv("COLUMNS", undefined);
		expect([columns(stream(120)), columns(stream())]).toEqual([120, 80]);
		vi.stubEnv("COLUMNS", "200");
		expect([columns(stream(120)), columns(stream())]).toEqual([120, 200]);
	});
});

it("writes a result into a folder that there is not yet", async () => {
	vi.spyOn(process.stderr, "write").mockReturnValue(true);
	const file = join(mkdtempSync(join(tmpdir(), "tracestack-result-")), "reports/drift.md");
	await writeResult("# Drift\n", file);
	expect(readFileSync(file, "utf8")).toBe("# Drift\n");
});

describe("a command whose output nobody reads any more", () => {
	const program = (body: string) => [
		"--input-type=module",
		"--eval",
		`import { endWithReader } from "${join(root, "cli/output.ts")}"; endWithReader(); ${body}`,
	];

	it("ends where it writes results without end, such as `logs --follow | head`", async () => {
		const run = execa(process.execPath, program('setInterval(() => process.stdout.write("line\\n"), 20);'), {
			reject: false,
			buffer: false,
		});
		run.stdout.once("data", () => run.stdout.destroy());
		expect(await run).toMatchObject({ exitCode: 0 });
	});

	it("finishes its work where only its progress went there, such as `up 2>&1 | head`", async () => {
		const body =
			'const wait = () => new Promise((resolve) => setTimeout(resolve, 20)); for (let i = 0; i < 10; i++) { process.stderr.write("line\\n"); await wait(); } process.stdout.write("done");';
		const run = execa(process.execPath, program(body), { reject: false, buffer: { stderr: false } });
		run.stderr.once("data", () => run.stderr.destroy());
		expect(await run).toMatchObject({ exitCode: 0, stdout: "done" });
	});
});
