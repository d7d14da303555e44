import type { Input } from "@pulumi/pulumi";

/** A user and group by number: images differ in what they call them. */
interface Owner {
	uid: number;
	gid: number;
}

/** A file that a workload finds at its path: plain text, the same on every target but for addresses. */
export interface Rendered {
	text: string;
	/** Whether the process reads it again by itself when it changes, where a target can change it under the process. @default false */
	live?: boolean;
}

/** A port that a workload listens on. */
interface Port {
	/** Unique within the workload; a setting of the same name decides where it is published. */
	name: string;
	/** The number inside the stack. */
	number: number;
	protocol: "http" | "grpc" | "tcp";
	/** Whether it speaks TLS, with the stack's certificate. @default false */
	tls?: boolean;
	/**
	 * `stack`: other workloads reach it. `host`: so does the machine that runs the stack, and nobody beyond: it asks nobody who
	 * they are. `outside`: people and applications reach it, as far as `bindAddress` lets them: it can ask.
	 */
	reach: "stack" | "host" | "outside";
	/**
	 * Of `outside`: who comes. People come by a browser, each service by a name of its own; applications come by one name for
	 * all, and know the port's number.
	 */
	audience?: "people" | "applications";
}

/** A port that a workload calls. Where a target has firewalls, they let out these calls and HTTPS, and nothing else. */
export interface Call {
	/** Another workload; undefined for what is beyond the stack. */
	workload?: string;
	port: number;
}

/** A directory that outlives the process. */
export interface Volume {
	/** Unique within the workload. */
	name: string;
	/** Absolute path inside the workload. */
	path: string;
	/** What is expected to lie on it at most; a target without quotas ignores it. */
	sizeGiB: number;
	owner: Owner;
	/** True when the image ships the directory with the right owner; otherwise the target hands it over before the first start. */
	ownedByImage: boolean;
	/** Directories made in it when it is handed over. @default none */
	folders?: string[];
	/** What the content must survive: nothing, a restart of the process, or its replacement by another. */
	keep: "scratch" | "restart" | "replace";
	/** `posix`: never a network file system, because the service maps or locks files. */
	fs: "any" | "posix";
}

/** A value that is never shown. Some services read secrets from the environment, some (Alertmanager) only from files. */
export interface Secret {
	value: Input<string>;
	as: { env: string } | { file: string };
}

/**
 * What a workload may do with what the target offers beside containers. A target without identities ignores it: there,
 * whoever needs a key has one among its secrets.
 */
export type Grant =
	/** Objects below a prefix, without slash at its end; `write` includes reading and deleting. */
	| { bucket: string; prefix: string; access: "read" | "write" }
	| { metrics: "remote-write" | "query" }
	/** A database of this name on the server that is offered; the first that asks decides its name. */
	| { database: string; password: Input<string> };

/**
 * What a target has beside containers: components use what there is, and do without what there is not. Values that are known only
 * once a resource exists are placeholders. Components pass them on in files, grants and addresses; the target replaces them there
 * (`Target.resolve`).
 */
export interface Offers {
	/** A bucket of the stack's own, opened by grants instead of keys. */
	storage?: { bucket: string; endpoint: string; region: string };
	/** A PostgreSQL server. */
	database?: { host: string; port: number; user: string };
	/** A store for metrics that outlives Prometheus's own: `url` without the API's path. */
	metrics?: { url: string; region: string };
	/** Whether files that are `live` change under the running process. */
	liveFiles?: boolean;
	/** Whether a volume that can't lie on a network file system ends at its `sizeGiB`. @default false: volumes share a disk */
	quotas?: boolean;
}

/** What runs: plain data that a component makes from settings and a target realises. */
export interface Workload {
	/** Also its host name within the stack. */
	name: string;
	/** What it is for, in a few words; becomes a label or a description. */
	description: string;
	/** Full image reference, from the catalogue. */
	image: string;
	/** Arguments for the image's entry point. */
	command: string[];
	user: Owner;
	files: Record<string, Rendered>;
	env: Record<string, string>;
	secrets: Secret[];
	ports: Port[];
	/**
	 * What it calls beside the workloads whose addresses its component asked for: `platform` adds those.
	 *
	 * @default nothing
	 */
	calls?: Call[];
	volumes: Volume[];
	/** @default none */
	grants?: Grant[];
	/** How to see that the service does its job: an HTTP port answers 2xx, or a command of the image exits with 0. */
	ready: { timeoutSeconds: number } & (
		| {
				/** It must reach further than `stack`: many images have no shell to probe from within. */
				port: string;
				path: string;
				/** A command of the image that checks the same from within, for targets that can't reach the port. @default nothing */
				ask?: string[];
		  }
		/** Of a service that speaks no HTTP. */
		| { port?: never; path?: never; ask: string[] }
	);
	size: { cpu: number; memoryMiB: number };
	/**
	 * None at all keeps the volumes and runs nothing. Between `min` and `max` CPU decides, where a target runs several.
	 * `stop-first`: only one may hold the data; `rolling`: the next starts before the last stops.
	 */
	scale: { min: number; max: number; deploy: "stop-first" | "rolling" };
	/** Time between SIGTERM and SIGKILL; 120 is the most that Fargate gives. */
	stopGraceSeconds: number;
}

/** The address of a workload's port as other workloads see it, as `host:port`. */
export type AddressOf = (workload: string, port: number) => string;
