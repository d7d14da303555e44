// Turns findings into a report: each thing once, the worst first, counted, without what the stack's settings accept.

import type { IgnoreRule } from "../../settings/drift.ts";
import { matches } from "../../settings/glob.ts";
import { type Finding, severities } from "./finding.ts";

/** The result of all looks. */
export interface Gathered {
	findings: Finding[];
	/** Looks that failed, and why: what they would have found is unknown. */
	failed: { look: string; reason: string }[];
	/** Looks that are not possible for such a stack. @default none */
	unseen?: string[];
}

/** Numbers of findings by action. */
export type Counts = Record<Finding["action"], number>;

/** What the renderers show. */
export interface Report extends Required<Gathered> {
	stack: string;
	/** Numbers of findings that are not ignored. */
	counts: Record<Finding["kind"], Counts>;
	/** Findings that a rule accepts, with the rule's reason. */
	ignored: { finding: Finding; reason: string }[];
	/** Rules that match nothing any more. */
	unmatched: IgnoreRule[];
}

/** Makes a report. @param rules Findings that are accepted. A finding that deletes stored data is never ignored. */
export function makeReport(
	stack: string,
	{ findings, failed, unseen = [] }: Gathered,
	rules: IgnoreRule[] = [],
): Report {
	const all = sorted(merged(findings));
	const matchers = rules.map((rule) => ({ rule, fits: matcherOf(rule) }));
	const accepting = new Map(
		all.map((finding) => [finding, takesData(finding) ? undefined : matchers.find(({ fits }) => fits(finding))?.rule]),
	);
	const shown = all.filter((finding) => !accepting.get(finding));
	return {
		stack,
		counts: { planned: counts(shown, "planned"), drifted: counts(shown, "drifted") },
		findings: shown,
		ignored: [...accepting].flatMap(([finding, rule]) => (rule ? [{ finding, reason: rule.reason }] : [])),
		failed,
		unseen,
		unmatched: matchers.filter(({ fits }) => !all.some(fits)).map(({ rule }) => rule),
	};
}

/** 1 where something could not be looked at, 2 with findings, else 0. */
export function exitCode({ findings, failed }: Report): number {
	if (failed.length > 0) return 1;
	return findings.length > 0 ? 2 : 0;
}

/** Whether stored data is deleted, or was. */
export function takesData({ stateful, action }: Finding): boolean {
	return stateful && (action === "replace" || action === "delete");
}

/** The number of findings of all actions. */
export function sum(counts: Counts): number {
	return Object.values(counts).reduce((all, count) => all + count, 0);
}

/** Findings by component: the one with the worst of them first. */
export function byComponent(findings: Finding[]): [component: string, findings: Finding[]][] {
	return [...Map.groupBy(findings, ({ component }) => component)];
}

function counts(findings: Finding[], kind: Finding["kind"]): Counts {
	const of = (action: Finding["action"]) => findings.filter((f) => f.kind === kind && f.action === action).length;
	return { create: of("create"), update: of("update"), replace: of("replace"), delete: of("delete") };
}

/** Sorts the worst first, and those that are equally bad by name, so that two reports of one state are the same. */
function sorted(findings: Finding[]): Finding[] {
	const rank = (f: Finding) => (takesData(f) ? -1 : severities.indexOf(f.severity));
	const name = (f: Finding) => JSON.stringify([f.kind === "planned" ? 0 : 1, f.component, f.subject]);
	const order = findings.map((finding) => ({ finding, rank: rank(finding), name: name(finding) }));
	return order.sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : 1)).map(({ finding }) => finding);
}

/**
 * Joins findings of several looks about the same thing: one may know since when and by whom, another how to restore it.
 */
function merged(findings: Finding[]): Finding[] {
	// A look that does not know which service a volume belongs to calls it the stack's.
	const thing = ({ kind, subject }: Finding) => `${kind} ${subject}`;
	const owned = new Map(findings.filter(({ component }) => component !== "stack").map((f) => [thing(f), f.component]));
	const ownerOf = (f: Finding) => (f.component === "stack" ? (owned.get(thing(f)) ?? f.component) : f.component);
	const same = Map.groupBy(findings, (f) => JSON.stringify([ownerOf(f), thing(f)]));
	return [...same.values()].map((group) => {
		const [best, ...others] = group.sort((a, b) => known(b) - known(a)) as [Finding, ...Finding[]];
		return Object.assign({}, ...others, best, {
			component: ownerOf(best),
			stateful: group.some(({ stateful }) => stateful),
			severity: severities.find((severity) => group.some((finding) => finding.severity === severity)),
			changes: group.find(({ changes }) => changes.length > 0)?.changes ?? [],
		});
	});
}

function known({ since, by, restore, changes }: Finding): number {
	return [since, by, restore, changes.length > 0].filter(Boolean).length;
}

function matcherOf({ component, subject }: IgnoreRule): (finding: Finding) => boolean {
	return (finding) => (component ?? finding.component) === finding.component && matches(subject, finding.subject);
}
