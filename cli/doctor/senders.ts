// Applications that speak HTTP to the gRPC port, or the other way round. The collector closes such connections and logs
// nothing, so the applications' own OTEL_EXPORTER_OTLP_* variables are looked at, and nothing else of their environment.

import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";
import { execa } from "execa";
import { stackLabel } from "../../targets/docker/labels.ts";
import type { Context } from "../drift/finding.ts";
import { types } from "../state.ts";
import type { Complaint } from "./complaint.ts";
import { services } from "./engine.ts";
import { recently, sum } from "./servers.ts";

/** The stack's two OTLP ports. */
interface Doors {
	/** `host:port`. */
	grpc: string;
	http: string;
}

/** A process or container that may send to the stack. */
interface Sender {
	/** For people: a command or a container. */
	name: string;
	env: Record<string, string>;
	/** In a container with a network of its own: `localhost` is the container itself. */
	contained: boolean;
	/** In the stack's own network: in another one the name `collector` means something else. */
	inside: boolean;
}

/** A mistake in a sender's settings. It quotes address and protocol only. */
interface Mistake {
	what: string;
	todo: string;
}

/** Mistakes of containers, and of processes that this user may look at, which name one of the stack's ports. */
export async function senders(context: Context): Promise<Complaint[]> {
	const { otlpGrpc, otlpHttp } = context.endpoints;
	const doors = { grpc: otlpGrpc, http: new URL(otlpHttp).host };
	const docker = services(context).length > 0;
	const containers = docker ? await containersAround(networkOf(context)) : [];
	const all = [...containers, ...(await processes(new Set(containers.map(({ id }) => id))))];
	// `increase` would miss the first value of a new counter.
	const byGrpc = `sum(otelcol_receiver_accepted_spans{transport="grpc"}`;
	const unheard = (await sum(context.endpoints, `${byGrpc}) - (${byGrpc} offset ${recently}) or vector(0))`)) === 0;
	const seen = new Map<string, Complaint & { names: string[] }>();
	for (const sender of all)
		for (const { what, todo } of mistakes(sender, doors, unheard)) {
			const known = seen.get(what) ?? { severity: "warning", about: "collector", what, todo, names: [] };
			seen.set(what, { ...known, names: [...known.names, sender.name] });
		}
	return [...seen.values()].map(({ names, what, ...complaint }) => ({
		...complaint,
		what: `${listed(names)} ${what}`,
	}));
}

/**
 * What is wrong with a sender's environment. SDKs differ in their default protocol: where none is set, it is taken for
 * wrong when nothing arrives at that port.
 *
 * @param unheard Whether no span has arrived by gRPC lately.
 */
export function mistakes({ env, contained, inside }: Omit<Sender, "name">, doors: Doors, unheard: boolean): Mistake[] {
	const found = ["TRACES", "METRICS", "LOGS"].flatMap((signal): Mistake[] => {
		const of = (what: string) => env[`OTEL_EXPORTER_OTLP_${signal}_${what}`] || env[`OTEL_EXPORTER_OTLP_${what}`];
		const address = addressOf(of("ENDPOINT"));
		if (!address) return [];
		const [at, other] = doorOf(address, doors, inside) ?? [];
		if (!at || !other) return [];
		const shown = `${address.hostname}:${address.port}`;
		if (contained && isLoopback(address.hostname))
			return [
				{
					what: `sends to ${shown}, which in a container is the container itself`,
					todo: "host.docker.internal, or the stack's network and collector:4317 (gRPC), collector:4318 (HTTP)",
				},
			];
		const protocol = of("PROTOCOL");
		if (!protocol && at === "grpc" && unheard)
			return [
				{
					what: `sends to ${shown}, the gRPC port, and sets no protocol; no span arrived by gRPC in ten minutes`,
					todo: `is it idle, or does its SDK speak HTTP, as most do? OTEL_EXPORTER_OTLP_PROTOCOL=grpc, or ${other}`,
				},
			];
		const speaks = protocol?.startsWith("http/") ? "http" : protocol === "grpc" ? "grpc" : undefined;
		if (!speaks || speaks === at) return [];
		const wrong = speaks === "http" ? "HTTP" : "gRPC";
		return [
			{
				what: `speaks ${wrong} to ${shown}, the ${at === "grpc" ? "gRPC" : "HTTP"} port: nothing that it sends arrives`,
				todo: `OTEL_EXPORTER_OTLP_ENDPOINT with ${other}, or OTEL_EXPORTER_OTLP_PROTOCOL=${at === "grpc" ? "grpc" : "http/protobuf"}; ./tracestack smoke proves that both ports take spans`,
			},
		];
	});
	return [...new Map(found.map((mistake) => [mistake.what, mistake])).values()];
}

/** An address as OTLP's variables have it; gRPC's may come without a scheme. */
function addressOf(endpoint: string | undefined): URL | undefined {
	if (!endpoint) return undefined;
	const url = /^[a-z]+:\/\//i.test(endpoint) ? endpoint : `http://${endpoint}`;
	return URL.canParse(url) ? new URL(url) : undefined;
}

