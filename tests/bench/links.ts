// How long each link takes to hold on a running stack, over several runs, as ratios need: medians of one session.
// Usage: node tests/bench/links.ts [--stack dev] [--runs 5]
// Speed is measured here and never asserted in a test: machines are noisy.

import { parseArgs } from "node:util";
import { prepare } from "../../cli/engine.ts";
import { endpoints, type LinkResult, verify } from "../../cli/verify/verify.ts";

const { values } = parseArgs({
	options: { stack: { type: "string", default: "dev" }, runs: { type: "string", default: "5" } },
});
const runs = Number(values.runs);
const stack = await endpoints(await prepare({}), values.stack);

const results: LinkResult[][] = [];
for (let i = 0; i < runs; i++) results.push(await verify(stack));

const links = [...new Set(results.flat().map(({ link }) => link))];
process.stdout.write(`\nseconds after sending, ${runs} runs on stack ${values.stack}\n`);
process.stdout.write(`${"link".padEnd(32)} ${"median".padStart(8)} ${"worst".padStart(8)}\n`);
for (const name of links) {
	const seconds = results
		.flat()
		.filter(({ link, ok }) => link === name && ok)
		.map((result) => result.seconds)
		.sort((a, b) => a - b);
	const median = seconds[Math.floor(seconds.length / 2)];
	process.stdout.write(`${name.padEnd(32)} ${format(median)} ${format(seconds.at(-1))}\n`);
}

function format(value: number | undefined): string {
	return (value === undefined ? "broken" : value.toFixed(1)).padStart(8);
}
