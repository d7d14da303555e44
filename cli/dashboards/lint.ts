// `./tracestack dashboards lint`: every dashboard of every pack against the rules, and with a stack against its servers.

import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type Pack, packs, packsDir } from "../../components/packs.ts";
import { prepare, type StackOptions } from "../engine.ts";
import { folded, paint, progress } from "../output.ts";
import { runPanels } from "../verify/panels.ts";
import { endpoints } from "../verify/verify.ts";
import { type Linted, type Model, panels, rules } from "./rules.ts";

/** Returns the exit code. @param options.live Also runs every query against the stack. */
export async function dashboardsLintCommand(options: StackOptions & { live?: boolean }): Promise<number> {
	const all = linted();
	const problems = [...filesAmiss(), ...lint(all)];
	if (options.live) {
		const e = await endpoints(await prepare(options, "look"), options.stack);
		const results = await runPanels(e, "0".repeat(31).concat("1"));
		problems.push(...results.flatMap(({ name, error }) => (error && !notFound(error) ? [`${name}: ${error}`] : [])));
		const skipped = results.filter((result) => result.skipped);
		for (const { name, skipped: why } of skipped) progress(folded(`  not run: ${name}: ${why}`));
		progress(`${results.length - skipped.length} queries run against the stack ${options.stack}`);
	}
	for (const problem of problems) progress(paint("red", folded(`  ✗ ${problem}`), process.stderr));
	progress(`${all.length} dashboards, ${Object.keys(rules).length} rules: ${problems.length} problems`);
	return problems.length === 0 ? 0 : 1;
}

/** A query for a trace that does not exist is no wrong query. */
function notFound(error: string): boolean {
	return error.startsWith("404 ");
}

/** The dashboards of some packs, as the rules read them. @param of @default all packs */
export function linted(of: Pack[] = packs()): Linted[] {
	const all = of.flatMap((pack) =>
		pack.dashboards.map(({ json }) => ({ pack, json, model: JSON.parse(json) as Model })),
	);
	const uids = all.map(({ model }) => model.uid);
	return all.map((dashboard) => ({ ...dashboard, uids }));
}

/** Violations of the rules, a sentence each. */
export function lint(all: Linted[]): string[] {
	const titles = all.map(({ model }) => model.title);
	const uids = all.map(({ model }) => model.uid);
	return [
		...uids.filter((uid, i) => uids.indexOf(uid) < i).map((uid) => `two dashboards have the uid ${uid}`),
		...titles.filter((title, i) => titles.indexOf(title) < i).map((title) => `two dashboards are called ${title}`),
		...all.flatMap((dashboard) =>
			Object.values(rules).flatMap((rule) =>
				rule(dashboard).map((problem) => `${dashboard.model.title} (${dashboard.pack.name}): ${problem}`),
			),
		),
	];
}

/** Mistakes in the files themselves, which loading the packs would hide. */
export function filesAmiss(dir = packsDir): string[] {
	return readdirSync(dir, { recursive: true, encoding: "utf8" })
		.filter((path) => /[\\/]dashboards[\\/][^\\/]+\.json$/.test(path))
		.sort()
		.flatMap((path) =>
			amiss(readFileSync(join(dir, path), "utf8"), path).map((what) => `configs/packs/${path}: ${what}`),
		);
}

function amiss(text: string, path: string): string[] {
	let model: Record<string, unknown>;
	try {
		model = JSON.parse(text);
	} catch (error) {
		return [`is no JSON: ${(error as Error).message}`];
	}
	return [
		...(model.uid === basename(path, ".json") ? [] : [`its uid is ${model.uid}, not its name`]),
		...["id", "version"].filter((key) => key in model).map((key) => `has ${key}, which Grafana sets itself`),
	];
}

/**
 * Every query to Prometheus, of panels and of KPIs, as a recording rule with values for variables, so that promtool can
 * check it.
 */
export function promqlAsRules(all = linted(), of = packs()): { groups: unknown[] } {
	const shown = all.flatMap(({ model }) =>
		panels(model).flatMap(({ targets = [] }) =>
			targets.flatMap(({ expr, datasource }) => (datasource.uid === "prometheus" && expr ? [expr] : [])),
		),
	);
	const told = of.flatMap(({ kpis }) => kpis.map(({ query }) => query));
	const rules = (kind: string, expressions: string[]) =>
		expressions.map((expr, i) => ({ record: `${kind}:query:${i}`, expr: filled(expr) }));
	return { groups: [{ name: "dashboards", rules: [...rules("dashboards", shown), ...rules("kpis", told)] }] };
}

function filled(expr: string): string {
	return expr.replace(/\$__(?:rate_interval|interval|range)/g, "5m").replace(/\$(?:\{\w+(?::\w+)?\}|\w+)/g, "x");
}
