// `node cli/ci/review.ts STACK PREVIEW DRIFT BASE > FILE`: a report for the reviewer of a pull request: a stack's drift,
// violated policies of a preview, and what the pull request changes in the goldens since BASE.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fenced } from "../markdown.ts";

/** Characters of the report: GitHub allows 65,536. */
const limit = 65_000;

/** What is known about a stack; undefined where a command did not run or failed. */
interface Found {
	stack: string;
	/** Output of `./tracestack preview`. */
	preview?: string;
	/** Output of `./tracestack drift --format markdown`. */
	drift?: string;
	/** Output of `git diff` over the goldens. */
	goldens: string;
}

/**
 * The report; its first line is the marker of the stack's comment. Diffs are cut where it would be too long, summaries
 * never.
 */
export function review({ stack, preview, drift, goldens }: Found): string {
	const marker = `<!-- tracestack drift: ${stack} -->`;
	const shown =
		drift ??
		`${marker}\n### Stack \`${stack}\`\n\nDrift was not looked at: a pull request from a fork, no backend (docs/backends.md), or the look failed, as the run tells.`;
	const rest = ["", "#### Policies", "", ...policies(preview), "", "#### Goldens", "", ...changedFiles(goldens)].join(
		"\n",
	);
	const summary = `${shortened(shown.trimEnd(), limit - rest.length)}\n${rest}`;
	const diff = goldens ? folded("what changes in them", goldens, limit - summary.length) : "";
	return `${summary}\n${diff}`;
}

/** Cut between two of its folded parts, or lines, so that no fence is broken. */
function shortened(text: string, room: number): string {
	if (text.length <= room) return text;
	const note = "\n\n… the rest is in the run's artifact";
	const at = ["\n<details>", "\n"].map((part) => text.lastIndexOf(part, room - note.length)).find((found) => found > 0);
	return `${text.slice(0, at).trimEnd()}${note}`;
}

/** Lines of the policy pack's verdict that fit above the fold. */
const shown = 60;

/** The part about policies in the output of a preview. */
function policies(preview: string | undefined): string[] {
	if (preview === undefined) return ["Not looked at: there was no preview."];
	const lines = preview.split("\n");
	const from = lines.findIndex((line) => line.startsWith("Policies:"));
	if (from < 0) return ["The preview ended before they were looked at:", "", ...fenced(lines.slice(-15).join("\n"))];
	const length = lines.slice(from + 1).findIndex((line) => /^\S/.test(line));
	const said = lines.slice(from + 1, length < 0 ? undefined : from + 1 + length).filter((line) => line.trim());
	const more = said.length > shown ? [`… and ${said.length - shown} lines more`] : [];
	return fenced([...said.slice(0, shown), ...more].join("\n"));
}

function changedFiles(diff: string): string[] {
	const files = diff.split(/^(?=diff --git )/m).filter(Boolean);
	if (files.length === 0) return ["Unchanged: no stack gets other resources."];
	return files.map((file) => {
		const name = /^diff --git a\/(\S+)/.exec(file)?.[1];
		const count = (sign: string) =>
			file.split("\n").filter((line) => line[0] === sign && !line.startsWith(sign.repeat(3))).length;
		return `- \`${name}\`: ${count("+")} lines more, ${count("-")} less`;
	});
}

function folded(title: string, diff: string, room: number): string {
	const frame = 200;
	if (room < 2 * frame) return "\nThe diff is too long for a comment.\n";
	const cut = diff.length > room - frame;
	const text = cut ? `${diff.slice(0, room - frame)}\n… cut` : diff;
	return ["", `<details><summary>${title}</summary>`, "", ...fenced(text, "diff"), "", "</details>", ""].join("\n");
}

if (import.meta.main) {
	const [stack = "", preview = "", drift = "", base = ""] = process.argv.slice(2);
	const read = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : undefined);
	const goldens = execFileSync("git", ["diff", base, "HEAD", "--", "tests/unit/goldens"], {
		encoding: "utf8",
		maxBuffer: 1e8,
	});
	process.stdout.write(review({ stack, preview: read(preview), drift: read(drift), goldens }));
}
