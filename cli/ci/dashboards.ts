// `node cli/ci/dashboards.ts STACK EXPORTED DIFF`: proposes edits made in a stack's Grafana, which `./tracestack dashboards
// export` has written into the working tree, as one pull request: opened when there are edits, updated while there are, closed
// when there are none. EXPORTED is the output of the export, DIFF that of `./tracestack dashboards diff` before it.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fenced } from "../markdown.ts";
import { all, bot, github, isOurs, markerOf, type Pull } from "./github.ts";

/** Characters of the diff: GitHub allows 65,536 for the whole text. */
const most = 50_000;

/** All files that the export may write. */
const paths = "configs/packs/*/dashboards/*.json";

/** The author of commits. A branch with a commit of another author is left alone. */
const author = { name: bot, email: "41898282+github-actions[bot]@users.noreply.github.com" };

/** The pull request's text; its first line is the marker of the stack's proposal. */
export function proposal(stack: string, exported: string, diff: string): string {
	const left = exported.split("\n").filter((line) => line.startsWith("left alone:"));
	const cut = diff.length > most ? `${diff.slice(0, most)}\n… cut` : diff.trimEnd();
	return [
		`<!-- tracestack dashboards: ${stack} -->`,
		`What people edited in Grafana of the stack \`${stack}\`, as files. Merge it to keep it: the next \`up\` deploys it everywhere.`,
		`Or close it and take it back: \`./tracestack pulumi up --refresh --stack ${stack}\`; else it is proposed again.`,
		"",
		"A commit of somebody else on this branch stays: nothing is written over it until the pull request is closed.",
		"",
		...(left.length > 0
			? ["**Not in here**, because the file has changed as well:", "", ...fenced(left.join("\n")), ""]
			: []),
		"From the files to Grafana, with what is not deployed yet:",
		"",
		...fenced(cut),
		"",
	].join("\n");
}

/**
 * Brings branch and pull request in line with the working tree.
 *
 * @param repository A checkout of the branch that it is proposed to, with an `origin` that may be pushed to.
 */
export async function propose(
	stack: string,
	text: string,
	repository = ".",
): Promise<"opened" | "updated" | "closed" | "left alone" | "nothing to do"> {
	const git = (...args: string[]) => execFileSync("git", args, { cwd: repository, encoding: "utf8" }).trim();
	const branch = `dashboards/${stack}`;
	const base = git("rev-parse", "--abbrev-ref", "HEAD");
	// The full ref: a shorter one also matches other branches that end like it.
	const before = git("ls-remote", "origin", `refs/heads/${branch}`) && fetched(git, branch);
	if (before && git("log", "-1", "--format=%ae", before) !== author.email) return "left alone";
	// In case somebody commits to it meanwhile.
	const lease = `--force-with-lease=refs/heads/${branch}:${before}`;
	const marker = markerOf(text);
	const open = (await all<Pull>("/pulls?state=open")).find((pull) => pull.head.ref === branch && isOurs(pull, marker));
	const changed = git("ls-files", "-z", "--modified", "--others", "--exclude-standard", "--", `:(glob)${paths}`)
		.split("\0")
		.filter(Boolean);
	if (changed.length === 0) {
		if (before) git("push", "--quiet", lease, "origin", `:refs/heads/${branch}`);
		if (!open) return "nothing to do";
		await github("PATCH", `/pulls/${open.number}`, { state: "closed" });
		return "closed";
	}
	git("add", "--", ...changed);
	const title = `Dashboards that were edited in Grafana of ${stack}`;
	const identity = ["-c", `user.name=${author.name}`, "-c", `user.email=${author.email}`];
	git(...identity, "commit", "--quiet", "--message", title);
	// An unchanged branch is not pushed again: that would ask for a review every night.
	const same = before && git("rev-parse", `${before}^{tree}`) === git("rev-parse", "HEAD^{tree}");
	if (!same) git("push", "--quiet", lease, "origin", `HEAD:refs/heads/${branch}`);
	if (open) await github("PATCH", `/pulls/${open.number}`, { body: text });
	else await github("POST", "/pulls", { title, body: text, head: branch, base });
	return open ? "updated" : "opened";
}

/** The newest commit of a branch of `origin`. */
function fetched(git: (...args: string[]) => string, branch: string): string {
	git("fetch", "--quiet", "--depth=1", "origin", `refs/heads/${branch}`);
	return git("rev-parse", "FETCH_HEAD");
}

if (import.meta.main) {
	const [stack = "", exported = "", diff = ""] = process.argv.slice(2);
	const text = proposal(stack, readFileSync(exported, "utf8"), readFileSync(diff, "utf8"));
	console.log(`dashboards of ${stack}: ${await propose(stack, text)}`);
}
