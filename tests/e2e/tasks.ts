// Task definitions on local Docker, as Fargate would run them: the same images, commands, users, limits, mounts and order.
// What AWS has beside them stands in: names for Cloud Map, volumes for EFS and task storage, keys for roles, an S3 server for
// S3, PostgreSQL for RDS.

import { Readable } from "node:stream";
import { execa } from "execa";
import { pack } from "tar-stream";
import { ofType, one, type Recorded } from "../unit/mocks.ts";

interface Container {
	name: string;
	image: string;
	entryPoint?: string[];
	command?: string[];
	dependsOn?: { containerName: string; condition: string }[];
	environment: { name: string; value: string }[];
	essential: boolean;
	healthCheck?: { command: string[] };
	linuxParameters: { capabilities: { drop: string[] } };
	mountPoints: { containerPath: string; sourceVolume: string; readOnly: boolean }[];
	secrets?: { name: string; valueFrom: string }[];
	stopTimeout?: number;
	user: string;
}

interface Definition {
	memory: string;
	containerDefinitions: string;
	volumes: { name: string; efsVolumeConfiguration?: { authorizationConfig: { accessPointId: string } } }[];
}

/** A file with the owner and mode that a service insists on. */
export interface OwnedFile {
	text: string;
	uid?: number;
	mode?: number;
}

export interface FargateArgs {
	/** Of everything that is made, and of its label. */
	name: string;
	resources: Recorded[];
	/** Images by their name in the catalogue: the engine's own work needs one. */
	image: (service: string) => string;
	/** What every container of a task has in its environment beside its definition. */
	env: (task: string) => Record<string, string>;
	/** Hosts outside the network, as `name:address`. */
	hosts: string[];
}

/** One network with tasks on it. */
export class Fargate {
	readonly #args: FargateArgs;

	constructor(args: FargateArgs) {
		this.#args = args;
	}

