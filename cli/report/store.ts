// Stores reports in the stack's object store, by source and run, and the latest of each source once more.

import { AwsClient } from "aws4fetch";
import type { Report } from "./report.ts";

/** The stack's output `reports`, with the address that this machine reaches. */
export interface Store {
	url: string;
	region: string;
	accessKeyId: string;
	secretAccessKey: string;
}

/**
 * Stores a report's files under their own names.
 *
 * @returns the path of the first file, below the store's folder.
 * @throws with the store's answer, or where two files have the same name: then nothing is stored.
 */
export async function store(where: Store, { source, runId, objects }: Report): Promise<string> {
	const names = objects.map(({ name }) => name);
	const twice = names.find((name, i) => names.indexOf(name) < i);
	if (twice) throw new Error(`two files would be stored as ${twice}: give one of them another name`);
	for (const folder of [runId, "latest"])
		for (const { name, body } of objects)
			await put(where, `${source}/${encodeURIComponent(folder)}/${encodeURIComponent(name)}`, body);
	return `${source}/${runId}/${objects[0]?.name ?? ""}`;
}

async function put({ url, region, ...keys }: Store, key: string, body: Buffer<ArrayBuffer>): Promise<void> {
	const client = new AwsClient({ ...keys, region, service: "s3", retries: 2 });
	const headers = { "content-type": key.endsWith(".json") ? "application/json" : "application/octet-stream" };
	const answer = await client.fetch(`${url}/${key}`, { method: "PUT", headers, body });
	if (!answer.ok) throw new Error(`${answer.status} from ${url}/${key}: ${(await answer.text()).trim().slice(0, 300)}`);
}
