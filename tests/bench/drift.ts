// What a drift review costs: a report of 500 changed resources, and a look at a running stack. Writes a section of
// docs/performance.md.
// Usage: node tests/bench/drift.ts [--stack dev] [--runs 5]
// Speed is measured here and never asserted in a test: machines are noisy.

import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { execa } from "execa";
import { planned } from "../../cli/drift/events.ts";
import { markdown } from "../../cli/drift/markdown.ts";
import { makeReport } from "../../cli/drift/report.ts";
import { text } from "../../cli/drift/text.ts";
import { root } from "../../cli/paths.ts";
import { writeDrift } from "./page.ts";

const { values } = parseArgs({
	options: { stack: { type: "string", default: "dev" }, runs: { type: "string", default: "5" } },
});
const resources = 500;

/** A preview that replaces many services because of their configuration files, which are as long as Tempo's. */
function events(): EngineEvent[] {
	const file = readFileSync(join(root, "configs/tempo/tempo.yaml"), "utf8");
	const side = (i: number, content: string) => ({
		parent: `urn:pulumi:s::p::tracestack:service:S::service-${i}`,
		inputs: { uploads: [{ file: "/etc/tempo/tempo.yaml", content }] },
		outputs: {},
	});
	return Array.from({ length: resources }, (_, i) => ({
		resourcePreEvent: {
			metadata: {
				op: "replace",
				type: "docker:index/container:Container",
				urn: `urn:pulumi:s::p::x::container-${i}`,
				old: side(i, file),
				new: side(
					i,
					file.replaceAll("info", "debug").replace(/\d+/g, (digits) => `${Number(digits) + i}`),
				),
				diffs: ["uploads"],
				detailedDiff: { uploads: { diffKind: "update-replace" } },
			},
		},
	})) as never;
}

/** Of this process, which does one thing at a time: what it would take on an idle core. */
function cpuSeconds(run: () => unknown): number {
	const before = process.cpuUsage();
	run();
	const { user, system } = process.cpuUsage(before);
	return (user + system) / 1e6;
}

async function wallSeconds(run: () => Promise<unknown>): Promise<number> {
	const started = performance.now();
	await run();
	return (performance.now() - started) / 1000;
}

async function median(measure: () => number | Promise<number>): Promise<string> {
	const seconds: number[] = [];
	for (let i = 0; i < Number(values.runs); i++) seconds.push(await measure());
	seconds.sort((a, b) => a - b);
	const told = `${seconds[Math.floor(seconds.length / 2)]?.toFixed(1)} s (${seconds.at(-1)?.toFixed(1)})`;
	process.stderr.write(`${told}\n`);
	return told;
}

const made = events();
const findings = planned(made, { deployment: {} });
const compared = await median(() => cpuSeconds(() => planned(made, { deployment: {} })));
const rendered = await median(() =>
	cpuSeconds(() => {
		const report = makeReport("s", { findings, failed: [] });
		return [markdown(report), text(report)];
	}),
);
const busy = loadavg()[0]?.toFixed(0);
const looked = await median(() =>
	wallSeconds(async () => {
		const args = ["drift", "--stack", values.stack];
		const { exitCode, all } = await execa(join(root, "tracestack"), args, { cwd: root, reject: false, all: true });
		if (exitCode === 1) throw new Error(all);
	}),
);

writeDrift(`
Measured on ${new Date().toISOString().slice(0, 10)} on the same machine, ${values.runs} runs: median, and the worst in brackets.

|  | target | |
|---|---|---|
| report of ${resources} findings with ${findings[0]?.changes.length} changes each, as a comment and as text; CPU | 1 s | ${rendered} |
| before that: ${resources} pairs of configuration files as long as Tempo's, compared; CPU | | ${compared} |
| \`./tracestack drift\`, a stack that runs as it was deployed; load ${busy} when it began | 10 s | ${looked} |

A preview and a refresh run side by side, each with plugins of its own; the looks at containers, files and Grafana take place meanwhile.

Again: \`node tests/bench/drift.ts [--stack dev] [--runs 5]\`.
`);
