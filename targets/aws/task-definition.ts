// A workload as the container definitions of an ECS task: pure, and byte-stable, because ECS replaces a task definition
// whose text differs from what it reads back.

import { posix } from "node:path";
import type { Workload } from "../../components/workload.ts";
import { order, sortKeys } from "./canonical.ts";
import { onEfs } from "./fargate.ts";
import { type FileSources, liveDirectories } from "./files.ts";
import { healthCheck } from "./health.ts";

/** What is known only once other resources exist. */
export interface Late {
	region: string;
	logGroup: string;
	/** For each of the workload's secrets, in their order, the ARN of its version. */
	secretArns: string[];
	/** Where its files are. */
	sources: FileSources;
}

/** A directory that the init container fills before the workload starts. */
interface FileMount {
	/** Name of the task volume. */
	volume: string;
	path: string;
}

/** How often files are fetched that change under the process. */
const refreshSeconds = 30;

/** Docker's default capabilities but CHOWN, all that the init container needs besides writing as root into its own mounts. */
const allButChown = [
	"AUDIT_WRITE",
	"DAC_OVERRIDE",
	"FOWNER",
	"FSETID",
	"KILL",
	"MKNOD",
	"NET_BIND_SERVICE",
	"NET_RAW",
	"SETFCAP",
	"SETGID",
	"SETPCAP",
	"SETUID",
	"SYS_CHROOT",
];

/**
 * Container definitions as canonical JSON: keys, containers, environment and mounts sorted, `hostPort` set, and present
 * as empty lists what ECS adds as empty lists. Otherwise each preview shows a replacement (pulumi/pulumi-aws#4576).
 */
export function containerDefinitions(w: Workload, initImage: string, late: Late): string {
	const init = initContainer(w, initImage, late);
	const main = {
		...common(w.name, w.image, late),
		...(w.command.length > 0 && { command: w.command }),
		...(init && { dependsOn: [{ condition: "SUCCESS", containerName: init.name }] }),
		environment: byName(Object.entries(w.env).map(([name, value]) => ({ name, value }))),
		essential: true,
		...healthCheck(w),
		linuxParameters: { capabilities: { drop: ["ALL"] } },
		mountPoints: byPath([
			...w.volumes.map(({ name, path }) => ({ containerPath: path, readOnly: false, sourceVolume: name })),
			...fileMounts(w).map(({ volume, path }) => ({ containerPath: path, readOnly: true, sourceVolume: volume })),
		]),
		portMappings: w.ports
			.map(({ number }) => ({ containerPort: number, hostPort: number, protocol: "tcp" }))
			.sort((a, b) => a.containerPort - b.containerPort),
		// A crash keeps task storage: only a new task loses it. The least period that ECS takes.
		restartPolicy: { enabled: true, restartAttemptPeriod: 60 },
		...secretsOf(w, late, (as) => ("env" in as ? as.env : undefined)),
		stopTimeout: w.stopGraceSeconds,
		user: `${w.user.uid}:${w.user.gid}`,
	};
	const refresh = refreshContainer(w, initImage, late);
	return JSON.stringify(byName([main, ...(init ? [init] : []), ...(refresh ? [refresh] : [])]).map(sortKeys));
}

/** Names of the task volumes that hold files, for the task definition's volume list. */
export function fileVolumes(w: Workload): string[] {
	return fileMounts(w).map(({ volume }) => volume);
}

/**
 * Directories that hold a workload's files, without those inside others. Each becomes a mount, which hides what the image
 * has there.
 */
export function fileMounts(w: Workload): FileMount[] {
	const directories = fileDirectories(w);
	return directories
		.filter((path) => !directories.some((other) => path.startsWith(`${other}/`)))
		.map((path) => ({ volume: `files${path.replaceAll(/[^A-Za-z0-9]+/g, "-")}`, path }));
}

/**
 * Fetches files, writes secrets, and hands task storage to the workload's user: Fargate mounts it owned by root. It runs as
 * root with no capability but CHOWN, and only until it has done so.
 */
