// Where Tempo's blocks and Loki's chunks lie: one setting for both.

import { type Input, output } from "@pulumi/pulumi";
import type { Settings } from "../settings.ts";
import { bucket as ownBucket, ownKeyId, port, servesOwnStore } from "./object-store.ts";
import type { AddressOf, Grant, Offers, Workload } from "./workload.ts";

/** The setting `storage`. For S3 with bucket and endpoint in any case: those of the stack's own server where the setting names none. */
export type Storage = Exclude<Settings["storage"], { backend: "s3" }> | S3;

type S3 = Omit<Extract<Settings["storage"], { backend: "s3" }>, "bucket" | "endpoint" | "secretAccessKey"> & {
	bucket: string;
	endpoint: string;
	secretAccessKey?: Input<string> | undefined;
};

/**
 * Where a stack stores traces and logs.
 *
 * @param ownKey Secret key of the stack's own object store.
 * @param offered The target's own bucket: where there is one, it is used instead of an object store of the stack's own.
 */
export function storageOf(
	settings: Settings,
	at: AddressOf,
	ownKey: Input<string>,
	offered?: Offers["storage"],
): Storage {
	const { storage } = settings;
	if (storage.backend !== "s3") return storage;
	if (offered && servesOwnStore(settings)) return { ...storage, ...offered };
	const { bucket = ownBucket, endpoint = at("objectstore", port), prefix, region } = storage;
	const given = { ...storage, bucket, endpoint, ...(prefix && { prefix }), ...(region && { region }) };
	if (!servesOwnStore(settings)) return given;
	return { ...given, insecure: true, forcePathStyle: true, accessKeyId: ownKeyId, secretAccessKey: ownKey };
}

/** A service's folder within the bucket. */
export function folderOf({ prefix }: { prefix?: string | undefined }, service: string): string {
	return prefix ? `${prefix}-${service}` : service;
}

/** Credentials for a service, where its storage library looks for them: none is in a configuration file. */
export function credentials(storage: Storage, service: string): Pick<Workload, "env" | "secrets"> {
	const file = (variable: string, name: string, value: Input<string>) => {
		const path = `/etc/${service}/secrets/${name}`;
		return { env: { [variable]: path }, secrets: [{ value, as: { file: path } }] };
	};
	if (storage.backend === "s3" && storage.accessKeyId) {
		const { accessKeyId, secretAccessKey = "" } = storage;
		return file("AWS_SHARED_CREDENTIALS_FILE", "aws", awsProfile(accessKeyId, secretAccessKey));
	}
	if (storage.backend === "gcs" && storage.serviceAccountKey)
		return file("GOOGLE_APPLICATION_CREDENTIALS", "gcs.json", storage.serviceAccountKey);
	// Tempo reads this one from the environment, and Loki's configuration refers to it.
	if (storage.backend === "azure" && storage.accountKey)
		return { env: {}, secrets: [{ value: storage.accountKey, as: { env: "AZURE_STORAGE_KEY" } }] };
	return { env: {}, secrets: [] };
}

/** What a service's role may do in the bucket, where there are no credentials. */
export function grants(storage: Storage, service: string): Grant[] {
	if (storage.backend !== "s3" || storage.accessKeyId) return [];
	return [{ bucket: storage.bucket, prefix: folderOf(storage, service), access: "write" }];
}

/** Retention of what lies in each folder of the bucket, in hours. */
export function keptHours({ storage, tempo, logs }: Settings): { folder: string; hours: number }[] {
	const prefix = storage.backend === "local" ? {} : storage;
	return [
		{ folder: folderOf(prefix, "tempo"), hours: Number.parseInt(tempo.retention, 10) },
		{ folder: folderOf(prefix, "loki"), hours: Number.parseInt(logs.retention, 10) },
	];
}

function awsProfile(id: string, secret: Input<string>): Input<string> {
	const text = (key: string) => `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${key}\n`;
	return typeof secret === "string" ? text(secret) : output(secret).apply(text);
}

/** Where a stack stores, as an output: `up` says when it changes, `status` compares it with what the servers say. */
export interface Place {
	backend: Settings["storage"]["backend"];
	/** For people. */
	place: string;
	/** In volumes of the stack, so that a backup has it. */
	ours: boolean;
}

export function placeOf({ storage }: Settings, offers: Offers): Place {
	const { backend } = storage;
	switch (backend) {
		case "local":
			return { backend, place: "each service's own volume", ours: true };
		case "s3": {
			const { bucket, endpoint } = storage;
			if (!endpoint && offers.storage) return { backend, place: "a bucket of the stack's own", ours: false };
			const place = endpoint ? `s3://${bucket} at ${endpoint}` : "the stack's own S3 server";
			return { backend, place, ours: !endpoint };
		}
		case "gcs":
			return { backend, place: `gs://${storage.bucket}`, ours: false };
		case "azure":
			return { backend, place: `Azure's ${storage.account}/${storage.container}`, ours: false };
	}
}
