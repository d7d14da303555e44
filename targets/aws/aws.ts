import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Offers, Secret, Volume, Workload } from "../../components/workload.ts";
import type { Settings } from "../../settings.ts";
import type { Running, Target } from "../target.ts";
import { askedOfAws } from "./asked.ts";
import { type Entered, problemsOfEntrances } from "./entrances.ts";
import { fargateSize, onEfs, processors, taskStorageGiB } from "./fargate.ts";
import { assumedByTasks, efsClient, executionPolicy, policyOf } from "./iam.ts";
import { awsOf, tagsOf, zoneOf } from "./names.ts";
import { problemsOf, problemsOfNames } from "./preflight.ts";
import { waitUntilReached } from "./ready.ts";
import { fargateService } from "./service.ts";
import { Shared, volumes } from "./shared.ts";
import { State } from "./state.ts";
import { containerDefinitions, fileVolumes } from "./task-definition.ts";

/** What a service writes to its own output; the logs of applications are Loki's. */
const logRetentionDays = 30;

/** Time for a new name to be known, and for a balancer to find its targets. */
const reachSeconds = 600;

/** A volume on EFS. */
interface Mounted {
	volume: Volume;
	accessPoint: aws.efs.AccessPoint;
}

/**
 * A stack on ECS: for each workload a Fargate service with a name in the stack's private DNS zone. Volumes that are kept
 * lie on EFS where their service bears it; all else is gone with the task.
 */
export class AwsTarget implements Target {
	readonly offers: Offers;
	readonly resolve: Target["resolve"];
	readonly #settings: Settings;
	readonly #shared: Shared;
	readonly #state: State;

	constructor(settings: Settings) {
		this.#settings = settings;
		this.#shared = new Shared(settings);
		this.#state = new State(settings, this.#shared);
		this.offers = this.#state.offers;
		this.resolve = this.#state.resolve;
	}

	/** A workload's name resolves in the stack's private DNS zone. */
	address = (workload: string, port: number): string => `${workload}.${zoneOf(this.#settings)}:${port}`;

