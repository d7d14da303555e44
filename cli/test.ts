// `./tracestack test`: check, unit tests and end-to-end tests.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { type Count, check } from "./check.ts";
import { prepare } from "./engine.ts";
import { progress, seconds } from "./output.ts";
import { root } from "./paths.ts";
import { earlierImages } from "./toolchain.ts";

/** Options of the command. */
export interface TestOptions {
	/** Catalogue under test. */
	images?: string;
	/** Catalogue that the test of an upgrade starts from. */
	imagesEarlier?: string;
	/** Only what needs no engine. */
	unit?: boolean;
	/** The long forms of the end-to-end tests as well. */
	soak?: boolean;
}

/**
 * Runs everything, and prints `N passed, N failed` at the end. Returns the exit code: 1 when something failed or
 * nothing ran.
 */
export async function testCommand(options: TestOptions): Promise<number> {
	const started = Date.now();
	const counts: Count[] = [];
	if (options.unit) {
		counts.push(await vitest(["--project", "unit"], {}));
	} else {
		const { env } = await prepare(options);
		const images = env.TRACESTACK_IMAGES;
		counts.push(await check(images));
		const earlier = options.imagesEarlier ?? (await earlierImages(images));
		const catalogues = {
			...(options.soak && { TRACESTACK_SOAK: "1" }),
			...(images && { TRACESTACK_IMAGES: images }),
			TRACESTACK_IMAGES_EARLIER: resolve(earlier),
		};
		counts.push(await vitest([], catalogues));
	}
	const total = counts.reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed }));
	progress(`tests took ${seconds(started)}`);
	process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
	return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

/** Runs vitest and counts its tests. A run that ends without a report counts as one failure. */
async function vitest(args: string[], env: Record<string, string>): Promise<Count> {
	const dir = await mkdtemp(join(tmpdir(), "tracestack-test-"));
	const report = join(dir, "report.json");
	try {
		const reporters = ["--reporter=verbose", "--reporter=json", `--outputFile.json=${report}`];
		const result = await execa("vitest", ["run", ...args, ...reporters], {
			cwd: root,
			env,
			preferLocal: true,
			reject: false,
			stdio: ["ignore", "inherit", "inherit"],
		});
		const json = JSON.parse(await readFile(report, "utf8").catch(() => "{}"));
		const passed = json.numPassedTests ?? 0;
		// A suite that can't be loaded, and a skipped test, prove nothing: they count as failures.
		const failed =
			(json.numFailedTests ?? 0) +
			(json.numPendingTests ?? 0) +
			(json.numFailedTestSuites && !json.numFailedTests ? 1 : 0);
		return { passed, failed: failed === 0 && result.exitCode !== 0 ? 1 : failed };
	} finally {
		await rm(dir, { recursive: true });
	}
}
