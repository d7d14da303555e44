// `./tracestack upgrade --check`: what the catalogue's images would mean for a stack. It changes nothing: `up` does.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import type { Workload } from "../../components/workload.ts";
import { objectOrText, splitOnce } from "../../settings/configuration.ts";
import { parseSettings, type Settings } from "../../settings.ts";
import { requireDockerEngine } from "../docker-engine.ts";
import { type Environment, prepare, type StackOptions, stackOf } from "../engine.ts";
import { inventory, longRunning } from "../inventory.ts";
import { hasLinter, lint } from "../linter.ts";
import { workloadsOf } from "../linters.ts";
import { columns, paint, progress, shorten, UserError, wrapped } from "../output.ts";
import { root } from "../paths.ts";
import { peek } from "../settings-file.ts";
import { readState } from "../state.ts";
import { type Step, step, versionOf } from "./version.ts";

/** A service, and what the catalogue would change. */
export interface Row {
	service: string;
	/** Images, with their tags. */
	runs: string;
	catalogue: string;
	step: Step;
	/** The new server's verdict on its configuration. `no check`: the server has no command to check it. */
	configuration: "accepted" | "no check" | "refused";
	/** Why it is refused. */
	why?: string;
}

/** Returns the exit code: 0 when there is nothing to do, 2 when all of it is accepted, 1 when something is refused. */
export async function upgradeCheckCommand(options: StackOptions & { json?: boolean }): Promise<number> {
	const { stack } = options;
	if (!(await peek(stack)).docker)
		throw new UserError(`The stack ${stack} runs on AWS: ./tracestack preview --stack ${stack} shows its images`);
	await requireDockerEngine();
	// The catalogue that `up` would choose, which without a registry is that of the images built here.
	const environment = await prepare(options);
	const settings = await settingsOf(environment, stack);
	const running = longRunning(await inventory(stack));
	if (running.length === 0) throw new UserError(`The stack ${stack} is not up: ./tracestack up --stack ${stack}`);
	const workloads = workloadsOf(settings);
	const rows: Row[] = [];
	for (const { service, image } of running.sort((a, b) => (a.service < b.service ? -1 : 1))) {
		const workload = workloads.find(({ name }) => name === service);
		// A service that the settings no longer have would be removed.
		if (workload) rows.push(await looked(workload, image));
	}
	if (options.json) process.stdout.write(`${JSON.stringify({ stack, services: rows }, null, 2)}\n`);
	else process.stdout.write(`${table(rows, columns(process.stdout)).join("\n")}\n`);
	progress(conclusion(rows, stack));
	return exitCode(rows);
}

/** 1 when something is refused, 2 when there are upgrades, else 0. */
export function exitCode(rows: Row[]): number {
	if (rows.some(({ configuration }) => configuration === "refused")) return 1;
	return rows.every(({ step }) => step === "same") ? 0 : 2;
}

/** A line for each service, followed by the reason where it is refused. */
export function table(rows: Row[], width: number): string[] {
	const cells = rows.map((row) => [row.service, versionOf(row.runs), versionOf(row.catalogue), words(row)]);
	const widths = [0, 1, 2].map((i) => Math.max(...[...cells, head].map((line) => line[i]!.length)));
	const text = (line: string[]) => line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ");
	const colour = (row: Row) => {
		if (exitCode([row]) === 1) return "red";
		return row.step === "same" ? "green" : "yellow";
	};
	const lines = rows.flatMap((row, i) => {
		const line = paint(colour(row), shorten(text(cells[i]!), width));
		const why = (row.why ?? "").split("\n").filter(Boolean).slice(-mostLines);
		return [line, ...why.flatMap((said) => wrapped(said, width, "    "))];
	});
	return [text(head), ...lines];
}

const head = ["service", "runs", "catalogue", "means"];

/** How many lines of a server's error are shown: the last ones, which have the reason. */
const mostLines = 4;

function words({ step, configuration }: Row): string {
	const means = step === "downgrade" ? "DOWNGRADE" : step;
	if (configuration === "refused") return `${means}; refused`;
	if (step === "same") return means;
	return configuration === "accepted" ? `${means}; accepted` : `${means}; it has no check of its configuration`;
}

function conclusion(rows: Row[], stack: string): string {
	const code = exitCode(rows);
	if (code === 0) return paint("green", "nothing to do: the stack runs what the catalogue has", process.stderr);
	if (code === 2) return `up would replace these; first: ./tracestack backup FILE --stack ${stack}`;
	const refused = paint("red", "refused, and nothing was replaced", process.stderr);
	if (!rows.some(({ step }) => step === "downgrade")) return refused;
	return `${refused}\nthe way back is a backup from before: ./tracestack restore FILE --stack ${stack}`;
}

async function looked(workload: Workload, runs: string): Promise<Row> {
	const { name: service, image: catalogue } = workload;
	const row = { service, runs, catalogue, step: step(runs, catalogue) };
	if (row.step === "downgrade")
		return { ...row, configuration: "refused", why: "an older server may not read what a newer one wrote" };
	try {
		await have(catalogue);
		if (!hasLinter(service)) return { ...row, configuration: "no check" };
		// Even if the image is the same: a catalogue may have another configuration patch for it.
		await lint(workload);
		return { ...row, configuration: "accepted" };
	} catch (error) {
		return { ...row, configuration: "refused", why: (error as Error).message };
	}
}

/** Pulls an image that the engine does not have. */
async function have(image: string): Promise<void> {
	if ((await execa("docker", ["image", "inspect", image], { reject: false })).exitCode === 0) return;
	progress(`pulling ${image}`);
	const pull = await execa("docker", ["pull", "--quiet", image], { reject: false });
	if (pull.exitCode === 0) return;
	const answer = pull.stderr.trim().split("\n").at(-1);
	throw new Error(
		`the image can't be had: ${answer}\nwithout a registry: ./tracestack airgap build, --images CATALOGUE`,
	);
}

/** A stack's settings, as the Pulumi program would read them with this catalogue. */
async function settingsOf(environment: Environment, stack: string): Promise<Settings> {
	// The engine would say it in its own words.
	await readState(environment, stack);
	const { name: project } = parse(await readFile(join(root, "Pulumi.yaml"), "utf8"));
	const raw = Object.entries(await (await stackOf(environment, stack)).getAllConfig())
		.map(([key, { value }]) => [...splitOnce(key, ":"), value] as const)
		.filter(([namespace]) => namespace === project)
		.map(([, setting, value]) => [setting, objectOrText(value)]);
	const secretKeys = new Set(raw.map(([setting]) => String(setting)));
	return parseSettings(
		Object.fromEntries(raw),
		{ project, name: stack, secretKeys },
		environment.env.TRACESTACK_IMAGES,
	);
}
