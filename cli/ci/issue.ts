// `node cli/ci/issue.ts FILE CODE`: a stack's drift as one issue: opened when there is drift, written over while there is,
// closed when there is none. CODE is the exit code of `./tracestack drift`.

import { readFileSync } from "node:fs";
import { all, github, type Issue, isOurs, markerOf } from "./github.ts";

/** What `./tracestack drift` ends with. */
const codes = { clean: 0, drift: 2 };

const label = "drift";

/** Brings the issue in line with what was found. What could not be found out changes nothing. */
export async function issue(report: string, code: number): Promise<"opened" | "updated" | "closed" | "nothing to do"> {
	const marker = markerOf(report);
	const open = await all<Issue>(`/issues?state=open&labels=${label}`);
	const ours = open.find((one) => !one.pull_request && isOurs(one, marker));
	if (code === codes.drift) {
		if (ours) {
			await github("PATCH", `/issues/${ours.number}`, { body: report });
			return "updated";
		}
		const stack = /: ([\w.-]+) -->$/.exec(marker)?.[1];
		await github("POST", "/issues", { title: `Drift of the stack ${stack}`, body: report, labels: [label] });
		return "opened";
	}
	if (code !== codes.clean || !ours) return "nothing to do";
	await github("PATCH", `/issues/${ours.number}`, { body: report, state: "closed", state_reason: "completed" });
	return "closed";
}

if (import.meta.main) {
	const [file = "", code = ""] = process.argv.slice(2);
	// Number("") is 0, which would be clean.
	console.log(`${file}: ${await issue(readFileSync(file, "utf8"), Number.parseInt(code, 10))}`);
}
