// What the workflows write, against a server that answers as GitHub does.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { comment, pullRequestOf } from "../../cli/ci/comment.ts";
import { github } from "../../cli/ci/github.ts";
import { issue } from "../../cli/ci/issue.ts";
import { notes } from "../../cli/ci/release.ts";
import { review } from "../../cli/ci/review.ts";
import { bot, type Github, startGithub } from "./github.ts";

const marker = "<!-- tracestack drift: prod -->";
const report = (text: string) => `${marker}\n${text}\n`;

let server: Github;

beforeAll(async () => {
	server = await startGithub();
});

afterAll(() => server.close());

beforeEach(() => server.reset());

describe("the comment on a pull request", () => {
	it("is written once and updated in place, however many others there are", async () => {
		const comments = server.lists["/issues/7/comments"];
		for (let id = 0; id < 150; id++) comments.push({ id, body: "looks good", user: { login: "someone" } });
		expect(await comment(7, report("first"))).toBe("written");
		expect(await comment(7, report("second"))).toBe("updated");
		expect(comments).toHaveLength(151);
		expect(comments.at(-1)?.body).toBe(report("second"));
	});

	it("is never somebody else's, nor another stack's", async () => {
		const comments = server.lists["/issues/7/comments"];
		comments.push({ id: 1, body: report("forged"), user: { login: "someone" } });
		comments.push({ id: 2, body: report("other").replace("prod", "prod-2"), user: bot });
		comments.push({ id: 3, body: `quoted: ${report("x")}`, user: bot });
		expect(await comment(7, report("ours"))).toBe("written");
		expect(comments.map(({ body }) => body)).toEqual([
			expect.stringContaining("forged"),
			expect.stringContaining("other"),
			expect.stringContaining("quoted"),
			report("ours"),
		]);
	});

	it("is refused without a marker, and what GitHub refuses is told", async () => {
		await expect(comment(7, "no marker")).rejects.toThrow(/does not begin with a marker/);
		expect(server.asked).toEqual([]);
		await expect(github("GET", "/nothing")).rejects.toThrow('GET /nothing answered 404: {"message":"Not Found"}');
	});

	it("goes where the run's commit is, whatever the run itself says", async () => {
		const run = { head_sha: "b", head_branch: "fix", head_repository: { owner: { login: "someone" } } };
		server.lists["/pulls"].push(
			{ number: 7, head: { sha: "b" }, body: "" },
			{ number: 8, head: { sha: "c" }, body: "" },
		);
		expect(await pullRequestOf(run)).toBe(7);
		expect(await pullRequestOf({ ...run, head_sha: "a" })).toBeUndefined();
	});
});

describe("the issue of a stack that drifted", () => {
	it("is opened, updated, closed, and opened anew", async () => {
		const issues = server.lists["/issues"];
		expect(await issue(report("clean"), 0)).toBe("nothing to do");
		expect(await issue(report("first"), 2)).toBe("opened");
		expect(issues[0]).toMatchObject({ title: "Drift of the stack prod", labels: ["drift"], body: report("first") });
		expect(await issue(report("second"), 2)).toBe("updated");
		expect(await issue(report("clean"), 0)).toBe("closed");
		expect(issues).toEqual([expect.objectContaining({ body: report("clean"), state: "closed" })]);
		expect(await issue(report("again"), 2)).toBe("opened");
		expect(issues).toHaveLength(2);
	});

	it("is never a pull request, or somebody else's", async () => {
		server.lists["/issues"].push({ number: 1, body: report("a"), user: bot, state: "open", pull_request: {} });
		server.lists["/issues"].push({ number: 2, body: report("b"), user: { login: "someone" }, state: "open" });
		expect(await issue(report("clean"), 0)).toBe("nothing to do");
		expect(await issue(report("drift"), 2)).toBe("opened");
	});
});

describe("a stack that could not be looked at", () => {
	it("has an issue as well, which says so, and is never closed by a look that failed", async () => {
		for (const code of [1, Number.NaN]) {
			server.reset();
			expect(await issue(report("no look"), code)).toBe("opened");
		}
		expect(server.lists["/issues"]).toMatchObject([
			{ title: "The stack prod could not be looked at", labels: ["drift"] },
		]);
		expect(await issue(report("drift"), 2)).toBe("updated");
		expect(server.lists["/issues"]).toMatchObject([{ title: "Drift of the stack prod", state: "open" }]);
		expect(await issue(report("no look"), 1)).toBe("updated");
		expect(server.lists["/issues"]).toMatchObject([{ body: report("no look"), state: "open" }]);
		expect(await issue(report("clean"), 0)).toBe("closed");
	});
});

