// Containers, held against what was deployed: the provider reads back neither environment nor labels, networks or volumes.

import { imageLabel } from "../../../targets/docker/labels.ts";
import { nameOf, types } from "../../state.ts";
import { type Change, type Context, type Finding, masked } from "../finding.ts";
import { compare } from "./compare.ts";
import {
	type ContainerInputs,
	type Deployed,
	deployed,
	type Engine,
	engine,
	type Image,
	type Inspected,
	standing,
} from "./inspect.ts";
import { remake, up } from "./restore.ts";

/** Containers that are gone, stopped, made again or changed, and those that nobody deployed. */
export async function containers(context: Context): Promise<Finding[]> {
	const there = await engine(context);
	const known = deployed(context);
	return [
		...known.flatMap((container) => held(container, there, context.stack)),
		...strangers(known, there),
		...removed(context, there),
		...retagged(context, known, there),
	];
}

function held(container: Deployed, there: Engine, stack: string): Finding[] {
	const { component, id, inputs } = container;
	const found = standing(container, there);
	const finding = { kind: "drifted", component, subject: "container", stateful: false } as const;
	if (inputs.mustRun === false) {
		if (found) return [];
		// What it had to do is done: it is only a name.
		const subject = `container ${inputs.name}`;
		return [
			{
				...finding,
				subject,
				action: "delete",
				severity: "cosmetic",
				changes: [{ path: "", from: inputs.name }],
				restore: up(stack),
			},
		];
	}
	if (!found)
		return [
			{
				...finding,
				action: "delete",
				severity: "breaks data",
				changes: [{ path: "", from: inputs.name }],
				restore: up(stack),
			},
		];

	const again = found.Id !== id;
	const changes = changed(container, found, there.images.get(found.Image));
	if (again) changes.unshift({ path: "id", from: id.slice(0, 12), to: found.Id.slice(0, 12) });
	const stopped = !["running", "restarting"].includes(found.State.Status);
	if (stopped) changes.unshift({ path: "state", from: "running", to: found.State.Status });
	if (changes.length === 0) return [];
	const since = again ? found.Created : stopped && found.State.Status === "exited" ? found.State.FinishedAt : undefined;
	const onlyStopped = stopped && changes.length === 1;
	return [
		{
			...finding,
			action: again ? "replace" : "update",
			severity: severityOf(changes, stopped),
			stateful: changes.some(({ path }) => path.startsWith("volumes")),
			changes,
			...(since && { since }),
			restore: onlyStopped ? up(stack) : remake(found.Name.slice(1), stack),
		},
	];
}

/** What nobody notices, as long as nobody looks for it. */
const cosmetic = /^(labels|stopTimeout|log|hostname|id$)/;
/** Without them a service loses data, or nobody reaches it. */
const vital = /^(volumes|networks|ports|command|user)/;

function severityOf(changes: Change[], stopped: boolean): Finding["severity"] {
	if (stopped || changes.some(({ path, to }) => vital.test(path) && !(path.startsWith("networks") && to !== undefined)))
		return "breaks data";
	return changes.every(({ path }) => cosmetic.test(path)) ? "cosmetic" : "restarts a service";
}

/** What differs between a container's inputs and what runs. */
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

/** A change of something secret: that it changed, and nothing more. */
export function hidden({ path, from, to }: Change): Change {
	return { path, ...(from !== undefined && { from: masked }), ...(to !== undefined && { to: masked }) };
}

/** Both sides in one form. Maps, where order means nothing. */
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
	memory: string;
	memorySwap: string;
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
		memory: mib((inputs.memory ?? 0) * 2 ** 20),
		memorySwap: mib((inputs.memorySwap ?? 0) * 2 ** 20),
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
		// A volume without a name is the image's own wish.
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

function mib(bytes: number): string {
	return bytes > 0 ? `${Math.round((bytes / 2 ** 20) * 100) / 100} MiB` : "";
}

function capabilities(added?: string[] | null, dropped?: string[] | null): string {
	const plain = (sign: string) => (name: string) => `${sign}${name.replace(/^CAP_/, "")}`;
	return names([...(added ?? []).map(plain("+")), ...(dropped ?? []).map(plain("-"))]);
}

/** Containers that say that they are the stack's, and that nobody deployed. */
function strangers(known: Deployed[], { containers: there }: Engine): Finding[] {
	return there
		.filter(({ Id, Name }) => !known.some(({ id, inputs }) => id === Id || Name === `/${inputs.name}`))
		.map(({ Name, Config, Image, Created }) => ({
			kind: "drifted",
			component: "stack",
			subject: `container ${Name.slice(1)}`,
			action: "create",
			severity: "cosmetic",
			stateful: false,
			changes: [{ path: "image", to: Config.Labels?.[imageLabel] ?? Image }],
			since: Created,
			restore: `docker rm --force ${Name.slice(1)}`,
		}));
}

/** The network and volumes without which containers are nothing. */
function removed({ state, stack }: Context, { networks, volumes }: Engine): Finding[] {
	const ids = new Set([...networks.map(({ id }) => id), ...volumes.map(({ name }) => name)]);
	return (state.deployment.resources ?? [])
		.filter(({ type, id }) => (type === types.network || type === types.volume) && id && !ids.has(id))
		.map((resource) => ({
			kind: "drifted",
			component: "stack",
			subject: resource.type === types.network ? "network" : `volume ${nameOf(resource)}`,
			action: "delete",
			severity: "breaks data",
			stateful: resource.type === types.volume,
			changes: [{ path: "", from: resource.inputs?.name ?? resource.id }],
			restore: up(stack),
		}));
}

/** Tags that name another image than the one that was deployed by that name. */
function retagged({ state }: Context, known: Deployed[], { images }: Engine): Finding[] {
	return (state.deployment.resources ?? [])
		.filter(({ type }) => type === types.image)
		.flatMap(({ inputs, outputs, urn }) => {
			const name = inputs?.name ?? "";
			const was = `${outputs?.imageId ?? ""}`;
			const is = images.get(name)?.Id;
			if (!was || !is || was === is) return [];
			return {
				kind: "drifted" as const,
				component: known.some(({ component }) => component === nameOf({ urn })) ? nameOf({ urn }) : "stack",
				subject: `image ${name}`,
				action: "update" as const,
				severity: "restarts a service" as const,
				stateful: false,
				changes: [{ path: "id", from: was, to: is }],
				restore: `docker tag ${was} ${name}`,
			};
		});
}