/** Which of the stack's ports an address is, and the address of the other port as the sender reaches it. */
function doorOf({ hostname, port }: URL, doors: Doors, inside: boolean): [at: keyof Doors, other: string] | undefined {
	const [grpc, http] = [new URL(`http://${doors.grpc}`), new URL(`http://${doors.http}`)];
	const here = isLoopback(hostname) || hostname === "host.docker.internal" || hostname === grpc.hostname;
	if (here && port === grpc.port) return ["grpc", `${hostname}:${http.port}`];
	if (here && port === http.port) return ["http", `${hostname}:${grpc.port}`];
	if (!inside || !(hostname === "collector" || hostname.endsWith("-collector"))) return undefined;
	if (port === "4317") return ["grpc", `${hostname}:4318`];
	if (port === "4318") return ["http", `${hostname}:4317`];
	return undefined;
}

function isLoopback(hostname: string): boolean {
	return hostname === "localhost" || hostname === "[::1]" || /^(127\.|0\.0\.0\.0$)/.test(hostname);
}

/** The name of the network of a stack on Docker. */
function networkOf({ state }: Context): string {
	return `${state.deployment.resources?.find(({ type }) => type === types.network)?.inputs?.name}`;
}

/** Running containers; the environment of those that belong to a stack is left out. */
async function containersAround(network: string): Promise<(Sender & { id: string })[]> {
	const { stdout: ids } = await execa("docker", ["ps", "--quiet", "--no-trunc"]);
	if (!ids) return [];
	// One that has ended meanwhile is left out.
	const { stdout } = await execa("docker", ["container", "inspect", ...ids.split("\n")], { reject: false });
	type Inspected = {
		Id: string;
		Name: string;
		Config: { Env: string[] | null; Labels: Record<string, string> | null };
		HostConfig: { NetworkMode: string };
		NetworkSettings: { Networks: Record<string, unknown> | null };
	};
	return (JSON.parse(stdout || "[]") as Inspected[]).map(({ Id: id, Name, Config, HostConfig, NetworkSettings }) => ({
		id,
		name: `the container ${Name.slice(1)}`,
		env: Config.Labels?.[stackLabel] ? {} : otlp(Config.Env ?? []),
		contained: !/^(host$|container:)/.test(HostConfig.NetworkMode),
		inside: Object.keys(NetworkSettings.Networks ?? {}).includes(network),
	}));
}

/**
 * Processes of this machine that have such variables: without shells, which only pass them on, without this command, its
 * parents and children, and without processes in another network namespace, whose localhost is another one.
 */
async function processes(containers: ReadonlySet<string>): Promise<Sender[]> {
	const ids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
	const read = (id: string, file: string) => readFile(`/proc/${id}/${file}`, "utf8").catch(() => "");
	const network = (id: string) => readlink(`/proc/${id}/ns/net`).catch(() => "");
	const here = await network("self");
	const found = ids.map(async (id): Promise<(Sender & { id: string }) | undefined> => {
		const env = otlp((await read(id, "environ")).split("\0"));
		if (Object.keys(env).length === 0 || (await network(id)) !== here) return undefined;
		const [cmdline, cgroup] = await Promise.all([read(id, "cmdline"), read(id, "cgroup")]);
		const within = [...cgroup.matchAll(/[0-9a-f]{64}/g)].some(([one]) => containers.has(one));
		const command = commandOf(cmdline);
		if (within || shells.test(command)) return undefined;
		return { id, name: `${command} (process ${id})`, env, contained: false, inside: false };
	});
	const senders = (await Promise.all(found)).filter((sender) => sender !== undefined);
	const parents = async (id: string): Promise<string[]> => {
		const [, parent = "0"] = /^PPid:\s*(\d+)/m.exec(await read(id, "status")) ?? [];
		return parent === "0" ? [] : [parent, ...(await parents(parent))];
	};
	const own = `${process.pid}`;
	const callers = new Set([own, ...(senders.length > 0 ? await parents(own) : [])]);
	const others: Sender[] = [];
	for (const { id, ...sender } of senders)
		if (!callers.has(id) && !(await parents(id)).includes(own)) others.push(sender);
	return others;
}

/**
 * The name of a process's program, without arguments, which may be secret. Programs that set their own title have all
 * in one string.
 */
export function commandOf(cmdline: string): string {
	return basename(cmdline.split(/[\0\s]/)[0] ?? "");
}

const shells = /^-?(sh|bash|dash|zsh|fish|tmux.*|screen|su|sudo|login|sshd.*|systemd.*)$/;

/** The variables of an environment that say where OTLP is sent; the rest may be secret. */
export function otlp(lines: string[]): Record<string, string> {
	const known = /^(OTEL_EXPORTER_OTLP_(?:(?:TRACES|METRICS|LOGS)_)?(?:ENDPOINT|PROTOCOL))=(.*)$/;
	return Object.fromEntries(lines.flatMap((line) => [known.exec(line)?.slice(1) ?? []]).filter(([name]) => name));
}

function listed(names: string[]): string {
	const [first = "", ...others] = names;
	return others.length === 0 ? first : `${first}, and ${others.length} more like it,`;
}
