// What is lost when processes are killed, stopped or away under load, here and with docker-otel-lgtm's configuration on the
// same images. Writes docs/durability-figures.md.
// Usage: node tests/bench/durability.ts [--images FILE] [--lgtm CHECKOUT] [--away SECONDS]

import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { root } from "../../cli/paths.ts";
import { prometheusValue, until } from "../../cli/verify/api.ts";
import { spanMetrics } from "../../components/links.ts";
import { lostOf, Sender } from "../e2e/sender.ts";
import { measured, type Subject } from "./subjects.ts";

const { values } = parseArgs({
	options: {
		images: { type: "string", default: join(root, "configs/versions.yaml") },
		lgtm: { type: "string" },
		away: { type: "string", default: "600" },
	},
});
const perSecond = 500;
const awaySeconds = Number(values.away);
const drained = { traces: 100_000, perSecond: 6600 };

interface Figure {
	acknowledged: number;
	lost: number;
	/** Spans that span metrics have. */
	counted?: number;
}

const crash = async (subject: Subject, service: "collector" | "tempo") => {
	await subject.container(service, "kill", "--signal", "KILL");
	await subject.container(service, "start");
};

/** What happens while spans are sent; or for how long they are sent while Tempo is away. */
const scenarios: { title: string; rate?: number; happens: number | ((subject: Subject) => Promise<void>) }[] = [
	{ title: "collector killed once", happens: (subject) => crash(subject, "collector") },
	{
		title: "collector killed ten times",
		happens: async (subject) => {
			for (let i = 0; i < 10; i++) {
				await crash(subject, "collector");
				await sleep(3000);
			}
		},
	},
	{
		title: "Tempo stopped and started",
		happens: async (subject) => void (await subject.container("tempo", "restart")),
	},
	{
		title: "Tempo killed after 20 s",
		happens: async (subject) => {
			await sleep(20_000);
			await crash(subject, "tempo");
		},
	},
	{ title: `Tempo away for ${awaySeconds} s`, happens: awaySeconds },
	{
		title: `${drained.traces.toLocaleString("en")} traces drained from the queue`,
		rate: drained.perSecond,
		happens: drained.traces / drained.perSecond,
	},
];

async function measure(subject: Subject): Promise<Figure[]> {
	const figures: Figure[] = [];
	for (const [i, { title, rate = perSecond, happens }] of scenarios.entries()) {
		const isAway = typeof happens === "number";
		if (isAway) await subject.container("tempo", "stop");
		const sender = new Sender(subject.otlpHttp, `bench-${i}`, rate);
		await sleep(isAway ? happens * 1000 : 2000);
		if (!isAway) {
			await happens(subject);
			await sleep(2000);
		}
		await sender.stop();
		if (isAway) await subject.container("tempo", "start");
		await sleep(subject.settleSeconds * 1000);
		const figure: Figure = {
			acknowledged: sender.acknowledged.length,
			lost: (await lostOf(subject.tempo, sender)).length,
		};
		// A counter of one process: no restart has set it back.
		if (isAway) figure.counted = await counted(subject, sender);
		figures.push(figure);
		process.stderr.write(`${subject.name}: ${title}: ${JSON.stringify(figure)}\n`);
	}
	return figures;
}

/** What span metrics count, once they have all or grow no more. */
async function counted({ prometheus }: Subject, { service, acknowledged }: Sender): Promise<number> {
	const query = `sum(max_over_time(${spanMetrics.calls}{${spanMetrics.labels.service}="${service}"}[1h]))`;
	let last = 0;
	await until(60, async () => {
		last = await prometheusValue(prometheus, query);
		if (last < acknowledged.length) throw new Error("not yet");
	}).catch(() => undefined);
	return last;
}

const columns = await measured(values, measure);

function cell({ acknowledged, lost, counted }: Figure): string {
	const number = (value: number) => value.toLocaleString("en");
	const metrics = counted === undefined ? "" : `; ${number(counted)} counted`;
	return `${number(acknowledged)}, **${number(lost)}**${metrics}`;
}

const heads = columns.map(({ name, version }) => `${name}, Tempo ${version}`);
const rows = scenarios.map(({ title, rate = perSecond }, i) => {
	const cells = columns.flatMap(({ figures }) => (figures[i] ? [cell(figures[i])] : []));
	return `| ${[title, `${rate.toLocaleString("en")}/s`, ...cells].join(" | ")} |`;
});
writeFileSync(
	join(root, "docs/durability-figures.md"),
	`<!-- Written by tests/bench/durability.ts. -->

# Durability in figures

Measured on ${new Date().toISOString().slice(0, 10)} with ${cpus().length} cores and ${Math.round(totalmem() / 2 ** 30)} GiB. One-span traces from a sender that
tries again what is refused; spans acknowledged, and **lost**: Tempo does not return them afterwards. "Counted" are those in
span metrics; a span that was sent again may be counted twice.

| | rate | ${heads.join(" | ")} |
|${"---|".repeat(heads.length + 2)}
${rows.join("\n")}

docker-otel-lgtm stands for its \`docker/*.yaml\` on the same images. Again:
\`node tests/bench/durability.ts --images FILE --lgtm CHECKOUT\`; [durability.md](durability.md) says what is promised.
`,
);
