import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Volume, Workload } from "../../components/workload.ts";
import { inside, outside } from "../../settings/access.ts";
import type { Settings } from "../../settings.ts";
import type { Running, Target } from "../target.ts";
import { imageLabel, labelsOf } from "./labels.ts";
import { preflight } from "./preflight.ts";
import { waitUntilReady } from "./ready.ts";

/** The catalogue's image that gives a volume to its owner. */
const ownerImage = "busybox";

/** A port of a workload on this machine. */
interface Published {
	/** Its name under the `ports` setting. */
	setting: string;
	internal: number;
	external: number;
	/** What it binds to. */
	ip: string;
	/** Where it is reached, as `host:port`. */
	address: string;
	tls: boolean;
}

/**
 * A stack on one Docker engine: a network, and for each workload its volumes and a container. Ports that reach outside are
 * published on `bindAddress`, the others on loopback whatever it is.
 */
export class DockerTarget implements Target {
	readonly #settings: Settings;
	readonly #prefix: string;
	#network?: docker.Network;
	#busybox?: docker.RemoteImage;

	constructor(settings: Settings) {
		this.#settings = settings;
		this.#prefix = settings.namePrefix;
	}

	/** A workload's name resolves on the stack's network. */
	address = (workload: string, port: number): string => `${workload}:${port}`;

	readonly offers = {};

	/** There is nothing that is known later. */
	resolve = (text: string): string => text;

