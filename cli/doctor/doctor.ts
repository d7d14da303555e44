// `./tracestack doctor`: what is wrong, and what to do about it. It changes nothing.

import { contextOf } from "../drift/drift.ts";
import type { Context } from "../drift/finding.ts";
import { hide, narrowed, secretTexts } from "../drift/secrets.ts";
import { prepare, type StackOptions } from "../engine.ts";
import { columns, paint, visible, wrapped } from "../output.ts";
import { readState } from "../state.ts";
import { archive } from "./archive.ts";
import { inCloudWatch, onFargate } from "./aws.ts";
import { certificates } from "./certificates.ts";
import type { Check, Complaint } from "./complaint.ts";
import { declared } from "./declared.ts";
import { clocks, disk, memory, running } from "./engine.ts";
import { senders } from "./senders.ts";
import { firing, logged, path, reached, ready } from "./servers.ts";

/** Every check by what it makes sure of, in the order in which a person would look. */
const checks: Record<string, Check> = {
	"every service runs": running,
	"every task runs, where AWS runs them": onFargate,
	"every service is ready": ready,
	"the disk has room for volumes": disk,
	"memory stays below its limits": memory,
	"clocks agree": clocks,
	"certificates are valid for another month": certificates,
	"spans arrive, and get where they should": path,
	"applications speak the protocol of the port they send to": senders,
	"the archive, if there is one, stores what arrives": archive,
	"Grafana reaches every server": reached,
	"logs of the last 15 minutes have no errors": logged,
	"what runs is what was declared": declared,
	"no alert is firing": firing,
	"no alarm is ringing, where CloudWatch watches": inCloudWatch,
};

interface Seen {
	check: string;
	complaints: Complaint[];
}

/** `./tracestack doctor`. Exit code 0 when all is well, 2 with warnings only, 1 when something is broken. */
export async function doctorCommand(options: StackOptions & { json?: boolean }): Promise<number> {
	const environment = await prepare(options, "look");
	const { stack } = options;
	const state = await readState(environment, stack, { showSecrets: true }).then(narrowed);
	// Logs may contain secrets of the stack.
	const seen = hide(await examine(contextOf(environment, stack, state)), secretTexts(state)).map((check) => ({
		...check,
		complaints: check.complaints.map((complaint) => ({ ...complaint, todo: forStack(complaint.todo, stack) })),
	}));
	if (options.json) process.stdout.write(`${JSON.stringify({ stack, checks: seen }, null, 2)}\n`);
	else process.stdout.write(`${report(seen, columns(process.stdout)).join("\n")}\n`);
	const all = seen.flatMap(({ complaints }) => complaints);
	return all.some(({ severity }) => severity === "broken") ? 1 : all.length > 0 ? 2 : 0;
}

/**
 * Advice with `--stack` in its commands, where they would mean another stack without it: most advice is the same for
 * all.
 */
export function forStack(todo: string, stack: string): string {
	const command = /\.\/tracestack (pulumi )?[a-z]+\b( --refresh)?( --stack \S+)?/g;
	return todo.replaceAll(command, (whole, pulumi, _, named) =>
		// Pulumi itself takes the stack that was selected last.
		named || (stack === "dev" && !pulumi) ? whole : `${whole} --stack ${stack}`,
	);
}

/** Runs every check at once. One that fails is a complaint itself. */
async function examine(context: Context): Promise<Seen[]> {
	const seen = Object.entries(checks).map(async ([check, look]): Promise<Seen> => {
		try {
			return { check, complaints: await look(context) };
		} catch (error) {
			const complaint: Complaint = {
				severity: "warning",
				about: "stack",
				what: "this could not be looked at",
				seen: (error as Error).message.split("\n")[0] ?? "",
				todo: "what is broken above comes first",
			};
			return { check, complaints: [complaint] };
		}
	});
	return Promise.all(seen);
}

/** A line for each check, and below it what is wrong. */
export function report(seen: Seen[], width: number): string[] {
	const counts = { broken: 0, warning: 0 };
	const lines = seen.flatMap(({ check, complaints }) => {
		for (const { severity } of complaints) counts[severity]++;
		if (complaints.length === 0) return [`${paint("green", "✓")} ${check}`];
		const worst = complaints.some(({ severity }) => severity === "broken");
		return [
			`${worst ? paint("red", "✗") : paint("yellow", "!")} ${check}`,
			...complaints.flatMap((complaint) => told(complaint, width)),
		];
	});
	const end =
		counts.broken + counts.warning === 0
			? paint("green", "nothing is wrong")
			: `${counts.broken} broken, ${counts.warning} to look at`;
	return [...lines, "", end];
}

function told({ severity, about: foreign, what, seen, todo }: Complaint, width: number): string[] {
	const about = visible(foreign);
	const mark = paint(severity === "broken" ? "red" : "yellow", about);
	return [
		...wrapped(`${about}: ${what}`, width, "    ").map((line, i) => (i === 0 ? line.replace(about, () => mark) : line)),
		...(seen ? wrapped(seen, width, "      | ").map((line) => paint("dim", line)) : []),
		...wrapped(`→ ${todo}`, width, "      "),
	];
}
