// The containers that were deployed, and what the Docker engine has. The engine is asked once for all looks.

import { execa } from "execa";
import { extract } from "tar-stream";
import { inventory } from "../../inventory.ts";
import { isSecret, nameOf, revealed, types } from "../../state.ts";
import type { Context } from "../finding.ts";

/** Inputs of a container, as the Docker provider's state has them. */
export interface ContainerInputs {
	name: string;
	image: string;
	hostname?: string;
	command?: string[];
	user?: string;
	envs?: string[];
	labels?: { label: string; value: string }[];
	hosts?: { host: string; ip: string }[];
	networksAdvanced?: { name: string; aliases?: string[] }[];
	ports?: { internal: number; external: number; ip: string; protocol?: string }[];
	volumes?: { containerPath: string; volumeName: string }[];
	restart?: string;
	memory?: number;
	memorySwap?: number;
	capabilities?: { adds?: string[]; drops?: string[] };
	securityOpts?: string[];
	stopTimeout?: number;
	logDriver?: string;
	logOpts?: Record<string, string>;
	uploads?: { file: string; content: string }[];
	/** False for a container that does something once and ends. */
	mustRun?: boolean;
}

/** A container that was deployed. */
export interface Deployed {
	/** The workload that it belongs to. */
	component: string;
	/** Name of the resource. */
	name: string;
	id: string;
	/** Its inputs, with readable secrets: to compare, never to print. */
	inputs: ContainerInputs;
	/** Names of environment variables, and paths of files, that are secret. */
	secret: ReadonlySet<string>;
}

/** A container as `docker inspect` shows it, as far as it is compared. */
export interface Inspected {
	Id: string;
	Name: string;
	Created: string;
	Image: string;
	State: { Status: string; StartedAt: string; FinishedAt: string };
	Config: {
		Hostname: string;
		User: string;
		Env: string[] | null;
		Cmd: string[] | null;
		Labels: Record<string, string> | null;
		StopTimeout?: number;
	};
	HostConfig: {
		Memory: number;
		MemorySwap: number;
		NanoCpus: number;
		CpuQuota: number;
		RestartPolicy: { Name: string };
		CapAdd: string[] | null;
		CapDrop: string[] | null;
		SecurityOpt: string[] | null;
		Privileged: boolean;
		ReadonlyRootfs: boolean;
		PidMode: string;
		ExtraHosts: string[] | null;
		LogConfig: { Type: string; Config: Record<string, string> };
		PortBindings: Record<string, { HostIp: string; HostPort: string }[] | null> | null;
	};
	Mounts: { Type: string; Name?: string; Source: string; Destination: string }[];
	NetworkSettings: { Networks: Record<string, { Aliases: string[] | null; DNSNames?: string[] | null }> };
}

/** An image as `docker inspect` shows it, as far as it is compared. */
export interface Image {
	Id: string;
	Config: {
		Env?: string[] | null;
		Labels?: Record<string, string> | null;
		Volumes?: Record<string, unknown> | null;
		Cmd?: string[] | null;
		User?: string;
	};
}

/** What the Docker engine has. */
export interface Engine {
	containers: Inspected[];
	/** Images by the id or reference that was asked for; without those that the engine does not have. */
	images: ReadonlyMap<string, Image>;
	networks: { id: string; name: string }[];
	volumes: { name: string }[];
}

/** Every container of the state. */
export function deployed({ state }: Context): Deployed[] {
	return (state.deployment.resources ?? [])
		.filter(({ type, id }) => type === types.container && id)
		.map(({ id, parent, inputs, urn }) => ({
			component: nameOf({ urn: parent ?? urn }),
			name: nameOf({ urn }),
			id: id!,
			inputs: revealed<ContainerInputs>(inputs),
			secret: secretNames(inputs ?? {}),
		}));
}

function secretNames({ envs, uploads }: Record<string, unknown>): Set<string> {
	const secretEnvs = list(envs)
		.filter(isSecret)
		.map((env) => revealed<string>(env).split("=")[0]!);
	const secretFiles = list(uploads)
		.filter((upload) => isSecret(upload) || isSecret((upload as { content?: unknown }).content))
		.map((upload) => revealed<{ file: string }>(upload).file);
	return new Set([...secretEnvs, ...secretFiles]);
}

