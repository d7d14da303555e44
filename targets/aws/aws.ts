import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Offers, Secret, Volume, Workload } from "../../components/workload.ts";
import type { Settings } from "../../settings.ts";
import type { Running, Target } from "../target.ts";
import { fargateSize, onEfs, taskStorageGiB } from "./fargate.ts";
import { assumedByTasks, efsClient, executionPolicy, policyOf } from "./iam.ts";
import { problemsOf } from "./preflight.ts";
import { Shared, tagsOf, zoneOf } from "./shared.ts";
import { State } from "./state.ts";
import { containerDefinitions, fileVolumes } from "./task-definition.ts";

/** What a service writes to its own output; the logs of applications are Loki's. */
const logRetentionDays = 30;

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

	preflight(workloads: Workload[]): Promise<string[]> {
		return Promise.resolve(workloads.flatMap((w) => problemsOf(w, this.#initImage())));
	}

	run(w: Workload, parent: pulumi.ComponentResource): Running {
		// Switched off, its directories stay, and with them what was stored before.
		if (w.scale.max === 0) {
			for (const volume of w.volumes.filter(onEfs)) this.#mount(w, volume, parent);
			return { keeper: parent, outside: {} };
		}
		const tags = tagsOf(this.#settings, w.name);
		const logGroup = new aws.cloudwatch.LogGroup(
			w.name,
			{ name: `/${this.#settings.project}/${this.#settings.stack}/${w.name}`, retentionInDays: logRetentionDays, tags },
			{ parent },
		);
		const needs = this.#state.needs(w);
		const files = this.#state.files(w, parent);
		const secrets = w.secrets.map((secret) => this.#secret(w, secret, parent));
		const mounted = w.volumes.filter(onEfs).map((volume) => this.#mount(w, volume, parent));
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
		const definition = new aws.ecs.TaskDefinition(
			w.name,
			{
				family: `${this.#settings.namePrefix}-${w.name}`,
				requiresCompatibilities: ["FARGATE"],
				networkMode: "awsvpc",
				runtimePlatform: { cpuArchitecture: "X86_64", operatingSystemFamily: "LINUX" },
				cpu: `${size.cpu}`,
				memory: `${size.memoryMiB}`,
				...(storage && { ephemeralStorage: { sizeInGib: storage } }),
				executionRoleArn: execution.role.arn,
				taskRoleArn: task.role.arn,
				volumes: this.#volumes(w, mounted),
				containerDefinitions: pulumi
					.all([
						this.#shared.region,
						logGroup.name,
						pulumi.all(secrets.map(({ versionArn }) => versionArn)),
						files.sources,
					])
					.apply(([region, group, secretArns, sources]) =>
						containerDefinitions(w, this.#initImage(), { region, logGroup: group, secretArns, sources }),
					),
				tags,
			},
			{ parent },
		);

		const service = this.#service(w, definition, parent, [
			...execution.policies,
			...task.policies,
			...files.objects,
			...needs,
			...(mounted.length > 0 ? this.#shared.fileSystem.reachable : []),
		]);
		return { keeper: service, outside: this.#outside(w, service) };
	}

	/** ECS tells when its tasks run, not when the service does its job: nothing outside the VPC can ask. */
	#service(
		w: Workload,
		definition: aws.ecs.TaskDefinition,
		parent: pulumi.ComponentResource,
		needs: pulumi.Resource[],
	) {
		const { subnetIds, securityGroup, rules } = this.#shared.network;
		const tags = tagsOf(this.#settings, w.name);
		const discovery = new aws.servicediscovery.Service(
			w.name,
			{
				name: w.name,
				dnsConfig: {
					namespaceId: this.#shared.namespace.id,
					dnsRecords: [{ type: "A", ttl: 10 }],
					routingPolicy: "MULTIVALUE",
				},
				// ECS reports a task's health through it. Deprecated, but an empty block is dropped (pulumi/pulumi-aws#6289).
				healthCheckCustomConfig: { failureThreshold: 1 },
				forceDestroy: true, // else a task that is still listed stops a destroy
				tags,
			},
			{ parent, deleteBeforeReplace: true },
		);
		const stopFirst = w.scale.deploy === "stop-first";
		return new aws.ecs.Service(
			w.name,
			{
				name: w.name,
				cluster: this.#shared.cluster.arn,
				taskDefinition: definition.arn,
				launchType: "FARGATE",
				desiredCount: w.scale.min,
				deploymentMinimumHealthyPercent: stopFirst ? 0 : 100,
				deploymentMaximumPercent: stopFirst ? 100 : 200,
				deploymentCircuitBreaker: { enable: true, rollback: true },
				// It starts a second task before it stops the first.
				availabilityZoneRebalancing: stopFirst ? "DISABLED" : "ENABLED",
				networkConfiguration: {
					subnets: subnetIds,
					securityGroups: [securityGroup.id],
					// The default VPC has no NAT: without an address of its own a task can't fetch its image.
					assignPublicIp: true,
				},
				serviceRegistries: { registryArn: discovery.arn },
				enableEcsManagedTags: true,
				propagateTags: "SERVICE",
				// Pulumi deletes the previous task definition afterwards, which a rollback still needs.
				waitForSteadyState: true,
				tags,
			},
			{
				parent,
				dependsOn: [...rules, ...needs],
				// Its name is taken until it is gone.
				deleteBeforeReplace: true,
				// Autoscaling sets it.
				ignoreChanges: w.scale.max > w.scale.min ? ["desiredCount"] : [],
			},
		);
	}

	/** Addresses within the VPC, for now: load balancers are to come, and for `outside` ports only. */
	#outside(w: Workload, service: aws.ecs.Service): Running["outside"] {
		return Object.fromEntries(
			w.ports
				.filter(({ reach }) => reach !== "stack")
				.map(({ name, number }) => {
					const address = this.address(w.name, number);
					return [name, pulumi.runtime.isDryRun() ? pulumi.output(address) : service.id.apply(() => address)];
				}),
		);
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
