import { statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { execa } from "execa";
import { stackLabel, stackLabelValue } from "./labels.ts";

export interface WantedPort {
	/** Name under the `ports` setting. */
	setting: string;
	port: number;
	/** Address that it binds to. */
	ip: string;
}

interface Stack {
	project: string;
	stack: string;
}

/**
 * What would make a deployment on this engine fail half way: no engine, a full disk, an address that is not this machine's, ports
 * that somebody else holds.
 *
 * @param warn Told what will work, and not as it should.
 */
export async function preflight(
	stack: Stack,
	wanted: WantedPort[],
	warn: (line: string) => void = () => {},
): Promise<string[]> {
	const [containers, disk] = await Promise.all([publishedPorts(), engineDisk()]);
	if (typeof containers === "string") return [containers];
	const foreign = disk ? await foreignAddresses(wanted) : [];
	if (wanted.some(({ ip }) => !ip.startsWith("127."))) (await leaks()).map(warn);
	const own = stackLabelValue(stack);
	const problems = await Promise.all(
		wanted.map(async ({ setting, port, ip }) => {
			const container = containers.find((c) => c.ports.includes(port));
			if (container?.stack === own) return [];
			if ((await refusal(ip, port)) !== "EADDRINUSE") return [];
			const holder = container ? `container ${container.name}` : await holderOf(port);
			return [
				`Port ${port} on ${ip} is taken by ${holder}. ` +
					`Stop it, or give tracestack:ports another ${setting} in Pulumi.${stack.stack}.yaml.`,
			];
		}),
	);
	const addresses = foreign.map(
		(ip) =>
			`tracestack:bindAddress in Pulumi.${stack.stack}.yaml is ${ip}, which is no address of this machine. ` +
			`It has ${addressesHere().join(", ")}; 0.0.0.0 is all of them.`,
	);
	return [...(disk ? fullDisk(disk) : []), ...addresses, ...problems.flat()];
}

/** Addresses that this machine can't bind to. */
async function foreignAddresses(wanted: WantedPort[]): Promise<string[]> {
	const all = [...new Set(wanted.map(({ ip }) => ip))];
	const refused = await Promise.all(all.map((ip) => refusal(ip, 0)));
	return all.filter((_, i) => refused[i] === "EADDRNOTAVAIL");
}

function addressesHere(): string[] {
	return Object.values(networkInterfaces()).flatMap((all = []) =>
		all.filter(({ family }) => family === "IPv4").map(({ address }) => address),
	);
}

/** Before 28, what is published on loopback could be reached from the same network all the same (moby/moby#45610). */
async function leaks(): Promise<string[]> {
	const { stdout = "" } = await execa("docker", ["version", "--format", "{{.Server.Version}}"], { reject: false });
	if (!(Number.parseInt(stdout, 10) < 28)) return [];
	return [
		`Docker engine ${stdout} lets neighbours in the same network reach ports\n    that are published on loopback. Update it to 28 or newer.`,
	];
}

/** Below this an image can't be unpacked, and servers stop in the middle of a write. */
const leastFreeMiB = 512;

/** Where the engine keeps everything, and how much room there is. */
interface EngineDisk {
	folder: string;
	freeMiB: number;
}

/** The engine's disk; undefined where it is another machine's, or a virtual one's. */
async function engineDisk(): Promise<EngineDisk | undefined> {
	const { stdout: folder } = await execa("docker", ["info", "--format", "{{.DockerRootDir}}"], { reject: false });
	const disk = await statfs(folder || "/nowhere").catch(() => undefined);
	return disk && { folder: folder ?? "", freeMiB: (disk.bavail * disk.bsize) / 2 ** 20 };
}

/** Says that the engine's disk is full. */
function fullDisk({ folder, freeMiB }: EngineDisk): string[] {
	if (freeMiB >= leastFreeMiB) return [];
	return [
		`The Docker engine's disk is full: ${freeMiB.toFixed(0)} MiB left in ${folder}, at least ${leastFreeMiB} are needed. ` +
			"docker system df shows what takes the room.",
	];
}

interface PublishedPorts {
	name: string;
	stack: string;
	ports: number[];
}

/** Running containers with the ports that they publish, or a sentence that says why the engine doesn't answer. */
async function publishedPorts(): Promise<PublishedPorts[] | string> {
	const format = `{{.Names}}\t{{.Label "${stackLabel}"}}\t{{.Ports}}`;
	const result = await execa("docker", ["ps", "--format", format], { reject: false });
	if (result.failed) {
		const reason = result.stderr?.trim() || result.message;
		return `The Docker engine does not answer: ${reason}. Start it, or point DOCKER_HOST at one.`;
	}
	return result.stdout
		.split("\n")
		.filter(Boolean)
		.map((line) => {
			const [name = "", stack = "", ports = ""] = line.split("\t");
			return { name, stack, ports: portsOf(ports) };
		});
}

/** `127.0.0.1:4317-4318->4317-4318/tcp, …`: the engine writes neighbours as a range. */
function portsOf(text: string): number[] {
	return [...text.matchAll(/:(\d+)(?:-(\d+))?->/g)].flatMap(([, first, last = first]) =>
		Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i),
	);
}

/** Why nobody can listen there; undefined where this process could. */
function refusal(host: string, port: number): Promise<string | undefined> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
		server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
	});
}

/** The process that listens, where the system tells. */
async function holderOf(port: number): Promise<string> {
	const linux = await execa("ss", ["-Hltnp", `sport = :${port}`], { reject: false });
	const mac = await execa("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fcp"], { reject: false });
	const found =
		/users:\(\("(?<name>[^"]+)",pid=(?<pid>\d+)/.exec(linux.stdout ?? "") ??
		/^p(?<pid>\d+)\nc(?<name>.+)/.exec(mac.stdout ?? "");
	return found?.groups ? `${found.groups.name} (process ${found.groups.pid})` : "another process";
}
