// Reports of pipelines: where `report push` puts them, and the datasource that reads them there.

import { type Input, output } from "@pulumi/pulumi";
import type { Settings } from "../settings.ts";
import { type DataSource, infinity, uid } from "./links.ts";
import { folderOf, type Storage } from "./storage.ts";

/** A folder in the stack's object store. */
export interface ReportStore {
	/** Of the folder, as Grafana reaches it. */
	url: string;
	region: string;
	accessKeyId: string;
	secretAccessKey: Input<string>;
}

/** Where reports are kept; undefined where a stack has no S3, or none that it knows the key of. */
export function reportStore(storage: Storage): ReportStore | undefined {
	if (storage.backend !== "s3" || !storage.accessKeyId || !storage.secretAccessKey) return undefined;
	const { endpoint, bucket, insecure, region = "us-east-1", accessKeyId, secretAccessKey } = storage;
	const url = `${insecure ? "http" : "https"}://${endpoint}/${bucket}/${folderOf(storage, "reports")}`;
	return { url, region, accessKeyId, secretAccessKey };
}

/** The datasource of the reports, for a stack with a pack that reads them. */
export function reportSource(settings: Settings, store: ReportStore | undefined): DataSource | undefined {
	const read = settings.packs.some(({ plugins }) => plugins.some((plugin) => plugin.startsWith(`${infinity}@`)));
	if (!read || !store) return undefined;
	return {
		uid: uid.reports,
		name: "Reports",
		type: infinity,
		url: store.url,
		isDefault: false,
		jsonData: {
			auth_method: "aws",
			aws: { authType: "keys", region: store.region, service: "s3" },
			// A beginning of URLs: whoever may ask the datasource reads reports, and nothing else that the key opens.
			allowedHosts: [`${store.url}/`],
		},
		secrets: output(store.secretAccessKey).apply((awsSecretKey) =>
			JSON.stringify({ awsAccessKey: store.accessKeyId, awsSecretKey }),
		),
	};
}