function list(value: unknown): unknown[] {
	return Array.isArray(value) ? value : [];
}

const asked = new WeakMap<Context, Promise<Engine>>();

/** What the engine has: everything with the stack's label, and containers with the names of deployed ones. */
export function engine(context: Context): Promise<Engine> {
	const known = asked.get(context) ?? ask(context);
	asked.set(context, known);
	return known;
}

async function ask(context: Context): Promise<Engine> {
	const { containers: labelled, networks, volumes } = await inventory(context.stack);
	const names = deployed(context).map(({ inputs }) => inputs.name);
	const inspected = [...(await inspect<Inspected>("container", [...names, ...labelled.map(({ id }) => id)])).values()];
	const containers = [...new Map(inspected.map((container) => [container.Id, container])).values()];
	const images = await inspect<Image>("image", [...containers.map(({ Image }) => Image), ...references(context)]);
	return { containers, images, networks, volumes };
}

/** References of the images that were deployed. */
function references({ state }: Context): string[] {
	const images = (state.deployment.resources ?? []).filter(({ type }) => type === types.image);
	return images.flatMap(({ inputs }) => inputs?.name ?? []);
}

/** `docker inspect`, by what was asked for, without what does not exist. @throws on any other failure. */
async function inspect<T>(kind: "container" | "image", wanted: string[]): Promise<Map<string, T>> {
	const all = [...new Set(wanted)];
	if (all.length === 0) return new Map();
	const { stdout, stderr, exitCode } = await execa("docker", [kind, "inspect", ...all], { reject: false });
	const absent = [...stderr.matchAll(/No such (?:container|image|object): (\S+)/gi)].map(([, name]) => name);
	if (exitCode !== 0 && absent.length === 0) throw new Error(`docker ${kind} inspect: ${stderr || "no answer"}`);
	const found = JSON.parse(stdout || "[]") as T[];
	const there = all.filter((name) => !absent.includes(name));
	if (there.length !== found.length) throw new Error(`docker ${kind} inspect: ${stderr}`);
	return new Map(there.map((name, i) => [name, found[i]!]));
}

/** The deployed container itself, or another one that has its name now. */
export function standing({ id, inputs }: Deployed, { containers }: Engine): Inspected | undefined {
	return containers.find(({ Id }) => Id === id) ?? containers.find(({ Name }) => Name === `/${inputs.name}`);
}

/** A file inside a container. */
export interface InsideFile {
	text: string;
	/** Its modification time in ISO 8601. */
	modified: string;
}

/** The files below a folder of a container, by path; none where there is no such folder. */
export async function filesBelow(id: string, folder: string): Promise<Map<string, InsideFile>> {
	const { stdout, stderr, exitCode } = await execa("docker", ["cp", `${id}:${folder}`, "-"], {
		reject: false,
		encoding: "buffer",
	});
	if (exitCode !== 0) {
		const reason = Buffer.from(stderr).toString().trim();
		if (/could not find the file|no such file/i.test(reason)) return new Map();
		throw new Error(`docker cp ${id.slice(0, 12)}:${folder}: ${reason}`);
	}
	return untar(Buffer.from(stdout), folder);
}

/** Paths in the archive begin with the last part of the folder's path. */
async function untar(archive: Buffer, folder: string): Promise<Map<string, InsideFile>> {
	const files = new Map<string, InsideFile>();
	const above = folder.slice(0, folder.lastIndexOf("/"));
	const reader = extract();
	reader.end(archive);
	for await (const entry of reader) {
		const chunks: Buffer[] = [];
		for await (const chunk of entry) chunks.push(chunk as Buffer);
		const { name, type, mtime } = entry.header;
		if (type !== "file") continue;
		files.set(`${above}/${name}`, {
			text: Buffer.concat(chunks).toString(),
			modified: (mtime ?? new Date(0)).toISOString(),
		});
	}
	return files;
}

/** Paths of files and folders that were added or changed in a container, compared with its image. */
export async function touched(id: string): Promise<string[]> {
	const { stdout } = await execa("docker", ["diff", id]);
	return stdout
		.split("\n")
		.filter((line) => /^[AC] /.test(line))
		.map((line) => line.slice(2));
}
