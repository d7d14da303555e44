// A report for a terminal: the same order as the comment on a pull request, all findings, within the terminal's width.

import type { Change } from "../diff/change.ts";
import { columns, paint, shorten, visible } from "../output.ts";
import type { Finding } from "./finding.ts";
import { byComponent, type Report, takesData } from "./report.ts";
import { clean, countsInWords, historyOf, isHidden, lossInWords, valueInWords, verbOf } from "./words.ts";

/** Changes of one finding; JSON has all of them. */
const most = 10;

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
		...failed.map(({ look, reason }) => `  ${visible(look)}: ${reason.split("\n").map(visible).join("\n    ")}`),
		...others.flatMap(([component, its]) => ["", heading(visible(component)), ...its.flatMap((f) => entry(f, width))]),
		...(ignored.length > 0 ? ["", heading("ignored")] : []),
		...ignored.flatMap(({ finding, reason }) => [
			cut(`  ${visible(finding.component)}: ${visible(finding.subject)} ${verbOf(finding)}`),
			`    because: ${visible(reason)}`,
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
		// To be pasted: whole.
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
