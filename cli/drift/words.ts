// The words that all renderers of reports use: what is planned "will be …", what drifted "drifted".

import type { Change } from "../diff/change.ts";
import { shorten, visible } from "../output.ts";
import { type Finding, masked } from "./finding.ts";
import { type Report, sum, takesData } from "./report.ts";

const will = { create: "created", update: "updated", replace: "replaced", delete: "deleted" };
const drifted = { create: ": it was not deployed", update: "", replace: ": it was replaced", delete: ": it is gone" };

/** What happens or happened: `will be replaced`, `drifted: it is gone`, and whether stored data goes with it. */
export function verbOf(finding: Finding): string {
	const verb = finding.kind === "planned" ? `will be ${will[finding.action]}` : `drifted${drifted[finding.action]}`;
	return takesData(finding) ? `${verb}, with what it stores` : verb;
}

/** `2 planned, 3 drifted, 1 ignored`. */
export function countsInWords({ counts, ignored, failed }: Report): string {
	const parts: [count: number, word: string][] = [
		[sum(counts.planned), "planned"],
		[sum(counts.drifted), "drifted"],
		[ignored.length, "ignored"],
		[failed.length, failed.length === 1 ? "look failed" : "looks failed"],
	];
	const told = parts.filter(([count], i) => count > 0 || i < 2);
	return told.map(([count, word]) => `${count} ${word}`).join(", ");
}

/** The heading of findings that delete stored data. */
export function lossInWords(count: number): string {
	return count === 1 ? "1 takes stored data with it" : `${count} take stored data with them`;
}

/** What is said when nothing was found, and no look failed. */
export function clean({ unseen }: Report): string {
	return unseen.length === 0
		? "Nothing drifted, nothing is planned: code, state and what runs are the same."
		: "Nothing is planned, and nothing drifted of what was looked at.";
}

/** What was not looked at; empty where everything was. */
export function unseenInWords({ unseen }: Report): string {
	return unseen.length === 0 ? "" : `Not looked at, because the stack is not on Docker: ${unseen.join(", ")}.`;
}

/** Since when and by whom: `since 2026-01-31 12:00 UTC by admin`; empty where neither is known. */
export function historyOf({ since, by }: Finding, name: (text: string) => string = (text) => text): string {
	const time = since && !Number.isNaN(Date.parse(since)) ? new Date(since).toISOString() : undefined;
	const when = time ? `since ${time.slice(0, 10)} ${time.slice(11, 16)} UTC` : "";
	return [when, by ? `by ${name(visible(by))}` : ""].filter(Boolean).join(" ");
}

/** A value on one line. Missing and empty values look different, and so do a number and a string of digits. */
export function valueInWords(value: unknown, width = 60): string {
	if (value === undefined) return "nothing";
	const bare = typeof value === "string" && /^[^\s"'`]+$/.test(value) && !isJson(value);
	// Cut before, because long values are slow to escape, and after, because escaping makes them longer.
	const text = shorten(bare ? value : JSON.stringify(value), width);
	return shorten(visible(text), width).toWellFormed();
}

/** Whether a change is that of a secret, of which nothing but that it changed may be shown. */
export function isHidden({ from, to }: Change): boolean {
	return from === masked && to === masked;
}

/** A change as lines of a diff. Of texts with several lines only those that differ, with two lines of context. */
export function diffLines({ path, from, to }: Change): string[] {
	if (isHidden({ path, from, to })) return [`! ${visible(path)}: a secret changed`];
	const where = path === "" ? "" : `${visible(path)}: `;
	const multiline = [from, to].some((side) => typeof side === "string" && side.trimEnd().includes("\n"));
	if (multiline && [from, to].every((side) => side === undefined || typeof side === "string")) {
		const [before, after] = [linesOf(from as string), linesOf(to as string)];
		let start = 0;
		while (start < Math.min(before.length, after.length) && before[start] === after[start]) start++;
		let end = 0;
		const rest = Math.min(before.length, after.length) - start;
		while (end < rest && before.at(-1 - end) === after.at(-1 - end)) end++;
		return [
			`@@ ${where}line ${start + 1} @@`,
			...before.slice(Math.max(0, start - 2), start).map((line) => `  ${visible(line)}`),
			...before.slice(start, before.length - end).map((line) => `- ${visible(line)}`),
			...after.slice(start, after.length - end).map((line) => `+ ${visible(line)}`),
			...after.slice(after.length - end, after.length - end + 2).map((line) => `  ${visible(line)}`),
		];
	}
	return [
		...(from === undefined ? [] : [`- ${where}${valueInWords(from, 2000)}`]),
		...(to === undefined ? [] : [`+ ${where}${valueInWords(to, 2000)}`]),
	];
}

function linesOf(text: string | undefined): string[] {
	return text?.replace(/\n$/, "").split("\n") ?? [];
}

function isJson(text: string): boolean {
	try {
		JSON.parse(text);
		return true;
	} catch {
		return text === "nothing";
	}
}