	/** Begins anew, with a certificate that every container finds in `/stand-in`. */
	async create({ certificate, key }: { certificate: string; key: string }): Promise<void> {
		await this.remove();
		await docker("network", "create", ...this.#label(), this.#args.name);
		await this.volume("stand-in", {
			"ca.pem": { text: certificate },
			"cert.pem": { text: certificate },
			// PostgreSQL wants it to be its own.
			"key.pem": { text: key, uid: 999, mode: 0o600 },
		});
	}

	image(service: string): string {
		return this.#args.image(service);
	}

	/** Takes everything away, also what an earlier, killed run has left. */
	async remove(): Promise<void> {
		const filter = ["--filter", `label=${this.#label()[1]}`];
		for (const [list, remove] of [
			[
				["ps", "--all"],
				["rm", "--force"],
			],
			[
				["network", "ls"],
				["network", "rm"],
			],
			[
				["volume", "ls"],
				["volume", "rm", "--force"],
			],
		] as const) {
			const found = (await docker(...list, "--quiet", ...filter)).split("\n").filter(Boolean);
			if (found.length > 0) await docker(...remove, ...found);
		}
	}

	/** Makes a volume where it is not there, and puts files onto it. Returns its name. */
	async volume(name: string, files: Record<string, OwnedFile> = {}, owner?: string): Promise<string> {
		const volume = `${this.#args.name}-${name}`;
		await docker("volume", "create", ...this.#label(), volume);
		if (Object.keys(files).length === 0 && !owner) return volume;
		const tar = pack();
		for (const [path, { text, uid = 0, mode = 0o644 }] of Object.entries(files))
			tar.entry({ name: path, uid, gid: uid, mode }, text);
		tar.finalize();
		const script = `tar -x -C /v -f - && chown ${owner ?? "0:0"} /v`;
		const run = ["run", "--rm", "--interactive", "--network", "none", "--volume", `${volume}:/v`];
		await execa("docker", [...run, this.image("busybox"), "sh", "-c", script], { input: Readable.from(tar) });
		return volume;
	}

	/** Runs what stands in for a service of AWS, under the names that it has there. */
	async service(name: string, aliases: string[], options: string[], image: string, command: string[]): Promise<void> {
		const names = aliases.flatMap((alias) => ["--network-alias", alias]);
		await docker("run", "--detach", ...this.#options(name), ...names, ...options, image, ...command);
	}

	/** Runs a container to its end. Returns what it printed. */
	async once(name: string, options: string[], image: string, command: string[]): Promise<string> {
		return docker("run", "--rm", ...this.#options(name), ...options, image, ...command);
	}

	/** Starts a task: containers that others wait for first, then all others. */
	async start(task: string, published: Record<number, number> = {}): Promise<void> {
		const definition = this.#definition(task);
		for (const { name, efsVolumeConfiguration } of definition.volumes) {
			const point = efsVolumeConfiguration?.authorizationConfig.accessPointId.replace(/-id$/, "");
			const owner = point ? this.#ownerOf(point) : undefined;
			await this.volume(`${task}-${name}`, {}, owner);
		}
		const containers: Container[] = JSON.parse(definition.containerDefinitions);
		const isAwaited = ({ name }: Container) =>
			containers.some(({ dependsOn = [] }) => dependsOn.some(({ containerName }) => containerName === name));
		for (const container of containers.filter(isAwaited)) {
			const { options, command } = this.#run(task, container, definition);
			await docker("run", "--name", this.container(container.name), ...options, container.image, ...command);
		}
		for (const container of containers.filter((one) => !isAwaited(one))) {
			const { options, command } = this.#run(task, container, definition);
			const alias = container.essential ? ["--network-alias", this.#nameOf(task)] : [];
			const ports = container.essential
				? Object.entries(published).flatMap(([inner, outer]) => ["--publish", `127.0.0.1:${outer}:${inner}`])
				: [];
			const name = ["--name", this.container(container.name)];
			await docker("run", "--detach", ...name, ...alias, ...ports, ...options, container.image, ...command);
		}
	}

	/** Ends a task and what goes with it: its containers and its own storage, not what lies on EFS. */
	async end(task: string, how: "stop" | "kill"): Promise<void> {
		const definition = this.#definition(task);
		const names = (JSON.parse(definition.containerDefinitions) as Container[]).map(({ name }) => this.container(name));
		if (how === "stop") await docker("stop", this.container(task));
		await docker("rm", "--force", ...names);
		const own = definition.volumes.filter(({ efsVolumeConfiguration }) => !efsVolumeConfiguration);
		await docker("volume", "rm", ...own.map(({ name }) => `${this.#args.name}-${task}-${name}`));
	}

	/** Asks a task as ECS does whether it works. False where its definition does not say how: a balancer asks then. */
	async ask(task: string): Promise<boolean> {
		const containers: Container[] = JSON.parse(this.#definition(task).containerDefinitions);
		const [how, ...command] = containers.find(({ name }) => name === task)?.healthCheck?.command ?? [];
		if (how !== "CMD") return false;
		await docker("exec", this.container(task), ...command);
		return true;
	}

	/** Docker's name for a container. */
	container(name: string): string {
		return `${this.#args.name}-${name}`;
	}

	/** What a container has printed. */
	async logs(name: string): Promise<string> {
		const { all = "" } = await execa("docker", ["logs", this.container(name)], { all: true, reject: false });
		return all;
	}

	#run(task: string, container: Container, { memory }: Definition): { options: string[]; command: string[] } {
		const { entryPoint = [], command = [], environment, secrets = [], stopTimeout, user } = container;
		const env = {
			...this.#args.env(task),
			...Object.fromEntries(environment.map(({ name, value }) => [name, value])),
			...Object.fromEntries(secrets.map(({ name, valueFrom }) => [name, this.#secret(valueFrom)])),
		};
		const mounts = container.mountPoints.map(
			({ containerPath, sourceVolume, readOnly }) =>
				// Without it Docker hands a directory to its user, as Fargate does not.
				`type=volume,src=${this.#args.name}-${task}-${sourceVolume},dst=${containerPath},volume-nocopy${readOnly ? ",readonly" : ""}`,
		);
		const [entry, ...more] = entryPoint;
		const options = [
			...this.#label(),
			...["--network", this.#args.name, "--user", user, "--memory", `${memory}m`, "--memory-swap", `${memory}m`],
			...container.linuxParameters.capabilities.drop.flatMap((capability) => ["--cap-drop", capability]),
			...[...mounts, this.#standIn()].flatMap((mount) => ["--mount", mount]),
			...this.#args.hosts.flatMap((host) => ["--add-host", host]),
			...Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
			...(stopTimeout === undefined ? [] : ["--stop-timeout", `${stopTimeout}`]),
			...(entry === undefined ? [] : ["--entrypoint", entry]),
		];
		return { options, command: [...more, ...command] };
	}

	#definition(task: string): Definition {
		const { inputs } = one(this.#args.resources, "aws:ecs/taskDefinition:TaskDefinition", task);
		return inputs as unknown as Definition;
	}

	/** The value that a task definition refers to by the ARN of its version. */
	#secret(valueFrom: string): string {
		const name = /secret\/([^:]+):::/.exec(valueFrom)?.[1] ?? "";
		return one(this.#args.resources, "aws:secretsmanager/secretVersion:SecretVersion", name).inputs
			.secretString as string;
	}

	#ownerOf(accessPoint: string): string {
		const { posixUser } = one(this.#args.resources, "aws:efs/accessPoint:AccessPoint", accessPoint).inputs;
		const { uid, gid } = posixUser as { uid: number; gid: number };
		return `${uid}:${gid}`;
	}

	/** The name that Cloud Map has for a task. */
	#nameOf(task: string): string {
		const type = "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace";
		return `${task}.${ofType(this.#args.resources, type)[0]?.inputs.name}`;
	}

	#options(name: string): string[] {
		return [...this.#label(), "--name", this.container(name), "--network", this.#args.name, "--mount", this.#standIn()];
	}

	#standIn(): string {
		return `type=volume,src=${this.#args.name}-stand-in,dst=/stand-in,readonly`;
	}

	#label(): string[] {
		return ["--label", `tracestack.stack=tracestack/${this.#args.name}`];
	}
}

async function docker(...args: string[]): Promise<string> {
	return (await execa("docker", args)).stdout;
}
