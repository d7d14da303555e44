// What the Docker engine knows: which containers run or crashed, and what is short of memory, disk or a port.

import { readFile, statfs } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { parse } from "yaml";
import { preflight } from "../../targets/docker/preflight.ts";
import type { Context } from "../drift/finding.ts";
import { type ContainerInputs, deployed } from "../drift/live/inspect.ts";
import { root } from "../paths.ts";
import type { Complaint } from "./complaint.ts";

interface Inspected {
	Name: string;
	RestartCount: number;
	State: { Status: string; ExitCode: number; OOMKilled: boolean; Error: string; StartedAt: string };
}

/** Share of its memory limit above which a Go server does little but collect garbage. */
const crowded = 0.93;
/** Free disk, as a share and in GiB, below which servers will soon fail to write. */
const leastFree = { share: 0.05, gib: 2 };
/** Restarts that were longer ago are not worth a complaint. */
const recentMs = 60 * 60_000;

/** The long-running containers of the stack, as they were deployed; none where it runs on no Docker engine. */
export function services(context: Context): { component: string; inputs: ContainerInputs }[] {
	return deployed(context).filter(({ inputs }) => inputs.mustRun !== false);
}

/** Containers that are gone, stopped or crashing, and why. */
export async function running(context: Context): Promise<Complaint[]> {
	const all = services(context);
	const { stdout } = await execa("docker", ["container", "inspect", ...all.map(({ inputs }) => inputs.name)], {
		reject: false,
	});
	const found = JSON.parse(stdout || "[]") as Inspected[];
	const complaints = all.map(async ({ component, inputs }): Promise<Complaint[]> => {
		const container = found.find(({ Name }) => Name === `/${inputs.name}`);
		const broken = { severity: "broken", about: component } as const;
		if (!container) return [{ ...broken, what: "its container is gone", todo: again(context.stack) }];
		const { Status, ExitCode, OOMKilled, Error: said, StartedAt } = container.State;
		if (OOMKilled)
			return [
				{
					...broken,
					what: `the kernel killed it: it exceeded its limit of ${inputs.memory} MiB`,
					todo: `a larger tracestack:size in Pulumi.${context.stack}.yaml; what fills it: docs/durability.md`,
				},
			];
		if (Status !== "running")
			return [
				{
					...broken,
					what: `it does not run: ${Status}, exit code ${ExitCode}`,
					...(said && { seen: said }),
					todo: Status === "restarting" ? `docker logs ${inputs.name}` : again(context.stack),
				},
				...(await portsTaken(context, inputs)),
			];
		if (container.RestartCount > 0 && Date.now() - Date.parse(StartedAt) < recentMs)
			return [
				{
					severity: "warning",
					about: component,
					what: `it crashed ${container.RestartCount} times, and was last restarted at ${StartedAt.slice(0, 19)}Z`,
					todo: `docker logs --since 1h ${inputs.name}`,
				},
			];
		return [];
	});
	return (await Promise.all(complaints)).flat();
}

/** Who holds the ports of a container that does not run: it can't be started before they are free. */
async function portsTaken({ stack }: Context, { ports = [] }: ContainerInputs): Promise<Complaint[]> {
	const { name: project } = parse(await readFile(join(root, "Pulumi.yaml"), "utf8"));
	const wanted = ports.map(({ external, ip }) => ({ setting: "port", port: external, ip }));
	const problems = await preflight({ project, stack }, wanted);
	return problems.map((problem) => {
		const [what = "", ...rest] = problem.split(/(?<=\.) /);
		return { severity: "broken", about: "stack", what: what.replace(/\.$/, ""), todo: rest.join(" ") };
	});
}

/** Containers that are near their memory limit. */
export async function memory(context: Context): Promise<Complaint[]> {
	const names = new Map(services(context).map(({ component, inputs }) => [inputs.name, component]));
	const format = "{{.Name}}\t{{.MemPerc}}\t{{.MemUsage}}";
	if (names.size === 0) return [];
	const { stdout } = await execa("docker", ["stats", "--no-stream", "--format", format]);
	return stdout.split("\n").flatMap((line): Complaint[] => {
		const [name = "", share = "", usage = ""] = line.split("\t");
		const about = names.get(name);
		if (!about || !(Number.parseFloat(share) / 100 > crowded)) return [];
		return [
			{
				severity: "warning",
				about,
				what: `it has little memory left: ${usage}`,
				todo: `a larger tracestack:size in Pulumi.${context.stack}.yaml; what fills it: docs/durability.md`,
			},
		];
	});
}

/** Whether the disk with the volumes is nearly full; no complaint where it is another machine's. */
export async function disk(context: Context): Promise<Complaint[]> {
	if (services(context).length === 0) return [];
	const { stdout: folder } = await execa("docker", ["info", "--format", "{{.DockerRootDir}}"]);
	const about = await statfs(folder).catch(() => undefined);
	if (!about) return [];
	return roomLeft({ share: about.bavail / about.blocks, gib: (about.bavail * about.bsize) / 2 ** 30 });
}

/** The complaint about so little free disk, if it is little: a twentieth of a large disk is plenty. */
export function roomLeft({ share, gib }: typeof leastFree): Complaint[] {
	if (gib >= leastFree.gib && (share > leastFree.share || gib > 10 * leastFree.gib)) return [];
	return [
		{
			severity: gib < leastFree.gib ? "broken" : "warning",
			about: "stack",
			what: `the disk of the Docker engine has ${gib.toFixed(1)} GiB left`,
			todo: "docker system df shows what takes the room; a shorter retention keeps it free",
		},
	];
}

/** Whether the engine's clock is that of this machine: one in a virtual machine is behind after a suspend. */
export async function clocks(context: Context): Promise<Complaint[]> {
	if (services(context).length === 0) return [];
	const before = Date.now();
	const { stdout } = await execa("docker", ["info", "--format", "{{.SystemTime}}"]);
	const skew = (Date.parse(stdout) - (before + Date.now()) / 2) / 1000;
	if (!(Math.abs(skew) > 5)) return [];
	return [
		{
			severity: "broken",
			about: "stack",
			what: `the Docker engine's clock is ${Math.abs(skew).toFixed(0)} s ${skew < 0 ? "behind" : "ahead"}`,
			todo: "restart the virtual machine that it runs in, or set its clock: spans and metrics get wrong times",
		},
	];
}

function again(stack: string): string {
	return `./tracestack up${stack === "dev" ? "" : ` --stack ${stack}`}`;
}