function initContainer(w: Workload, image: string, late: Late) {
	const taskStorage = w.volumes.filter((volume) => !onEfs(volume));
	const mounts = [
		...fileMounts(w).map(({ volume, path }) => ({ name: volume, path, owner: w.user })),
		...taskStorage.map(({ name, path, owner }) => ({ name, path, owner })),
	];
	if (mounts.length === 0) return undefined;
	const script = [
		...[late.sources.fixed, late.sources.live].flatMap((from) =>
			from ? [`aws s3 cp --recursive --only-show-errors ${quote(from)} /`] : [],
		),
		...secretDirectories(w).map((path) => `mkdir -p ${quote(path)}`),
		...w.secrets.flatMap(({ as }, i) =>
			"file" in as ? [`printf %s "$SECRET_${i}" > ${quote(as.file)}`, `chmod 400 ${quote(as.file)}`] : [],
		),
		...mounts.map(({ path, owner }) => `chown -R ${owner.uid}:${owner.gid} ${quote(path)}`),
	];
	return {
		...common(`${w.name}-init`, image, late),
		entryPoint: ["sh", "-euc"],
		command: [script.join("\n")],
		environment: [{ name: "AWS_REGION", value: late.region }],
		essential: false,
		linuxParameters: { capabilities: { drop: allButChown } },
		mountPoints: byPath(mounts.map(({ name, path }) => ({ containerPath: path, readOnly: false, sourceVolume: name }))),
		...secretsOf(w, late, (as, i) => ("file" in as ? `SECRET_${i}` : undefined)),
		user: "0",
	};
}

/**
 * Keeps files that change under the process as they are in the bucket. Nothing waits for it: without it the task goes on
 * with what it has.
 */
function refreshContainer(w: Workload, image: string, late: Late) {
	const from = late.sources.live;
	if (!from) return undefined;
	const directories = liveDirectories(w);
	// Not newer alone: another content may have the same size.
	const sync = directories.map(
		(path) =>
			`aws s3 sync --delete --exact-timestamps --only-show-errors ${quote(`${from.replace(/\/$/, "")}${path}/`)} ${quote(path)} || true`,
	);
	return {
		...common(`${w.name}-refresh`, image, late),
		entryPoint: ["sh", "-uc"],
		command: [[`while sleep ${refreshSeconds}; do`, ...sync, "done"].join("\n")],
		dependsOn: [{ condition: "SUCCESS", containerName: `${w.name}-init` }],
		environment: [{ name: "AWS_REGION", value: late.region }],
		essential: false,
		linuxParameters: { capabilities: { drop: ["ALL"] } },
		mountPoints: byPath(
			fileMounts(w)
				.filter((mount) => directories.some((path) => `${path}/`.startsWith(`${mount.path}/`)))
				.map(({ volume, path }) => ({ containerPath: path, readOnly: false, sourceVolume: volume })),
		),
		restartPolicy: { enabled: true, restartAttemptPeriod: 60 },
		stopTimeout: 2, // a shell that sleeps hears no signal
		user: `${w.user.uid}:${w.user.gid}`,
	};
}

function common(name: string, image: string, { region, logGroup }: Late) {
	return {
		name,
		image,
		cpu: 0,
		environment: [] as { name: string; value: string }[],
		logConfiguration: {
			logDriver: "awslogs",
			options: { "awslogs-group": logGroup, "awslogs-region": region, "awslogs-stream-prefix": name },
		},
		portMappings: [] as unknown[],
		systemControls: [],
		volumesFrom: [],
	};
}

/** The `secrets` of a container: those that `variable` gives a name. */
function secretsOf(
	w: Workload,
	late: Late,
	variable: (as: Workload["secrets"][number]["as"], i: number) => string | undefined,
) {
	const secrets = w.secrets.flatMap(({ as }, i) => {
		const name = variable(as, i);
		return name ? [{ name, valueFrom: late.secretArns[i] ?? "" }] : [];
	});
	return secrets.length > 0 ? { secrets: byName(secrets) } : {};
}

function fileDirectories(w: Workload): string[] {
	const ofFiles = Object.keys(w.files).map((path) => posix.dirname(path));
	return [...new Set([...ofFiles, ...secretDirectories(w)])].sort();
}

function secretDirectories(w: Workload): string[] {
	return [...new Set(w.secrets.flatMap(({ as }) => ("file" in as ? [posix.dirname(as.file)] : [])))].sort();
}

function quote(path: string): string {
	return `'${path.replaceAll("'", `'\\''`)}'`;
}

function byName<T extends { name: string }>(items: T[]): T[] {
	return items.toSorted((a, b) => order(a.name, b.name));
}

function byPath<T extends { containerPath: string }>(items: T[]): T[] {
	return items.toSorted((a, b) => order(a.containerPath, b.containerPath));
}
