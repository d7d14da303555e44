import type { Input } from "@pulumi/pulumi";
import type { Settings } from "../settings.ts";
import type { Access } from "./access.ts";
import { alertmanager } from "./alertmanager.ts";
import { type ArchiveSecrets, otelWorker, postgres } from "./archive.ts";
import { recorded } from "./calls.ts";
import { collector } from "./collector.ts";
import { grafanaServer } from "./grafana.ts";
import { loki } from "./loki.ts";
import { objectStore } from "./object-store.ts";
import { prometheus } from "./prometheus.ts";
import { storageOf } from "./storage.ts";
import { tempo } from "./tempo.ts";
import { temporalPoller } from "./temporal.ts";
import type { AddressOf, Offers, Workload } from "./workload.ts";

/** Random secrets of a stack, made once. */
export interface Secrets {
	/** Of Grafana's administrator. */
	password: Input<string>;
	/** Secret key of the stack's own object store. */
	storeKey: Input<string>;
	/** What others must show. @default none of it */
	access?: Access;
	/** Of the database that the target offers. @default none */
	database?: Input<string>;
	/** Of the archive's own server, and of who reads there. @default empty */
	archive?: Omit<ArchiveSecrets, "offered">;
}

/** Everything that a stack runs. Add a service here, and targets, preflight and the linters have it. */
export function platform(settings: Settings, at: AddressOf, secrets: Secrets, offers: Offers = {}): Workload[] {
	const { password, storeKey, access = {}, database = "" } = secrets;
	const archive = { own: "", ...secrets.archive, offered: database };
	const storage = (at: AddressOf) => storageOf(settings, at, storeKey, offers.storage);
	const servers: ((at: AddressOf) => Workload)[] = [
		(at) => tempo(settings, at, storage(at)),
		(at) => collector(settings, at, access),
		(at) => prometheus(settings, at, access, offers),
		(at) => loki(settings, storage(at)),
		() => alertmanager(settings),
		() => grafanaServer(settings, password, access, { ...offers, databasePassword: database }),
		() => objectStore(settings, storeKey, offers),
	];
	const withCalls = (make: (at: AddressOf) => Workload[]): Workload[] => {
		const asked = recorded(at);
		return make(asked.at).map((workload) => {
			const calls = [...asked.calls, ...(workload.calls ?? [])].filter((call) => call.workload !== workload.name);
			return { ...workload, calls };
		});
	};
	return [
		...servers
			.flatMap((make) => withCalls((at) => [make(at)]))
			.map((workload) => ({ ...workload, env: { GOMEMLIMIT: memoryLimit(workload), ...workload.env } })),
		...postgres(settings, archive.own, offers),
		...withCalls((at) => otelWorker(settings, at, archive, access, offers)),
		...withCalls((at) => temporalPoller(settings, at, access)),
	];
}

/**
 * Every server is a Go program: its garbage collector works harder before the container's memory limit kills it. 80 % is
 * what the collector's and Tempo's documentation advise; the rest is for what Go's runtime does not manage. Measured: of
 * 1,500 traces asked for by id, ten at a time, a Tempo of 1 GiB was killed over 846 without it, and answered all with it.
 */
function memoryLimit({ size }: Workload): string {
	return `${Math.floor(size.memoryMiB * 0.8)}MiB`;
}
