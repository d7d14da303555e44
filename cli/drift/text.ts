// Renders a report for a terminal: all findings, in the same order as in Markdown, within the terminal's width.

import type { Change } from "../diff/change.ts";
import { columns, folded, paint, shorten, visible } from "../output.ts";
import type { Finding } from "./finding.ts";
import { byComponent, type Report, takesData } from "./report.ts";
import { clean, countsInWords, historyOf, isHidden, lossInWords, valueInWords, verbOf } from "./words.ts";

/** How many changes of a finding are shown; JSON has all of them. */
const most = 10;

/** A report as text. */
export function text(report: Report): string {
	const { stack, findings, failed, ignored, unmatched, unseen } = report;
	const width = columns(process.stdout);
	const cut = (line: string) => shorten(line, width);
	const heading = (words: string) => paint("bold", words);
	const loud = findings.filter(takesData);
	const others = byComponent(findings.filter((finding) => !takesData(finding)));
	const lines = [
		heading(`${stack}: ${countsInWords(report)}`),
		...(findings.length === 0 && failed.length === 0 ? ["", paint("green", cut(clean(report)))] : []),
		...(unseen.length > 0
			? ["", heading("not looked at: the stack is not on Docker"), ...unseen.map((look) => `  ${look}`)]
			: []),
		...(loud.length > 0 ? ["", paint("red", lossInWords(loud.length).toUpperCase())] : []),
		...loud.flatMap((finding) => entry(finding, width, `${visible(finding.component)}: `)),
		...(failed.length > 0 ? ["", paint("red", "could not be looked at")] : []),
		...failed.map(({ look, reason }) => folded(`  ${look}: ${reason.replaceAll("\n", "\n    ")}`, width)),
		...others.flatMap(([component, its]) => ["", heading(visible(component)), ...its.flatMap((f) => entry(f, width))]),
		...(ignored.length > 0 ? ["", heading("ignored")] : []),
		...ignored.flatMap(({ finding, reason }) => [
			cut(`  ${visible(finding.component)}: ${visible(finding.subject)} ${verbOf(finding)}`),
			folded(`    because: ${reason}`, width),
		]),
		...(unmatched.length > 0 ? ["", heading("rules of drift.ignore that nothing matches any more")] : []),
		...unmatched.map((rule) =>
			cut(`  ${rule.component ? `${visible(rule.component)}: ` : ""}${visible(rule.subject)}`),
		),
	];
	return `${lines.join("\n")}\n`;
}

function entry(finding: Finding, width: number, before = ""): string[] {
	const { subject, severity, changes, restore } = finding;
	const mark = finding.kind === "planned" ? paint("cyan", "~") : paint("yellow", "!");
	const history = historyOf(finding);
	return [
		`${mark} ${shorten(`${before}${visible(subject)} ${verbOf(finding)} (${severity})`, width - 2)}`,
		...(history ? [shorten(`    ${history}`, width)] : []),
		...changes.slice(0, most).flatMap((change) => changeLines(change, width)),
		...(changes.length > most ? [`    … ${changes.length - most} more (--format json has them)`] : []),
		// In one line, so that it can be pasted.
		...(restore ? [`    restore: ${visible(restore)}`] : []),
	];
}

function changeLines(change: Change, width: number): string[] {
	const where = change.path ? `${visible(change.path)}: ` : "";
	if (isHidden(change)) return [shorten(`    ${where}a secret changed`, width)];
	const values = [valueInWords(change.from, width - 12), valueInWords(change.to, width - 12)];
	const line = `    ${where}${values.join(" → ")}`;
	return line.length <= width ? [line] : [shorten(`    ${where}`, width), `      ${values[0]}`, `      → ${values[1]}`];
}
