// Renders a report as a comment on a pull request: a summary, details folded, never longer than GitHub allows.

import type { Change } from "../diff/change.ts";
import { code, fenced } from "../markdown.ts";
import { shorten } from "../output.ts";
import type { Finding } from "./finding.ts";
import { byComponent, type Counts, type Report, sum, takesData } from "./report.ts";
import {
	clean,
	countsInWords,
	diffLines,
	historyOf,
	isHidden,
	lossInWords,
	unseenInWords,
	valueInWords,
	verbOf,
} from "./words.ts";

/** GitHub refuses a comment of more than 65,536 characters; bytes are never fewer. */
const limitBytes = 65_000;

/** Bytes that each part may have, so that none displaces another; details get what is left. */
const parts = { loud: 12_000, failed: 5_000, lines: 24_000, ignored: 5_000, unmatched: 3_000 };

/** Lines of one finding's diff, and characters of each. */
const diffLimit = { lines: 60, width: 300 };

/** A report in Markdown. Its first line is a hidden marker, by which a workflow finds the comment that it updates. */
export function markdown(report: Report): string {
	const { stack, failed, findings, unmatched, ignored } = report;
	const loud = findings.filter(takesData);
	const quiet = fitting(
		findings.filter((finding) => !takesData(finding)),
		line,
		parts.lines,
	);
	const summary = [
		`<!-- tracestack drift: ${stack} -->`,
		`### Stack ${code(stack)}: ${countsInWords(report)}`,
		"",
		...(findings.length > 0 ? table(report) : []),
		...(findings.length === 0 && failed.length === 0 ? [`✅ ${clean(report)}`, ""] : []),
		...(unseenInWords(report) ? [unseenInWords(report), ""] : []),
		...alarm("CAUTION", lossInWords(loud.length), fitting(loud, loudLine, parts.loud)),
		...alarm(
			"WARNING",
			`${failed.length} could not be looked at: what they would show is unknown`,
			fitting(
				failed,
				({ look, reason }) => `${code(look)}: ${code(reason.replaceAll(/\s*\n\s*/g, "; "), 300)}`,
				parts.failed,
			),
		),
		...byComponent(quiet.items).flatMap(([component, its]) => [`#### ${code(component)}`, "", ...its.map(line), ""]),
		...(quiet.left > 0 ? [`**… and ${quiet.left} more**: ${code(`./tracestack drift --stack ${stack}`)}`, ""] : []),
	];
	const tail = [
		...folded(
			`${ignored.length} ignored, with the reason`,
			fitting(ignored, ({ finding, reason }) => `${line(finding)}. Ignored: ${code(reason, 200)}`, parts.ignored),
		),
		...fitting(unmatched, unmatchedLine, parts.unmatched).lines,
	];
	const rest = limitBytes - bytes([...summary, ...tail]);
	return `${[...summary, ...details(findings, rest), ...tail].join("\n").trimEnd()}\n`;
}

function table({ counts }: Report): string[] {
	const row = (name: string, c: Counts) =>
		`| ${name} | **${sum(c)}** | ${c.replace} | ${c.delete} | ${c.update} | ${c.create} |`;
	return [
		"| | in all | replaced | deleted | changed | new |",
		"|---|--:|--:|--:|--:|--:|",
		row("planned: `up` will do it", counts.planned),
		row("drifted: it was done beside the code", counts.drifted),
		"",
	];
}

/** A finding in one line: what it is, what changes, since when and by whom, and what restores it. */
function line(finding: Finding): string {
	const { subject, changes, severity, restore } = finding;
	const [first] = changes;
	const more = changes.length > 1 ? ` and ${changes.length - 1} more` : "";
	const history = historyOf(finding, (name) => code(name, 40));
	return [
		`- **${code(subject)}** ${verbOf(finding)} (${severity})`,
		first ? `: ${changeInWords(first)}${more}` : "",
		history ? `, ${history}` : "",
		restore ? `. Restore: ${code(restore, 200)}` : "",
	].join("");
}

function loudLine(finding: Finding): string {
	return `${code(finding.component)} ${line(finding).slice("- ".length)}`;
}

function unmatchedLine({ subject, component, reason }: Report["unmatched"][number]): string {
	const whose = component ? ` of ${code(component)}` : "";
	return `- The rule for ${code(subject)}${whose} (${code(reason)}) matches nothing: remove it from \`drift.ignore\`.`;
}

function changeInWords(change: Change): string {
	const where = change.path ? `${code(change.path)} ` : "";
	if (isHidden(change)) return `${where}(a secret)`;
	return `${where}${code(valueInWords(change.from, 50))} → ${code(valueInWords(change.to, 50))}`;
}

/** Each finding's changes as a diff, as many as there is room for. */
function details(findings: Finding[], room: number): string[] {
	const changed = findings.filter(({ changes }) => changes.length > 0);
	if (changed.length === 0) return [];
	const left = (count: number) => `${count} more diffs are left out here: ${code("./tracestack drift --format json")}`;
	const frame = folded("Every change", { lines: [left(changed.length)], left: 0 });
	const shown = fitting(changed, block, room - bytes(frame));
	return folded("Every change", { lines: [...shown.lines, ...(shown.left > 0 ? [left(shown.left)] : [])], left: 0 });
}

function block(finding: Finding): string {
	const all = finding.changes.flatMap(diffLines);
	const lines = all.slice(0, diffLimit.lines).map((text) => shorten(text, diffLimit.width).toWellFormed());
	if (all.length > lines.length) lines.push(`! ${all.length - lines.length} more lines`);
	const title = `${code(finding.component)} ${code(finding.subject)} ${verbOf(finding)}`;
	return [title, ...fenced(lines.join("\n"), "diff"), ""].join("\n");
}

interface Fitting<T = unknown> {
	lines: string[];
	/** What the lines are of. */
	items: T[];
	/** How many found no room. */
	left: number;
}

/** Renders as many items as there is room for; one that is too long does not keep out those after it. */
function fitting<T>(all: T[], render: (item: T) => string, room: number): Fitting<T> {
	const shown: Fitting<T> = { lines: [], items: [], left: all.length };
	let free = room;
	for (const item of all) {
		// Hardly any is shorter: the rest need not be rendered only to be thrown away.
		if (free < 250) break;
		const text = render(item);
		const size = bytes([text]);
		if (size > free) continue;
		free -= size;
		shown.lines.push(text);
		shown.items.push(item);
		shown.left--;
	}
	return shown;
}

/** An alert box of GitHub. */
function alarm(kind: "CAUTION" | "WARNING", what: string, { lines, left }: Fitting): string[] {
	if (lines.length + left === 0) return [];
	const more = left > 0 ? [`> - … and ${left} more`] : [];
	return [`> [!${kind}]`, `> **${what}**`, ">", ...lines.map((text) => `> - ${text}`), ...more, ""];
}

function folded(summary: string, { lines, left }: Pick<Fitting, "lines" | "left">): string[] {
	if (lines.length + left === 0) return [];
	const more = left > 0 ? [`- … and ${left} more`] : [];
	return ["<details>", `<summary>${summary}</summary>`, "", ...lines, ...more, "", "</details>", ""];
}

function bytes(lines: string[]): number {
	return lines.reduce((all, text) => all + Buffer.byteLength(text) + 1, 0);
}