	get providers(): pulumi.ProviderResource[] {
		return [this.#shared.provider];
	}

	async preflight(workloads: Workload[]): Promise<string[]> {
		const running = workloads.filter(({ scale }) => scale.max > 0);
		const { problems, notes } = await askedOfAws(this.#settings);
		for (const note of notes) void pulumi.log.warn(note);
		return [
			...problemsOfNames(this.#settings),
			...running.flatMap((w) => problemsOf(w, this.#initImage())),
			...problemsOfEntrances(running),
			...problems,
		];
	}

	run(w: Workload, parent: pulumi.ComponentResource): Running {
		const tags = tagsOf(this.#settings, w.name);
		const mounted = w.volumes.filter(onEfs).map((volume) => this.#mount(w, volume, parent));
		if (w.scale.max === 0) return { keeper: mounted[0]?.accessPoint ?? parent, outside: {} };
		const logGroup = new aws.cloudwatch.LogGroup(
			w.name,
			{ name: `/${this.#settings.project}/${this.#settings.stack}/${w.name}`, retentionInDays: logRetentionDays, tags },
			{ parent },
		);
		const needs = this.#state.needs(w);
		const files = this.#state.files(w, parent);
		const secrets = w.secrets.map((secret) => this.#secret(w, secret, parent));
		const execution = this.#role(w, "execution", parent, {
			policy: pulumi
				.all([logGroup.arn, pulumi.all(secrets.map(({ arn }) => arn))])
				.apply(([log, arns]) =>
					JSON.stringify(executionPolicy(log, arns, [w.image, this.#initImage()], this.#settings.managed.kmsKey)),
				),
		});
		const task = this.#role(w, "task", parent, {
			policy: this.#taskPolicy(w, mounted),
		});

		const size = fargateSize(w.size);
		if (!size) throw new Error(`${w.name}: no Fargate size holds it`);
		const storage = taskStorageGiB(w);
		const { architecture, region } = awsOf(this.#settings);
		const definition = new aws.ecs.TaskDefinition(
			w.name,
			{
				family: `${this.#settings.namePrefix}-${w.name}`,
				requiresCompatibilities: ["FARGATE"],
				networkMode: "awsvpc",
				runtimePlatform: {
					cpuArchitecture: processors[architecture],
					operatingSystemFamily: "LINUX",
				},
				cpu: `${size.cpu}`,
				memory: `${size.memoryMiB}`,
				...(storage && { ephemeralStorage: { sizeInGib: storage } }),
				executionRoleArn: execution.role.arn,
				taskRoleArn: task.role.arn,
				volumes: this.#volumes(w, mounted),
				containerDefinitions: pulumi
					.all([logGroup.name, pulumi.all(secrets.map(({ versionArn }) => versionArn)), files.sources])
					.apply(([logGroup, secretArns, sources]) =>
						containerDefinitions(w, this.#initImage(), { region, logGroup, secretArns, sources }),
					),
				tags,
			},
			{ parent },
		);

		const { network } = this.#shared;
		const entered = w.ports.flatMap((port) =>
			port.audience ? [this.#shared.entrance(port.audience).open(w, port)] : [],
		);
		const service = fargateService(this.#settings, this.#shared, w, {
			definition,
			entered,
			needs: [
				...network.vpc.wayOut,
				...network.letCall(w.name, w.calls ?? []),
				...(mounted.length > 0
					? [...network.allow(w.name, volumes.group, volumes.port), ...this.#shared.fileSystem.reachable]
					: []),
				...entered.flatMap(({ needs }) => needs),
				...execution.policies,
				...task.policies,
				...files.objects,
				...needs,
			],
			parent,
		});
		return { keeper: service, outside: this.#outside(w, service, entered) };
	}

	/**
	 * Ports that have an entrance: nothing outside the VPC reaches the others. ECS tells when tasks are healthy; whether the
	 * workload is reached by its own name is asked where its readiness can be asked from outside, because what others
	 * make in it goes that way.
	 */
	#outside(w: Workload, service: aws.ecs.Service, entered: Entered[]): Running["outside"] {
		return Object.fromEntries(
			entered.map(({ port, address, balancer }) => {
				const reached = pulumi.runtime.isDryRun()
					? Promise.resolve()
					: this.#reached(w, service, port.name === w.ready.port ? { address, balancer } : undefined);
				// A promise and not an apply: the output of an apply would tie whatever uses the address to this service.
				return [port.name, { address: pulumi.output(reached.then(() => address)), tls: true }];
			}),
		);
	}

	/** Settles once a service runs and, where it can be asked, answers; or with the reason why it does not. */
	#reached(
		w: Workload,
		service: aws.ecs.Service,
		asked?: { address: string; balancer: pulumi.Output<string> },
	): Promise<void> {
		return new Promise((resolve, reject) => {
			pulumi.all([service.id, asked?.balancer]).apply(([, balancer = ""]) => {
				if (!asked) return resolve();
				const progress = (line: string) => void pulumi.log.info(line, service, undefined, true);
				const url = `https://${asked.address}${w.ready.path}`;
				waitUntilReached({ service: w.name, url, balancer, timeoutSeconds: reachSeconds, progress }).then(
					resolve,
					reject,
				);
			});
		});
	}

	/** What the workload itself may do; undefined where that is nothing. */
	#taskPolicy(w: Workload, mounted: Mounted[]): pulumi.Output<string> | undefined {
		if (mounted.length === 0 && Object.keys(w.files).length === 0 && !w.grants?.length) return undefined;
		const ofFileSystem =
			mounted.length > 0
				? pulumi
						.all([this.#shared.fileSystem.resource.arn, pulumi.all(mounted.map(({ accessPoint }) => accessPoint.arn))])
						.apply(([fileSystem, points]) => efsClient(fileSystem, points))
				: pulumi.output([]);
		return pulumi
			.all([ofFileSystem, this.#state.statements(w)])
			.apply(([efs, others]) => JSON.stringify(policyOf([...efs, ...others])));
	}

	/** A role that tasks take on. */
	#role(
		w: Workload,
		purpose: "execution" | "task",
		parent: pulumi.ComponentResource,
		{ policy }: { policy?: pulumi.Output<string> | undefined },
	) {
		const name = `${w.name}-${purpose}`;
		const role = new aws.iam.Role(
			name,
			{ assumeRolePolicy: JSON.stringify(assumedByTasks), tags: tagsOf(this.#settings, w.name) },
			{ parent },
		);
		const policies = policy ? [new aws.iam.RolePolicy(name, { role: role.id, policy }, { parent })] : [];
		return { role, policies };
	}

	#secret(w: Workload, { as, value }: Secret, parent: pulumi.ComponentResource) {
		const name = `${w.name}${("env" in as ? `/${as.env}` : as.file).replaceAll(/[^A-Za-z0-9]+/g, "-").toLowerCase()}`;
		const secret = new aws.secretsmanager.Secret(
			name,
			{
				...(this.#settings.managed.kmsKey && { kmsKeyId: this.#settings.managed.kmsKey }),
				tags: tagsOf(this.#settings, w.name),
			},
			{ parent },
		);
		const version = new aws.secretsmanager.SecretVersion(
			name,
			{ secretId: secret.id, secretString: pulumi.secret(value) },
			{ parent },
		);
		// With its version, so that a new value is a new task definition and reaches the task.
		return { arn: secret.arn, versionArn: pulumi.interpolate`${secret.arn}:::${version.versionId}` };
	}

	/** A directory of the stack's file system that appears to belong to the volume's owner, whoever asks. */
	#mount(w: Workload, volume: Volume, parent: pulumi.ComponentResource): Mounted {
		const { uid, gid } = volume.owner;
		const accessPoint = new aws.efs.AccessPoint(
			`${w.name}-${volume.name}`,
			{
				fileSystemId: this.#shared.fileSystem.resource.id,
				posixUser: { uid, gid },
				rootDirectory: {
					path: `/${w.name}/${volume.name}`,
					creationInfo: { ownerUid: uid, ownerGid: gid, permissions: "0750" },
				},
				tags: tagsOf(this.#settings, w.name),
			},
			{ parent },
		);
		return { volume, accessPoint };
	}

	/** The task's volumes: directories on EFS, and task storage for everything else. */
	#volumes(w: Workload, mounted: Mounted[]): aws.types.input.ecs.TaskDefinitionVolume[] {
		const efs = mounted.map(({ volume, accessPoint }) => ({
			name: volume.name,
			efsVolumeConfiguration: {
				fileSystemId: this.#shared.fileSystem.resource.id,
				transitEncryption: "ENABLED",
				authorizationConfig: { accessPointId: accessPoint.id, iam: "ENABLED" },
			},
		}));
		const task = [...w.volumes.filter((volume) => !onEfs(volume)).map(({ name }) => name), ...fileVolumes(w)];
		return [...efs, ...task.map((name) => ({ name }))];
	}

	#initImage(): string {
		return this.#settings.image("awscli").image;
	}
}
