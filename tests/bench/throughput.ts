// What a span costs, and how soon and how fast it is found, here and with docker-otel-lgtm's configuration on the same
// images. Writes docs/throughput.md.
// Usage: node tests/bench/throughput.ts [--images FILE] [--lgtm CHECKOUT] [--seconds 300]

import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { root } from "../../cli/paths.ts";
import { json, until, withQuery } from "../../cli/verify/api.ts";
import { lostOf, Sender, sendRequests } from "../e2e/sender.ts";
import { measured, type Subject } from "./subjects.ts";

const { values } = parseArgs({
	options: {
		images: { type: "string", default: join(root, "configs/versions.yaml") },
		lgtm: { type: "string" },
		seconds: { type: "string", default: "300" },
	},
});
const perSecond = 10_000;
/** A million spans, then others; this project's also five minutes' worth. */
const compared = [
	{ spans: 10, seconds: 100 },
	{ spans: 1, seconds: 60 },
];
const loads = [...compared, { spans: 10, seconds: Number(values.seconds) }];
/** After a load, until what it left is written into blocks: that is part of what a span costs. */
const afterwardsSeconds = 90;
const services = ["collector", "tempo", "prometheus"] as const;

interface Load {
	/** Spans. */
	acknowledged: number;
	/** Requests. */
	refused: number;
	lost: number;
	/** Processor seconds for a million stored spans. */
	cpu: Record<(typeof services)[number], number>;
}

/** How soon and how fast traces are found; seconds, of each try. */
interface Finding {
	/** Spans that there are. */
	over: number;
	searchable: number[];
	byId: number[];
	search: number[];
}

interface Figures {
	loads: Load[];
	/** After the first load, and after the last. */
	findings: Finding[];
}

async function cpuSeconds(subject: Subject): Promise<number[]> {
	const used = services.map(async (service) => {
		const pid = await subject.container(service, "inspect", "--format", "{{.State.Pid}}");
		const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
		// User and system time, in ticks of 10 ms.
		return (Number(fields[11]) + Number(fields[12])) / 100;
	});
	return Promise.all(used);
}

async function loaded(subject: Subject, { spans, seconds }: (typeof loads)[number]): Promise<[Load, Sender]> {
	const before = await cpuSeconds(subject);
	const sender = new Sender(subject.otlpHttp, `load-${spans}-${seconds}`, perSecond, spans);
	await sleep(seconds * 1000);
	await sender.stop();
	await sleep(afterwardsSeconds * 1000);
	const after = await cpuSeconds(subject);
	const acknowledged = sender.acknowledged.length * spans;
	const lost = (await lostOf(subject.tempo, sender)).length * spans;
	const [collector = 0, tempo = 0, prometheus = 0] = after.map(
		(value, i) => ((value - (before[i] ?? 0)) / (acknowledged - lost)) * 1e6,
	);
	const refused = [...sender.refused.values()].reduce((a, b) => a + b, 0);
	const load = { acknowledged, refused, lost, cpu: { collector, tempo, prometheus } };
	process.stderr.write(`${subject.name}: ${spans} spans a trace: ${JSON.stringify(load)}\n`);
	return [load, sender];
}

async function timed(what: () => Promise<unknown>): Promise<number> {
	const since = performance.now();
	await what();
	return (performance.now() - since) / 1000;
}

async function measure(subject: Subject): Promise<Figures> {
	const figures: Figures = { loads: [], findings: [] };
	for (const [i, load] of (subject.name === "tracestack" ? loads : compared).entries()) {
		const [result, sender] = await loaded(subject, load);
		figures.loads.push(result);
		const over = figures.loads.reduce((sum, { acknowledged, lost }) => sum + acknowledged - lost, 0);
		if (i === 0 || i === loads.length - 1) figures.findings.push({ over, ...(await found(subject, sender)) });
	}
	return figures;
}