describe("a review", () => {
	const preview =
		"Previewing update\n + x\n\nPolicies:\n    ❌ tracestack@v0.1.0\n        - [mandatory]  no-root  (tempo)\n\nOutputs:\n    a: 1\n";
	const goldens =
		"diff --git a/tests/unit/goldens/dev.json b/tests/unit/goldens/dev.json\n--- a/x\n+++ b/x\n-old ``` fence\n+new\n+more\n";

	it("has the drift first, then policies, then what changes in the goldens", () => {
		const text = review({ stack: "prod", preview, drift: report("1 drifted"), goldens });
		expect(text.startsWith(report("1 drifted"))).toBe(true);
		expect(text).toMatch(/#### Policies[\s\S]*\[mandatory\] {2}no-root {2}\(tempo\)\n```\n/);
		expect(text).not.toContain("Outputs");
		expect(text).toContain("- `tests/unit/goldens/dev.json`: 2 lines more, 1 less");
		expect(text, "a fence within would end the fence").toMatch(
			/<details>[\s\S]*````diff\n[\s\S]*\n````\n\n<\/details>/,
		);
	});

	it("says what was not looked at", () => {
		const text = review({ stack: "prod", goldens: "" });
		expect(text.startsWith(marker)).toBe(true);
		for (const said of [/Drift was not looked at/, /there was no preview/, /Unchanged/]) expect(text).toMatch(said);
		expect(review({ stack: "prod", preview: "error: no such stack", goldens: "" })).toMatch(
			/ended before[\s\S]*no such stack/,
		);
	});

	it("fits into a comment: diffs are cut, the summary is not", () => {
		const long = `${goldens}${"+x\n".repeat(40_000)}`;
		const text = review({ stack: "prod", preview, drift: report("1 drifted"), goldens: long });
		expect(text.length).toBeLessThan(65_536);
		expect(text).toMatch(/… cut\n````\n\n<\/details>\n$/);
		const full = review({ stack: "prod", preview, drift: report("y".repeat(64_500)), goldens: long });
		expect(full).toContain("too long for a comment");
		expect(full.length).toBeLessThan(65_536);
		const details = `\n<details>\n\n\`\`\`\n${"z\n".repeat(5000)}\`\`\`\n\n</details>\n`;
		const cut = review({ stack: "prod", preview, drift: report(`1 drifted${details.repeat(8)}`), goldens });
		expect(cut.length).toBeLessThan(65_536);
		expect(cut).toMatch(/<\/details>\n\n… the rest is in the run's artifact\n[\s\S]*no-root/);
	});
});

describe("a release", () => {
	const versions = { "package.json": "1.2.3", "policies/package.json": "1.2.3" };
	const changelog =
		"# Changelog\n\n## [Unreleased]\n\nsoon\n\n## [1.2.3] - 2027-01-31\n\n### Added\n\n- a thing\n\n## [1.2.2] - 2027-01-01\n\n- before\n\n[1.2.3]: https://example.com\n";

	it("has its version's notes, and no other's", () => {
		expect(notes({ tag: "v1.2.3", versions, changelog })).toBe("### Added\n\n- a thing\n");
	});

	it("is refused where anything disagrees, everything at once", () => {
		expect(() => notes({ tag: "v1.2.4", versions, changelog })).toThrow(
			/package\.json says 1\.2\.3: set it to 1\.2\.4[\s\S]*policies\/package\.json says[\s\S]*no section ## \[1\.2\.4\]/,
		);
		for (const tag of ["1.2.3", "v1.2", "v1.2.3 ", "latest"])
			expect(() => notes({ tag, versions, changelog }), tag).toThrow(/is no version/);
		const undated = changelog.replace(" - 2027-01-31", "");
		expect(() => notes({ tag: "v1.2.3", versions, changelog: undated })).toThrow(/lacks its date/);
		expect(() =>
			notes({ tag: "v1.2.3", versions, changelog: changelog.replace(/### Added\n\n- a thing\n/, "") }),
		).toThrow(/says nothing/);
	});
});
