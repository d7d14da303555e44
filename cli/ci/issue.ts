// `node cli/ci/issue.ts FILE CODE`: keeps a stack's drift in one issue: opened when there is drift or the look at it failed,
// updated while that is so, closed when there is none. CODE is the exit code of `./tracestack drift`.

import { readFileSync } from "node:fs";
import { all, github, type Issue, isOurs, markerOf } from "./github.ts";

/** Exit codes of `./tracestack drift`; any other means that it failed. */
const codes = { clean: 0, drift: 2 };

const label = "drift";

/** Opens, updates or closes the issue. A failed look is reported as drift is, or it could go unnoticed for weeks. */
export async function issue(report: string, code: number): Promise<"opened" | "updated" | "closed" | "nothing to do"> {
	const marker = markerOf(report);
	const open = await all<Issue>(`/issues?state=open&labels=${label}`);
	const ours = open.find((one) => !one.pull_request && isOurs(one, marker));
	if (code === codes.clean) {
		if (!ours) return "nothing to do";
		await github("PATCH", `/issues/${ours.number}`, { body: report, state: "closed", state_reason: "completed" });
		return "closed";
	}
	const stack = /: ([\w.-]+) -->$/.exec(marker)?.[1];
	const title = code === codes.drift ? `Drift of the stack ${stack}` : `The stack ${stack} could not be looked at`;
	if (ours) await github("PATCH", `/issues/${ours.number}`, { title, body: report });
	else await github("POST", "/issues", { title, body: report, labels: [label] });
	return ours ? "updated" : "opened";
}

if (import.meta.main) {
	const [file = "", code = ""] = process.argv.slice(2);
	// Number("") is 0, which would be clean; NaN is neither.
	console.log(`${file}: ${await issue(readFileSync(file, "utf8"), Number.parseInt(code, 10))}`);
}
