// What was edited in Grafana, as a pull request: with a real git, and a server that answers as GitHub does.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { proposal, propose } from "../../cli/ci/dashboards.ts";
import { bot, type Github, startGithub } from "./github.ts";

const edited = "configs/packs/shop/dashboards/orders.json";
const branch = "dashboards/prod";
let server: Github;
let origin: string;

const git = (cwd: string, ...args: string[]) =>
	execFileSync("git", ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", ...args], {
		cwd,
		encoding: "utf8",
	}).trim();

/** A checkout as the workflow has it, of one commit, with files as the export left them. */
function checkout(files: Record<string, string> = {}, of = "main"): string {
	const dir = mkdtempSync(join(tmpdir(), "tracestack-checkout-"));
	git(dir, "clone", "--quiet", "--depth=1", "--branch", of, `file://${origin}`, ".");
	for (const [path, text] of Object.entries(files)) {
		mkdirSync(dirname(join(dir, path)), { recursive: true });
		writeFileSync(join(dir, path), text);
	}
	return dir;
}

const heads = () => git(origin, "for-each-ref", "--format=%(refname:short)", "refs/heads").split("\n");
const text = (words = "words") => proposal("prod", "", words);
const pulls = () => server.lists["/pulls"];

beforeAll(async () => {
	server = await startGithub();
	// Not what the person at this machine has configured.
	for (const file of ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"]) vi.stubEnv(file, "/dev/null");
});

afterAll(() => server.close());

beforeEach(() => {
	server.reset();
	origin = mkdtempSync(join(tmpdir(), "tracestack-origin-"));
	git(origin, "init", "--quiet", "--bare", "--initial-branch=main");
	const first = mkdtempSync(join(tmpdir(), "tracestack-first-"));
	git(first, "init", "--quiet", "--initial-branch=main");
	writeFileSync(join(first, "README.md"), "a repository\n");
	git(first, "add", ".");
	git(first, "commit", "--quiet", "--message", "first");
	git(first, "push", "--quiet", origin, "main");
});

describe("dashboards that were edited", () => {
	it("are proposed once, updated in place, and no more once Grafana shows what was deployed", async () => {
		expect(await propose("prod", text(), checkout())).toBe("nothing to do");
		expect(await propose("prod", text("first"), checkout({ [edited]: "{}\n" }))).toBe("opened");
		expect(pulls()).toMatchObject([{ head: { ref: branch }, base: "main", body: text("first") }]);
		expect(git(origin, "show", `${branch}:${edited}`)).toBe("{}");
		expect(git(origin, "log", "--format=%an %s", `main..${branch}`)).toContain(`${bot.login} Dashboards that`);

		expect(await propose("prod", text("second"), checkout({ [edited]: '{"a":1}\n' }))).toBe("updated");
		expect(pulls()).toMatchObject([{ body: text("second"), state: "open" }]);
		expect(git(origin, "show", `${branch}:${edited}`)).toBe('{"a":1}');
		expect(git(origin, "rev-list", "--count", `main..${branch}`), "one commit, not one a night").toBe("1");

		expect(await propose("prod", text(), checkout())).toBe("closed");
		expect(pulls()).toMatchObject([{ state: "closed" }]);
		expect(heads()).toEqual(["main"]);
		expect(await propose("prod", text(), checkout({ [edited]: "{}\n" }))).toBe("opened");
	});

	it("are not pushed again where nothing is new", async () => {
		await propose("prod", text(), checkout({ [edited]: "{}\n" }));
		const before = git(origin, "rev-parse", branch);
		expect(await propose("prod", text("since then"), checkout({ [edited]: "{}\n" }))).toBe("updated");
		expect(git(origin, "rev-parse", branch)).toBe(before);
	});

	it("are all that is proposed: no other file, however it changed", async () => {
		const others = { "README.md": "changed\n", "cli/main.ts": "x\n", "configs/packs/shop/pack.yaml": "title: x\n" };
		expect(await propose("prod", text(), checkout(others))).toBe("nothing to do");
		await propose("prod", text(), checkout({ ...others, [edited]: "{}\n" }));
		expect(git(origin, "diff", "--name-only", "main", branch)).toBe(edited);
	});

	it("take nothing from whoever has committed to the branch", async () => {
		await propose("prod", text("first"), checkout({ [edited]: "{}\n" }));
		const hers = checkout({ [edited]: '{"better":1}\n' }, branch);
		git(hers, "commit", "--quiet", "--all", "--message", "better");
		git(hers, "push", "--quiet", "origin", branch);
		expect(await propose("prod", text(), checkout({ [edited]: '{"a":1}\n' }))).toBe("left alone");
		expect(await propose("prod", text(), checkout())).toBe("left alone");
		expect(git(origin, "show", `${branch}:${edited}`)).toBe('{"better":1}');
		expect(pulls()).toMatchObject([{ body: text("first"), state: "open" }]);
	});

	it("may be called as people call them", async () => {
		const path = "configs/packs/shop/dashboards/Bestellungen für Käufer.json";
		expect(await propose("prod", text(), checkout({ [path]: "{}\n" }))).toBe("opened");
		expect(git(origin, "show", `${branch}:${path}`)).toBe("{}");
	});

	it("are no matter of a branch that only ends like theirs", async () => {
		git(checkout(), "push", "--quiet", "origin", `main:refs/heads/ann/${branch}`);
		expect(await propose("prod", text(), checkout({ [edited]: "{}\n" }))).toBe("opened");
		expect(await propose("prod", text(), checkout())).toBe("closed");
		expect(heads()).toEqual([`ann/${branch}`, "main"]);
	});

	it("of one stack are not another's, and somebody's own pull request stays as it is", async () => {
		pulls().push({ number: 1, body: text("forged"), user: { login: "someone" }, head: { ref: branch }, state: "open" });
		await propose("prod", text(), checkout({ [edited]: "{}\n" }));
		const staging = proposal("staging", "", "words");
		expect(await propose("staging", staging, checkout({ [edited]: '{"a":1}\n' }))).toBe("opened");
		expect(pulls()[0]).toMatchObject({ body: text("forged") });
		expect(heads()).toEqual([branch, "dashboards/staging", "main"]);
	});
});

describe("the text of a proposal", () => {
	it("names what could not be taken, and calls nobody whom a title names", () => {
		const exported = "written: a.json\nleft alone: b.json has changed since it was deployed\n";
		const told = proposal("prod", exported, '~ title: "Requests" → "@everyone ```"\n');
		expect(told.startsWith("<!-- tracestack dashboards: prod -->\n")).toBe(true);
		expect(told).toContain("**Not in here**");
		expect(told).toMatch(/```\nleft alone: b\.json[^\n]*\n```\n/);
		expect(told).not.toContain("written:");
		expect(told).toMatch(/````\n~ title: [^\n]*@everyone ```"\n````\n$/);
		expect(proposal("prod", "", "")).not.toContain("Not in here");
	});

	it("fits into a pull request", () => {
		const told = proposal("prod", "", "+ x\n".repeat(40_000));
		expect(told.length).toBeLessThan(65_536);
		expect(told).toMatch(/… cut\n```\n$/);
	});
});