	async preflight(workloads: Workload[]): Promise<string[]> {
		const handsOver = ({ scale, volumes }: Workload) => scale.max > 0 && volumes.some((one) => !one.ownedByImage);
		// A catalogue without it would end the deployment half way.
		if (workloads.some(handsOver)) this.#settings.image(ownerImage);
		const wanted = workloads.flatMap((w) =>
			this.#published(w).map(({ setting, external, ip }) => ({ setting, port: external, ip })),
		);
		return preflight(this.#settings, wanted, (line) => void pulumi.log.warn(line));
	}

	run(w: Workload, parent: pulumi.ComponentResource): Running {
		const made = w.volumes.map((volume) => this.#volume(w, volume, parent));
		if (w.scale.max === 0) return { keeper: made[0] ?? parent, outside: {} };
		const image = this.#image(w.name, w.image, { parent });
		const handedOver = w.volumes.flatMap((volume, i) =>
			volume.ownedByImage ? [] : [this.#handOver(w, volume, made[i]!, parent)],
		);
		const ports = this.#published(w);
		const container = new docker.Container(
			w.name,
			{
				name: `${this.#prefix}-${w.name}`,
				image: image.imageId,
				hostname: w.name,
				command: w.command,
				user: `${w.user.uid}:${w.user.gid}`,
				envs: this.#environment(w),
				uploads: this.#uploads(w),
				labels: [{ label: imageLabel, value: w.image }, ...this.#labels(w.name)],
				// The machine itself, by the name that Docker Desktop gives it: for scrapes of what runs beside Docker.
				hosts: [{ host: "host.docker.internal", ip: "host-gateway" }],
				networksAdvanced: [{ name: this.#networkOf().name, aliases: [w.name] }],
				ports: ports.map(({ internal, external, ip }) => ({ internal, external, ip, protocol: "tcp" })),
				volumes: w.volumes.map((volume, i) => ({ containerPath: volume.path, volumeName: made[i]!.name })),
				restart: "unless-stopped",
				memory: w.size.memoryMiB,
				memorySwap: w.size.memoryMiB, // without it, swap doubles the limit
				capabilities: { drops: ["ALL"] },
				securityOpts: ["no-new-privileges"],
				stopTimeout: w.stopGraceSeconds,
				destroyGraceSeconds: w.stopGraceSeconds,
				// Rotated, or a chatty service fills the disk.
				logDriver: "json-file",
				logOpts: { "max-size": "10m", "max-file": "3" },
			},
			{
				parent,
				dependsOn: handedOver,
				// The provider ignores edits of these silently.
				replaceOnChanges: ["healthcheck", "tmpfs", "init"],
				deleteBeforeReplace: true,
			},
		);
		return { keeper: made[0] ?? container, outside: this.#outside(w, container) };
	}

	/** Addresses that resolve once the service answers; in a preview nothing is probed. */
	#outside(w: Workload, container: docker.Container): Running["outside"] {
		const ports = this.#published(w);
		const readyPort = ports.find(({ setting }) => setting === w.ready.port);
		if (w.ready.port && !readyPort) throw new Error(`${w.name}: the readiness port ${w.ready.port} must be published`);
		const ready = pulumi.runtime.isDryRun() ? Promise.resolve() : this.#ready(w, container, readyPort);
		// A promise and not an apply: the output of an apply would tie whatever uses the address to this container.
		return Object.fromEntries(
			ports.map(({ setting, address, tls }) => [setting, { address: pulumi.output(ready.then(() => address)), tls }]),
		);
	}

	/** Settles once the service answers, or with the reason why it does not. */
	#ready(w: Workload, container: docker.Container, at: Published | undefined): Promise<void> {
		return new Promise((resolve, reject) => {
			pulumi.all([container.id, container.volumes]).apply(([containerId, volumes]) =>
				waitUntilReady({
					service: w.name,
					volumes: volumes?.flatMap(({ volumeName }) => volumeName ?? []) ?? [],
					probe: at ? `${at.tls ? "https" : "http"}://${at.address}${w.ready.path}` : (w.ready.ask ?? []),
					timeoutSeconds: w.ready.timeoutSeconds,
					containerId,
					progress: (line) => void pulumi.log.info(line, container, undefined, true),
				}).then(resolve, reject),
			);
		});
	}

	/** Published ports, sorted as the engine reports them. */
	#published(w: Workload): Published[] {
		const numbers: Record<string, number | undefined> = this.#settings.ports;
		if (w.scale.max === 0) return [];
		return w.ports
			.filter((port) => port.reach !== "stack")
			.map(({ name, number, reach, tls = false }) => {
				const external = numbers[name];
				if (external === undefined) throw new Error(`${w.name}: there is no setting ports.${name}`);
				const { ip, host } = reach === "outside" ? outside(this.#settings) : inside(this.#settings);
				return { setting: name, internal: number, external, ip, address: `${host}:${external}`, tls };
			})
			.sort((a, b) => a.internal - b.internal);
	}

	#environment(w: Workload): pulumi.Input<string>[] {
		const plain = Object.entries(w.env).map(([name, value]) => `${name}=${value}`);
		const secret = w.secrets.flatMap(({ as, value }) =>
			"env" in as ? [pulumi.secret(pulumi.interpolate`${as.env}=${value}`)] : [],
		);
		return [...plain.sort(), ...secret];
	}

	#uploads(w: Workload): docker.types.input.ContainerUpload[] {
		const plain = Object.entries(w.files).map(([file, { text }]) => ({ file, content: text }));
		const secret = w.secrets.flatMap(({ as, value }) =>
			"file" in as ? [{ file: as.file, content: pulumi.secret(value) }] : [],
		);
		return [...plain, ...secret];
	}

	#volume(w: Workload, volume: Volume, parent: pulumi.ComponentResource): docker.Volume {
		const name = `${w.name}-${volume.name}`;
		return new docker.Volume(
			name,
			{ name: `${this.#prefix}-${name}`, labels: this.#labels(w.name) },
			// Another prefix must not mean another, empty volume.
			{ parent, ignoreChanges: ["name"], protect: this.#settings.production },
		);
	}

	/** A named volume belongs to root unless the image has that directory: a short-lived root container changes that. */
	#handOver(
		w: Workload,
		{ name, owner, folders = [] }: Volume,
		volume: docker.Volume,
		parent: pulumi.ComponentResource,
	) {
		this.#busybox ??= this.#image(ownerImage, this.#settings.image(ownerImage).image, {});
		const chown = ["chown", "-R", `${owner.uid}:${owner.gid}`, "/volume"];
		const mkdir = `mkdir -p ${folders.map((folder) => `/volume/${folder}`).join(" ")}`;
		return new docker.Container(
			`${w.name}-${name}-owner`,
			{
				name: `${this.#prefix}-${w.name}-${name}-owner`,
				image: this.#busybox.imageId,
				command: folders.length > 0 ? ["sh", "-c", `${mkdir} && ${chown.join(" ")}`] : chown,
				user: "0:0",
				networkMode: "none",
				volumes: [{ containerPath: "/volume", volumeName: volume.name }],
				labels: this.#labels(w.name),
				capabilities: { adds: ["CAP_CHOWN"], drops: ["ALL"] },
				securityOpts: ["no-new-privileges"],
				restart: "no",
				mustRun: false,
				attach: true, // the container is created once the command has ended
			},
			{ parent, deleteBeforeReplace: true },
		);
	}

	#image(name: string, reference: string, options: pulumi.CustomResourceOptions): docker.RemoteImage {
		// Kept when a stack goes: another stack may run the same image.
		return new docker.RemoteImage(name, { name: reference, keepLocally: true }, options);
	}

	#networkOf(): docker.Network {
		this.#network ??= new docker.Network("network", { name: this.#prefix, driver: "bridge", labels: this.#labels() });
		return this.#network;
	}

	#labels(service?: string) {
		return Object.entries(labelsOf(this.#settings, service)).map(([label, value]) => ({ label, value }));
	}
}
