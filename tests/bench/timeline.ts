// Where the time of an `up` goes: when the engine began and ended each resource, and what it waited for in between.
// Usage: node tests/bench/timeline.ts [--stack dev]

import { parseArgs } from "node:util";
import { prepare, up } from "../../cli/engine.ts";

const { values } = parseArgs({ options: { stack: { type: "string", default: "dev" } } });
const begun = Date.now();
const environment = await prepare({ stack: values.stack });
const started = Date.now();
const spans = new Map<string, { name: string; from: number; to: number }>();
let first = 0;

await up(environment, { stack: values.stack }, ({ resourcePreEvent, resOutputsEvent }) => {
	const now = (Date.now() - started) / 1000;
	first ||= now;
	const step = resourcePreEvent?.metadata ?? resOutputsEvent?.metadata;
	if (!step) return;
	const [type, name] = [step.type.split(":").at(-1), step.urn.split("::").at(-1)];
	const span = spans.get(step.urn) ?? { name: `${name} (${type})`, from: now, to: now };
	spans.set(step.urn, { ...span, to: now });
});

const end = (Date.now() - started) / 1000;
const line = (name: string, from: number, to: number) => {
	const bar = " ".repeat(Math.round((from / end) * 40)) + "█".repeat(Math.max(1, Math.round(((to - from) / end) * 40)));
	process.stdout.write(
		`${name.slice(0, 34).padEnd(34)} ${from.toFixed(1).padStart(5)} ${to.toFixed(1).padStart(5)} ${bar}\n`,
	);
};
process.stdout.write(`\nprepare ${((started - begun) / 1000).toFixed(1)} s, then seconds from the start of up\n`);
line("state, engine start", 0, first);
for (const { name, from, to } of [...spans.values()].sort((a, b) => a.from - b.from)) line(name, from, to);
line("all", 0, end);