async function found(subject: Subject, { acknowledged, service }: Sender): Promise<Omit<Finding, "over">> {
	const finding: Omit<Finding, "over"> = { searchable: [], byId: [], search: [] };
	for (let i = 0; i < 10; i++) {
		const probe = `probe-${randomUUID()}`;
		await sendRequests(subject.otlpHttp, probe, 1, {});
		const q = `{ resource.service.name = "${probe}" }`;
		const search = async () => {
			const now = Math.ceil(Date.now() / 1000);
			const answer = await json<{ traces?: unknown[] }>(
				withQuery(`${subject.tempo}/api/search`, { q, start: now - 300, end: now }),
			);
			if (!answer.traces?.length) throw new Error(`${probe} is not found`);
		};
		finding.searchable.push(await timed(() => until(90, search)));
	}
	for (let i = 0; i < 200; i++) {
		const id = acknowledged[Math.floor((i / 200) * acknowledged.length)];
		finding.byId.push(await timed(() => json(`${subject.tempo}/api/v2/traces/${id}`)));
	}
	const now = Math.ceil(Date.now() / 1000);
	const hour = { start: now - 3600, end: now, limit: 20 };
	for (const q of [
		`{ resource.service.name = "${service}" && duration > 1ms }`,
		// Nothing has it, so that every block is read.
		`{ resource.service.name = "${service}" && status = error }`,
	])
		for (let i = 0; i < 10; i++)
			finding.search.push(await timed(() => json(withQuery(`${subject.tempo}/api/search`, { q, ...hour }))));
	process.stderr.write(`${subject.name}: ${JSON.stringify({ ...finding, byId: quantile(finding.byId, 0.95) })}\n`);
	return finding;
}

function quantile(figures: number[], q: number): number {
	const sorted = [...figures].sort((a, b) => a - b);
	return sorted[Math.ceil(q * sorted.length) - 1] ?? Number.NaN;
}

const results = await measured(values, measure);

const number = (value: number) => value.toLocaleString("en");
const seconds = (value: number) => (value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`);
function rows<T>(of: (figures: Figures) => T | undefined) {
	return (title: string, target: string, cell: (value: T) => string) => {
		const cells = results.map(({ figures }) => of(figures)).map((value) => (value === undefined ? "" : cell(value)));
		return `| ${[title, target, ...cells].join(" | ")} |`;
	};
}
const perLoad = loads.flatMap(({ spans, seconds: lasting }, i) => {
	const row = rows(({ loads }) => loads[i]);
	const cost = (load: Load) => services.reduce((sum, service) => sum + load.cpu[service], 0);
	return [
		row(`**${spans === 1 ? "one-span traces" : `traces of ${spans} spans`}, ${lasting} s**: acknowledged`, "", (load) =>
			number(load.acknowledged),
		),
		row("refused requests", "0", (load) => number(load.refused)),
		row("acknowledged and lost", "0", (load) => `**${number(load.lost)}**`),
		row("CPU of all for a million stored spans", "below theirs", (load) => `**${cost(load).toFixed(0)} s**`),
		...services.map((service) =>
			row(
				`of which ${service}`,
				service === "collector" ? "≤ 1.3 × theirs" : "",
				(load) => `${load.cpu[service].toFixed(1)} s`,
			),
		),
	];
});
const finding = [0, 1].flatMap((i) => {
	const row = rows(({ findings }) => findings[i]);
	const worst = (tries: number[]) => `${seconds(quantile(tries, 0.5))} (${seconds(Math.max(...tries))})`;
	return [
		row("**finding**, spans stored", "", ({ over }) => number(over)),
		row("a new trace is searchable after, median (worst) of 10", "2 s", ({ searchable }) => worst(searchable)),
		row("a trace by id, p95 of 200", i === 0 ? "100 ms" : "", ({ byId }) => seconds(quantile(byId, 0.95))),
		row("a search over the last hour, p95 of 20", "1 s", ({ search }) => seconds(quantile(search, 0.95))),
	];
});
writeFileSync(
	join(root, "docs/throughput.md"),
	`<!-- Written by tests/bench/throughput.ts. -->

# Throughput in figures

Measured on ${new Date().toISOString().slice(0, 10)} with ${cpus().length} cores and ${Math.round(totalmem() / 2 ** 30)} GiB, which the sender shares; ${number(perSecond)} spans a second. CPU is
counted until ${afterwardsSeconds} s after the load: building blocks is part of what a span costs. Every acknowledged trace is searched for.

| | target | ${results.map(({ name, version }) => `${name}, Tempo ${version}`).join(" | ")} |
|${"---|".repeat(results.length + 2)}
${perLoad.join("\n")}
${finding.join("\n")}

docker-otel-lgtm stands for its \`docker/*.yaml\` on the same images. Again: \`node tests/bench/throughput.ts --images FILE --lgtm CHECKOUT\`.
`,
);
