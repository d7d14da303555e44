// A backup becomes another stack, with everything that was stored and a password of its own.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../cli/paths.ts";
import { type Endpoints, grafana } from "../../cli/verify/api.ts";
import { Keepsakes, makeDashboard } from "./keepsakes.ts";
import { lost, sendTraces } from "./sender.ts";
import { services, TestStack } from "./stack.ts";

let stack: TestStack;
let folder: string;
let file: string;
let kept: Keepsakes;
let e: Endpoints;

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), "tracestack-e2e-backup-"));
	file = join(folder, "stack.tar");
	stack = await TestStack.create("e2e-backup", 29000);
	// The most volumes that a stack can have.
	stack.configure({ size: "small", storage: { backend: "s3" } });
});

afterAll(async () => {
	rmSync(folder, { recursive: true, force: true });
	await stack.remove();
});

/** `docker ps` of everything that runs, helpers included. */
async function helpers(): Promise<string> {
	const { stdout } = await execa("docker", ["ps", "--all", "--quiet", "--filter", "name=tracestack-backup-e2e-backup"]);
	return stdout;
}

describe("a backup", () => {
	it("of a stack that is used", async () => {
		const up = await stack.tracestack("up");
		expect(up.code, up.all).toBe(0);
		e = await stack.endpoints();
		kept = await Keepsakes.leave(e);
		// More than a command's output is held for.
		await stack.onVolume("alertmanager-data", "head -c 105000000 /dev/zero >ballast");
	});

	it("that is interrupted starts the services again and leaves no file", async () => {
		const args = ["backup", file, "--stack", stack.name];
		const run = execa(join(root, "tracestack"), args, { cwd: root, reject: false, all: true, detached: true });
		// To the whole group, as a terminal does.
		run.stderr.on(
			"data",
			(text) => /stopping tempo|stopping alert/.test(String(text)) && process.kill(-run.pid!, "SIGINT"),
		);
		const { exitCode, all } = await run;
		expect(exitCode, all).toBe(1);
		expect(all).toContain("The backup was interrupted");
		expect(existsSync(file) || existsSync(`${file}.partial`)).toBe(false);
		expect(Object.keys(await stack.running()).sort()).toEqual([...services, "objectstore"].sort());
		expect(await helpers()).toBe("");
	});

	it("leaves everything running, and replaces no file", async () => {
		const before = await stack.running();
		const backup = await stack.tracestack("backup", file);
		expect(backup.code, backup.all).toBe(0);
		expect(await stack.running()).toEqual(before);
		expect(await helpers()).toBe("");
		await kept.traces(e);
		const again = await stack.tracestack("backup", file);
		expect(again.code).toBe(1);
		expect(again.all).toContain("--force");
	});
});

describe("a new stack with a password of its own", () => {
	let later: string[] = [];

	it("is up, and somebody uses it", async () => {
		const old = e.grafanaPassword;
		const down = await stack.tracestack("down", "--delete-data");
		expect(down.code, down.all).toBe(0);
		const up = await stack.tracestack("up", "--no-verify");
		expect(up.code, up.all).toBe(0);
		e = await stack.endpoints();
		expect(e.grafanaPassword).not.toBe(old);
		later = (await sendTraces(e.otlpHttp, "later", 5)) ?? [];
		expect(later).toHaveLength(5);
		await makeDashboard(e, "made-later");
	});

	it("refuses what is damaged, and asks for a yes", async () => {
		const damaged = join(folder, "damaged.tar");
		const bytes = readFileSync(file);
		writeFileSync(damaged, bytes.subarray(0, bytes.length / 2));
		for (const [name, words] of [
			[damaged, "is incomplete"],
			[file, "--yes"],
		] as const) {
			const refused = await stack.tracestack("restore", name, ...(name === damaged ? ["--yes"] : []));
			expect(refused.code, refused.all).toBe(1);
			expect(refused.all).toContain(words);
			expect(refused.all).not.toContain("stopping");
		}
		await grafana(e, "/api/dashboards/uid/made-later");
	});

	it("becomes the old one", async () => {
		const restore = await stack.tracestack("restore", file, "--yes");
		expect(restore.code, restore.all).toBe(0);
		expect(restore.all).not.toContain(e.grafanaPassword);
		await kept.traces(e);
		await kept.series(e);
		await kept.logs(e);
		await kept.silence(e);
		expect(await stack.onVolume("alertmanager-data", "wc -c <ballast")).toBe("105000000");
		// With the new password: the old database had the old one.
		await kept.dashboard(e);
	});

	it("has nothing of what was made since", async () => {
		expect(await lost(e.tempo, later)).toHaveLength(later.length);
		await expect(grafana(e, "/api/dashboards/uid/made-later")).rejects.toThrow("404");
	});

	it("is what the program says, and holds every link", async () => {
		const drift = await stack.pulumi("preview", "--refresh", "--expect-no-changes");
		expect(drift.code, drift.all).toBe(0);
		const up = await stack.tracestack("up");
		expect(up.code, up.all).toBe(0);
		expect(up.all).toContain("verified: all");
	});
});
