// Scripts of the workflows, run as they stand there, with something in the place of `./tracestack` and of GitHub.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { markerOf } from "../../cli/ci/github.ts";

const quiet = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" };
const folder = (what: string) => mkdtempSync(join(tmpdir(), `tracestack-${what}-`));

const git = (cwd: string, ...args: string[]) =>
	execFileSync("git", ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", ...args], {
		cwd,
		encoding: "utf8",
		env: { ...process.env, ...quiet },
	}).trim();

function write(dir: string, files: Record<string, string>): string {
	for (const [path, text] of Object.entries(files)) {
		mkdirSync(dirname(join(dir, path)), { recursive: true });
		writeFileSync(join(dir, path), text, { mode: 0o755 });
	}
	return dir;
}

/** A bare repository with one commit on `main`, and a way to clone it. */
function repository(files: Record<string, string>) {
	const origin = folder("origin");
	git(origin, "init", "--quiet", "--bare", "--initial-branch=main");
	const clone = () => {
		const dir = folder("clone");
		git(dir, "clone", "--quiet", "--depth=1", `file://${origin}`, ".");
		return dir;
	};
	const first = write(folder("first"), files);
	git(first, "init", "--quiet", "--initial-branch=main");
	git(first, "add", ".");
	git(first, "commit", "--quiet", "--message", "first");
	git(first, "push", "--quiet", origin, "main");
	return { origin, clone };
}

/** Runs a step as GitHub does where no shell is named. */
function step(workflow: string, job: string, name: string, cwd: string, env: Record<string, string>) {
	const file = join(import.meta.dirname, "../../.github/workflows", workflow);
	const { steps } = parse(readFileSync(file, "utf8")).jobs[job];
	const { run } = steps.find((one: { name?: string }) => one.name === name);
	const all = { ...process.env, ...quiet, GITHUB_STEP_SUMMARY: join(cwd, "summary"), RUN: "https://run", ...env };
	const { status, stderr } = spawnSync("bash", ["-e", "-c", run], { cwd, env: all, encoding: "utf8" });
	return { status, stderr };
}

describe("drift.yml", () => {
	const look = (tracestack: string) => {
		const cwd = write(folder("step"), { tracestack: `#!/bin/sh\n${tracestack}\n` });
		const { status } = step("drift.yml", "look", "./tracestack drift", cwd, { STACK: "prod" });
		const [body = "", code] = ["md", "code"].map((end) => readFileSync(join(cwd, `report/prod.${end}`), "utf8"));
		return { status, body, code: Number(code) };
	};

	it("leaves a report for the issue, whatever became of the look", () => {
		const report = "echo '<!-- tracestack drift: prod -->' > drift.md;";
		expect(look(`${report} exit 0`)).toMatchObject({ status: 0, code: 0 });
		expect(look(`${report} exit 2`)).toMatchObject({ status: 0, code: 2 });
		expect(look(`${report} exit 1`)).toMatchObject({ status: 1, code: 1, body: "<!-- tracestack drift: prod -->\n" });
		const none = look("exit 1");
		expect(none).toMatchObject({ status: 1, code: 1 });
		expect(none.body).toContain("could not be looked at");
		expect(markerOf(none.body)).toBe("<!-- tracestack drift: prod -->");
	});
});

