// How a workload's files reach its tasks: as objects, each set of them under the hash of what is in it.

import { createHash } from "node:crypto";
import { posix } from "node:path";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Workload } from "../../components/workload.ts";
import type { PrivateBucket } from "./bucket.ts";
import { order } from "./canonical.ts";

/** Where tasks find a workload's files: below each address lie files by their full path. */
export interface FileSources {
	/** For the task definition: another content is another address. */
	fixed?: string;
	/** The same address whatever the content: files that change under the process. */
	live?: string;
}

/**
 * Puts a workload's files into the bucket. What was there for earlier revisions stays: a task that ECS rolls back to fetches
 * it again, long after the program has forgotten it.
 *
 * @param resolve Makes good what in a text is known only later.
 */
export function storeFiles(
	w: Workload,
	bucket: PrivateBucket,
	resolve: (text: string) => pulumi.Input<string>,
	parent: pulumi.Resource,
): { sources: pulumi.Output<FileSources>; objects: pulumi.Resource[] } {
	const all = Object.entries(w.files)
		.sort(([a], [b]) => order(a, b))
		.map(([path, { text, live = false }]) => ({ path, live, content: pulumi.output(resolve(text)) }));
	const fixed = all.filter(({ live }) => !live);
	const revision = pulumi.all(fixed.map(({ path, content }) => content.apply((text) => [path, text]))).apply(hashOf);
	const objects = all.map(
		({ path, live, content }) =>
			new aws.s3.BucketObjectv2(
				`${w.name}${path}`,
				{
					bucket: bucket.name,
					key: live ? `${w.name}/live${path}` : pulumi.interpolate`${w.name}/${revision}${path}`,
					content,
					contentType: "text/plain; charset=utf-8",
				},
				{ parent, dependsOn: bucket.ready, retainOnDelete: !live },
			),
	);
	const sources = pulumi.all([bucket.name, revision]).apply(([name, hash]) => ({
		...(fixed.length > 0 && { fixed: `s3://${name}/${w.name}/${hash}/` }),
		...(all.length > fixed.length && { live: `s3://${name}/${w.name}/live/` }),
	}));
	return { sources, objects };
}

/** Directories that hold nothing but files that change under the process. */
export function liveDirectories(w: Workload): string[] {
	const live = Object.entries(w.files).filter(([, file]) => file.live);
	return [...new Set(live.map(([path]) => posix.dirname(path)))].sort();
}

/** 16 digits: nobody looks for collisions in a bucket of their own. */
function hashOf(files: string[][]): string {
	return createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 16);
}
