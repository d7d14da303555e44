// Brings a container's deployed inputs and its running state into one form, and compares them.

import { imageLabel } from "../../../targets/docker/labels.ts";
import type { Change } from "../../diff/change.ts";
import { compare } from "../../diff/compare.ts";
import { masked } from "../finding.ts";
import type { ContainerInputs, Deployed, Image, Inspected } from "./inspect.ts";

/** The changes from a container's inputs to what runs. @param image The image that it runs. */
export function changed(
	{ inputs, secret }: Pick<Deployed, "inputs" | "secret">,
	found: Inspected,
	image?: Image,
): Change[] {
	return compare(declared(inputs), actual(inputs, found, image)).map((change) => {
		const [, name = ""] = /^env\."?([^"]*)/.exec(change.path) ?? [];
		return secret.has(name) ? hidden(change) : change;
	});
}

/** A change of a secret, with its values masked. */
function hidden({ path, from, to }: Change): Change {
	return { path, ...(from !== undefined && { from: masked }), ...(to !== undefined && { to: masked }) };
}

/** The common form. Lists whose order does not matter are maps or sorted texts. */
interface View {
	image: string;
	command: string;
	user: string;
	hostname: string;
	env: Record<string, string>;
	labels: Record<string, string>;
	networks: Record<string, string>;
	ports: Record<string, string>;
	volumes: Record<string, string>;
	restart: string;
	/** MiB, as the provider counts. */
	memory: number;
	memorySwap: number;
	cpus: number;
	capabilities: string;
	securityOpts: string;
	privileged: boolean;
	readOnly: boolean;
	pid: string;
	hosts: string;
	stopTimeout: number;
	logDriver: string;
	logOpts: Record<string, string>;
}

function declared(inputs: ContainerInputs): View {
	return {
		image: inputs.image,
		command: (inputs.command ?? []).join(" "),
		user: inputs.user ?? "",
		hostname: inputs.hostname ?? "",
		env: assignments(inputs.envs ?? []),
		labels: Object.fromEntries((inputs.labels ?? []).map(({ label, value }) => [label, value])),
		networks: Object.fromEntries((inputs.networksAdvanced ?? []).map(({ name, aliases }) => [name, names(aliases)])),
		ports: Object.fromEntries(
			(inputs.ports ?? []).map(({ internal, protocol, ip, external }) => [
				`${internal}/${protocol ?? "tcp"}`,
				`${ip}:${external}`,
			]),
		),
		volumes: Object.fromEntries(
			(inputs.volumes ?? []).map(({ containerPath, volumeName }) => [containerPath, volumeName]),
		),
		restart: inputs.restart ?? "no",
		memory: inputs.memory ?? 0,
		memorySwap: inputs.memorySwap ?? 0,
		cpus: 0,
		capabilities: capabilities(inputs.capabilities?.adds, inputs.capabilities?.drops),
		securityOpts: names(inputs.securityOpts),
		privileged: false,
		readOnly: false,
		pid: "",
		hosts: names(inputs.hosts?.map(({ host, ip }) => `${host}:${ip}`)),
		stopTimeout: inputs.stopTimeout ?? 0,
		logDriver: inputs.logDriver ?? "json-file",
		logOpts: inputs.logOpts ?? {},
	};
}

function actual(
	inputs: ContainerInputs,
	{ Config, HostConfig, Image, Mounts, NetworkSettings }: Inspected,
	image?: Image,
): View {
	const own = image?.Config ?? {};
	const inherited = new Set(own.Env ?? []);
	const given = inputs.envs ?? [];
	const aliases = new Map((inputs.networksAdvanced ?? []).map((network) => [network.name, network.aliases ?? []]));
	return {
		image: Image,
		// Without a command the engine shows the image's.
		command: inputs.command?.length || `${Config.Cmd}` !== `${own.Cmd}` ? (Config.Cmd ?? []).join(" ") : "",
		user: Config.User,
		hostname: Config.Hostname,
		env: assignments((Config.Env ?? []).filter((line) => given.includes(line) || !inherited.has(line))),
		labels: Object.fromEntries(
			Object.entries(Config.Labels ?? {}).filter(
				([label, value]) => own.Labels?.[label] !== value || label === imageLabel,
			),
		),
		networks: Object.fromEntries(
			Object.entries(NetworkSettings.Networks).map(([name, { Aliases, DNSNames }]) => {
				// The engine adds names of its own.
				const known = [...(Aliases ?? []), ...(DNSNames ?? [])];
				return [
					name,
					names(aliases.get(name)?.filter((alias) => known.includes(alias))) ||
						(aliases.has(name) ? "no name" : "attached"),
				];
			}),
		),
		ports: Object.fromEntries(
			Object.entries(HostConfig.PortBindings ?? {}).map(([port, bound]) => [
				port,
				names(bound?.map(({ HostIp, HostPort }) => `${HostIp}:${HostPort}`)),
			]),
		),
		// Anonymous volumes come from the image.
		volumes: Object.fromEntries(
			Mounts.filter(
				({ Type, Destination }) =>
					Type !== "volume" ||
					inputs.volumes?.some(({ containerPath }) => containerPath === Destination) ||
					!(Destination in (own.Volumes ?? {})),
			).map(({ Name, Source, Destination }) => [Destination, Name ?? Source]),
		),
		restart: HostConfig.RestartPolicy.Name || "no",
		memory: mib(HostConfig.Memory),
		memorySwap: mib(HostConfig.MemorySwap),
		cpus: HostConfig.NanoCpus / 1e9 || (HostConfig.CpuQuota > 0 ? HostConfig.CpuQuota / 1e5 : 0),
		capabilities: capabilities(HostConfig.CapAdd, HostConfig.CapDrop),
		securityOpts: names(HostConfig.SecurityOpt),
		privileged: HostConfig.Privileged,
		readOnly: HostConfig.ReadonlyRootfs,
		pid: HostConfig.PidMode,
		hosts: names(HostConfig.ExtraHosts),
		stopTimeout: Config.StopTimeout ?? 0,
		logDriver: HostConfig.LogConfig.Type,
		logOpts: HostConfig.LogConfig.Config ?? {},
	};
}

function assignments(lines: string[]): Record<string, string> {
	return Object.fromEntries(lines.map((line) => [line.split("=")[0]!, line.slice(line.indexOf("=") + 1)]));
}

function names(list: readonly string[] | null | undefined): string {
	return [...(list ?? [])].sort().join(", ");
}

function mib(bytes: number): number {
	return Math.round((bytes / 2 ** 20) * 100) / 100;
}

function capabilities(added?: string[] | null, dropped?: string[] | null): string {
	const plain = (sign: string) => (name: string) => `${sign}${name.replace(/^CAP_/, "")}`;
	return names([...(added ?? []).map(plain("+")), ...(dropped ?? []).map(plain("-"))]);
}