describe("weekly.yml", () => {
	const file = "docs/metrics/reports/2027-01-31.md";
	const today = write(folder("bin"), { date: "#!/bin/sh\necho 2027-01-31\n" });
	const commit = (cwd: string, reports: Record<string, string>) =>
		step("weekly.yml", "commit", "docs/metrics/reports", cwd, {
			REPORTS: write(folder("reports"), reports),
			PATH: `${today}:${process.env.PATH}`,
		});

	it("says of a stack that could not be asked that there is no data, and keeps what was told", () => {
		const cwd = folder("step");
		const tell = () => step("weekly.yml", "report", "what could not be asked is told as well", cwd, { STACK: "prod" });
		expect(tell().status).toBe(0);
		expect(readFileSync(join(cwd, "report/prod.md"), "utf8")).toContain("No data: the stack could not be asked");
		write(cwd, { "report/prod.md": "# Week\n" });
		tell();
		expect(readFileSync(join(cwd, "report/prod.md"), "utf8")).toBe("# Week\n");
	});

	it("commits all stacks' reports as one file, once a day, also where somebody was faster", () => {
		const { origin, clone } = repository({ "README.md": "x\n" });
		const [early, late] = [clone(), clone()];
		expect(commit(early, { "a.md": "# a\n", "b.md": "# b\n" })).toMatchObject({ status: 0 });
		expect(git(origin, "show", `main:${file}`)).toBe("# a\n# b");
		expect(git(origin, "diff", "--name-only", "main~1", "main")).toBe(file);
		expect(git(origin, "log", "-1", "--format=%an", "main")).toBe("github-actions[bot]");

		git(late, "commit", "--quiet", "--allow-empty", "--message", "somebody else");
		git(late, "push", "--quiet", "--force", "origin", "HEAD:main");
		expect(commit(clone(), { "a.md": "# a\n" }).status).toBe(0);
		const before = git(origin, "rev-parse", "main");
		expect(commit(clone(), { "a.md": "# a\n" }).status, "nothing new").toBe(0);
		expect(git(origin, "rev-parse", "main")).toBe(before);

		const slow = clone();
		const other = write(clone(), { other: "x\n" });
		git(other, "add", ".");
		git(other, "commit", "--quiet", "--message", "meanwhile");
		git(other, "push", "--quiet", "origin", "main");
		expect(commit(slow, { "a.md": "# a, later\n" })).toMatchObject({ status: 0 });
		expect(git(origin, "show", `main:${file}`)).toBe("# a, later");
		expect(git(origin, "show", "main:other")).toBe("x");
	});
});

describe("dashboards.yml", () => {
	const dashboard = "configs/packs/shop/dashboards/orders.json";
	const added = "configs/packs/shop/dashboards/new.json";
	const { clone } = repository({ [dashboard]: "{}\n", "README.md": "x\n" });

	/** Both jobs, with what `export` writes; and what of it the second one has in its working tree. */
	function both(exported: string, codes = { diff: 0, export: 0 }) {
		const script = `if [ "$2" = diff ]; then echo changed; exit ${codes.diff}; fi\n${exported}\nexit ${codes.export}`;
		const first = write(clone(), { tracestack: `#!/bin/sh\n${script}\n` });
		const { status } = step("dashboards.yml", "export", "./tracestack dashboards export", first, { STACK: "prod" });
		if (status !== 0) return { status, changed: [] };
		const cwd = clone();
		const asked = write(folder("bin"), { node: `#!/bin/sh\necho "$@" > '${cwd}/.git/asked'\n` });
		const env = { STACK: "prod", PROPOSAL: join(first, "proposal"), PATH: `${asked}:${process.env.PATH}` };
		const proposed = step("dashboards.yml", "propose", "one pull request", cwd, env);
		const changed = git(cwd, "status", "--porcelain", "--untracked-files=all").split("\n").filter(Boolean);
		expect(existsSync(join(cwd, ".git/asked")), proposed.stderr).toBe(true);
		return { status: proposed.status, changed };
	}

	it("carries dashboards from one job to the other, new ones as well, and nothing else", () => {
		const edits = `echo '{"a":1}' > ${dashboard}; echo '{}' > ${added}; echo y > README.md; echo 'written: x' >&2`;
		const { status, changed } = both(edits, { diff: 2, export: 2 });
		expect([status, changed.map((line) => line.slice(-added.length).trim().split(" ").at(-1))]).toEqual([
			0,
			[expect.stringContaining("orders.json"), added],
		]);
	});

	it("proposes nothing where nobody edited, and closes nothing where Grafana does not answer", () => {
		expect(both("echo 'nothing to write' >&2")).toEqual({ status: 0, changed: [] });
		expect(both("", { diff: 0, export: 1 }).status).not.toBe(0);
		expect(both("", { diff: 1, export: 0 }).status).not.toBe(0);
	});
});
