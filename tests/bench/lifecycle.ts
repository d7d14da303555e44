// What a stack costs: to come up, to stay unchanged, to go, and in memory. Writes docs/performance.md.
// Usage: node tests/bench/lifecycle.ts [--images FILE]... [--runs 5]
// Speed is measured here and never asserted in a test: machines are noisy.

import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { execa } from "execa";
import { prepare } from "../../cli/engine.ts";
import { inventory } from "../../cli/inventory.ts";
import { root } from "../../cli/paths.ts";
import { json } from "../../cli/verify/api.ts";
import { type Outcome, TestStack } from "../e2e/stack.ts";
import { writeLifecycle } from "./page.ts";
import { timeline } from "./timeline.ts";

const { values } = parseArgs({
	options: {
		images: { type: "string", multiple: true, default: [join(root, "configs/versions.yaml")] },
		runs: { type: "string", default: "5" },
	},
});
const idleSeconds = 120;

/** What is measured, in words, and what it may cost. */
const targets = {
	up: ["`./tracestack up`, from nothing to verified, images present", "30 s"],
	noop: ["`pulumi up`, nothing to do: a preview and an update", "5 s"],
	update: ["`pulumi up --skip-preview`, nothing to do", "5 s"],
	preview: ["`pulumi preview`, nothing to do", "5 s"],
	down: ["`./tracestack down`, data kept", "15 s"],
} as const;

interface Report {
	tempo: string;
	seconds: Record<keyof typeof targets, number[]>;
	/** By its name in the catalogue, without where it comes from. */
	images: string[];
	/** MiB by service. */
	memory: [service: string, mebibytes: number][];
	timeline: string;
}

const reports: Report[] = [];
for (const images of values.images) {
	process.env.TRACESTACK_IMAGES = images;
	reports.push(await measure(await TestStack.create("e2e-bench", 25000)));
}
writeLifecycle(await markdown(reports));

async function measure(stack: TestStack): Promise<Report> {
	const seconds: Report["seconds"] = { up: [], noop: [], update: [], preview: [], down: [] };
	const timed = async (what: keyof typeof targets, run: () => Promise<Outcome>) => {
		const started = Date.now();
		const { code, all } = await run();
		if (code !== 0) throw new Error(all);
		seconds[what].push((Date.now() - started) / 1000);
		process.stderr.write(`${what}: ${seconds[what].at(-1)?.toFixed(1)} s\n`);
	};
	// Pulumi by itself, as whoever has it uses it: `./tracestack pulumi` adds the start of the wrapper.
	const { env } = await prepare({ stack: stack.name });
	const pulumi = async (...args: string[]): Promise<Outcome> => {
		const options = { cwd: root, env, all: true, reject: false } as const;
		const result = await execa("pulumi", [...args, "--stack", stack.name, "--non-interactive"], options);
		return { code: result.exitCode ?? -1, stdout: result.stdout, all: result.all };
	};
	for (let i = 0; i < Number(values.runs); i++) {
		await timed("up", () => stack.tracestack("up"));
		await timed("noop", () => pulumi("up", "--yes", "--expect-no-changes"));
		await timed("update", () => pulumi("up", "--yes", "--skip-preview", "--expect-no-changes"));
		await timed("preview", () => pulumi("preview", "--expect-no-changes"));
		await timed("down", () => stack.tracestack("down"));
		await stack.tracestack("down", "--delete-data");
	}
	const drawn = await timeline(stack.name);
	await sleep(idleSeconds * 1000);
	const { tempo } = await stack.endpoints();
	const { version } = await json<{ version: string }>(`${tempo}/api/status/buildinfo`);
	const memory = await memoryOf(stack);
	const { containers } = await inventory(stack.name);
	const images = containers.flatMap(({ image }) => image.split("/").at(-1) || []).sort();
	await stack.remove();
	return { tempo: version, images, seconds, memory, timeline: drawn };
}

async function memoryOf(stack: TestStack): Promise<Report["memory"]> {
	const running = Object.entries(await stack.running()).sort();
	const { stdout } = await execa("docker", [
		"stats",
		"--no-stream",
		"--format",
		"{{.MemUsage}}",
		...running.map(([, id]) => id),
	]);
	const used = stdout.split("\n").map((line) => {
		const [, amount = "0", unit = "MiB"] = /^([\d.]+)(\w+)/.exec(line) ?? [];
		return Number(amount) * (unit === "GiB" ? 1024 : 1);
	});
	return running.map(([service], i) => [service, used[i] ?? 0]);
}

async function markdown(all: Report[]): Promise<string> {
	const { stdout: engine } = await execa("docker", ["version", "--format", "{{.Server.Version}}"]);
	const gibibytes = Math.round(totalmem() / 2 ** 30);
	const machine = `${cpus().length} cores, ${gibibytes} GiB, ${type()} ${release()}, Node ${process.version}, Docker ${engine}`;
	const head = (cells: string[]) => `| ${cells.join(" | ")} |\n|${cells.map(() => "---").join("|")}|\n`;
	const versions = all.map(({ tempo }) => `Tempo ${tempo}`);
	const times = Object.entries(targets).map(([key, [what, target]]) => {
		const cells = all.map(({ seconds }) => {
			const sorted = seconds[key as keyof typeof targets].toSorted((a, b) => a - b);
			return `${sorted[Math.floor(sorted.length / 2)]?.toFixed(1)} s (${sorted.at(-1)?.toFixed(1)})`;
		});
		return `| ${[what, target, ...cells].join(" | ")} |\n`;
	});
	const total = all.map(({ memory }) => memory.reduce((sum, [, mebibytes]) => sum + mebibytes, 0));
	const services = all[0]?.memory.map(([service]) => service) ?? [];
	const memory = services.map((service, i) => {
		return `| ${[service, "", ...all.map((report) => report.memory[i]?.[1].toFixed(0))].join(" | ")} |\n`;
	});
	return `<!-- Written by tests/bench/lifecycle.ts. -->

# Performance

Measured on ${new Date().toISOString().slice(0, 10)}: ${machine}; a file backend; ${values.runs} runs for each catalogue. Median, and the
worst in brackets. Times include the start of every process; \`./tracestack pulumi\` adds 0.6 s for the wrapper's own.

${all.map(({ tempo, images }) => `- Tempo ${tempo}: ${images.join(", ")}`).join("\n")}

${head(["", "target", ...versions])}${times.join("")}
Memory ${idleSeconds} s after \`up\`, in MiB, as the engine counts it:

${head(["", "target", ...versions])}${memory.join("")}| **all** | 650 | ${total.map((sum) => sum.toFixed(0)).join(" | ")} |

## Where the time of an \`up\` goes

From nothing, Tempo ${all.at(-1)?.tempo}, in seconds; a gap is a wait:

\`\`\`
${all.at(-1)?.timeline}
\`\`\`

- Before the first resource: the CLI, the program's imports and the preflight.
- The network takes two seconds, which the Docker provider always waits after making one; images and volumes are ready
  long before.
- All services start at once. Grafana, which migrates an empty database while five others start on the same cores, is last.
- After \`up\`, the proof waits for Tempo's metrics generator: its remote write reads what was generated 15 s after the first
  span, or 20 s when its first look comes before there is a file to look at. A first trace is therefore sent as soon as the collector answers, while
  Grafana still starts. Everything else is proved within two seconds.

Again: \`node tests/bench/lifecycle.ts [--images FILE]… [--runs 5]\`; \`node tests/bench/links.ts\` measures each link of a running
stack.
`;
}
