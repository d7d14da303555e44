import type { Input } from "@pulumi/pulumi";
import type { Settings } from "../settings.ts";
import { sizeOf } from "./sizes.ts";
import type { Offers, Workload } from "./workload.ts";

const owner = { uid: 10001, gid: 10001 };

export const port = 7070;
/** A directory of its volume is a bucket. */
export const bucket = "tracestack";
/** The id of the one key that it knows; its secret half is random. */
export const ownKeyId = "tracestack";

/** Whether a stack runs an object store of its own: S3 is asked for, and nobody else's. */
export function servesOwnStore({ storage }: Settings): boolean {
	return storage.backend === "s3" && !storage.endpoint;
}

/** Versity S3 Gateway: the S3 API over a volume. */
export function objectStore(settings: Settings, key: Input<string>, offers: Offers): Workload {
	const instances = servesOwnStore(settings) && !offers.storage ? 1 : 0;
	return {
		name: "objectstore",
		description: "object storage for traces and logs, by the S3 API",
		// A catalogue need not have what does not run.
		image: instances > 0 ? settings.image("objectstore").image : "",
		command: ["--port", `:${port}`, "--health", "/health", "--quiet", "posix", "/data"],
		user: owner,
		files: {},
		env: { ROOT_ACCESS_KEY_ID: ownKeyId },
		// It reads its key from nowhere else.
		secrets: [{ value: key, as: { env: "ROOT_SECRET_ACCESS_KEY" } }],
		ports: [{ name: "objectStore", number: port, protocol: "http", reach: "host" }],
		volumes: [
			{
				name: "data",
				path: "/data",
				sizeGiB: 50,
				owner,
				ownedByImage: false,
				folders: [bucket],
				keep: "replace",
				// Objects' metadata are extended attributes.
				fs: "posix",
			},
		],
		ready: { port: "objectStore", path: "/health", timeoutSeconds: 60 },
		size: sizeOf(settings, "objectstore"),
		// Switched off, its volume stays, and with it what was stored before.
		scale: { min: instances, max: instances, deploy: "stop-first" },
		stopGraceSeconds: 10,
	};
}
