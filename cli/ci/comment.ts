// `node cli/ci/comment.ts FILE…`: posts each report as a comment on the pull request whose workflow has just ended, or
// updates the comment. Reports come from a job that ran the pull request's code: they are never executed.

import { readFileSync } from "node:fs";
import { all, type Comment, github, isOurs, markerOf, type Pull } from "./github.ts";

interface WorkflowRun {
	head_sha: string;
	head_branch: string;
	head_repository: { owner: { login: string } };
}

/**
 * The pull request of a run, according to GitHub and not to what the run wrote; undefined when it is closed or has a
 * newer commit.
 */
export async function pullRequestOf(run: WorkflowRun): Promise<number | undefined> {
	const head = encodeURIComponent(`${run.head_repository.owner.login}:${run.head_branch}`);
	const open = await all<Pull>(`/pulls?state=open&head=${head}`);
	// A newer commit has a run of its own.
	return open.find((pull) => pull.head.sha === run.head_sha)?.number;
}

/** Posts a report, or updates the comment with the earlier one. */
export async function comment(pull: number, report: string): Promise<"written" | "updated"> {
	const marker = markerOf(report);
	const comments = await all<Comment>(`/issues/${pull}/comments`);
	const ours = comments.find((one) => isOurs(one, marker));
	if (!ours) {
		await github("POST", `/issues/${pull}/comments`, { body: report });
		return "written";
	}
	await github("PATCH", `/issues/comments/${ours.id}`, { body: report });
	return "updated";
}

if (import.meta.main) {
	const event = JSON.parse(readFileSync(process.env.GITHUB_EVENT_PATH ?? "", "utf8"));
	const pull = await pullRequestOf(event.workflow_run);
	if (pull === undefined) console.log("the pull request is closed, or has a newer commit: nothing to write");
	else
		for (const file of process.argv.slice(2))
			console.log(`${file}: ${await comment(pull, readFileSync(file, "utf8"))} at #${pull}`);
}
