// Every setting of a stack: settings/schema.ts says what there is. What a program reads of Pulumi's configuration, it reads here.

import { existsSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import { type Pack, packNames, packs, packsDir } from "./components/packs.ts";
import { accessConflicts } from "./settings/access.ts";
import { receiverConflicts } from "./settings/alerts.ts";
import { archiveConflicts } from "./settings/archive.ts";
import { awsConflicts } from "./settings/aws.ts";
import { type CatalogueEntry, readCatalogue } from "./settings/catalogue.ts";
import { readConfiguration, splitOnce } from "./settings/configuration.ts";
import { destinationConflicts } from "./settings/destinations.ts";
import { SettingsError } from "./settings/error.ts";
import { type Conflict, explain, nearest } from "./settings/explain.ts";
import { hereConflicts } from "./settings/here.ts";
import { instanceConflicts } from "./settings/instances.ts";
import { isProduction } from "./settings/policies.ts";
import { portConflicts, portPresets } from "./settings/ports.ts";
import { listAt, objectAt, objectOf, type Raw } from "./settings/raw.ts";
import { jobs, ofArchive, schema } from "./settings/schema.ts";
import { storageConflicts, storageOn } from "./settings/storage.ts";

export { SettingsError };

type Parsed = z.infer<typeof schema>;

/** Comes with the archive, and with nothing else: its panels and alerts have no other source. */
const archivePack = "archive";

/** The `job` label of a Temporal server's own metrics, where they are scraped. */
const temporalJob = "temporal";

/** Published ports by name; what has none is not published. */
type Ports = Partial<Record<Exclude<keyof Parsed["ports"], "preset">, number>>;

/** The settings of one stack, complete and checked. */
export interface Settings
	extends Omit<Parsed, "images" | "ports" | "namePrefix" | "alerts" | "tempo" | "packs" | "storage"> {
	project: string;
	stack: string;
	namePrefix: string;
	ports: Ports;
	alerts: Parsed["alerts"] & { env: string };
	/** Whether nobody may lose what the stack has stored. */
	production: boolean;
	tempo: Parsed["tempo"] & { backfill: string };
	packs: Pack[];
	storage: NonNullable<Parsed["storage"]>;
	/** The catalogue's entry for a service. Throws when it has none. */
	image(service: string): CatalogueEntry;
}

/** What the engine knows of a stack beside its settings. */
export interface StackIdentity {
	project: string;
	name: string;
	/** Settings that hold a secret somewhere: their values are in no message. */
	secretKeys?: ReadonlySet<string>;
	/** Keys of other namespaces that look like a misspelling of the project's. */
	misplaced?: string[];
	/** Keys of the AWS provider's own namespace: the stack's provider is made from `aws`, and would not hear of them. */
	unheard?: string[];
	/** Where packs are. @default configs/packs */
	packsDir?: string;
}

/**
 * Checks raw settings, as `tracestack:` keys map to them.
 *
 * @param images Catalogue, instead of the one that the settings name.
 * @throws SettingsError with every mistake: the key, the value, what is allowed, what was probably meant.
 */
export function parseSettings(raw: Record<string, unknown>, stack: StackIdentity, images?: string): Settings {
	const result = schema.safeParse(raw);
	const { secretKeys, misplaced = [], packsDir: dir = packsDir } = stack;
	const unheard = raw.target === "aws" ? (stack.unheard ?? []) : [];
	const conflicts = conflictsIn(raw, dir);
	if (!result.success || [conflicts, misplaced, unheard].some((list) => list.length > 0)) {
		const issues = result.error?.issues ?? [];
		const elsewhere = misplaced.map((key) => {
			const meant = `${stack.project}:${splitOnce(key, ":")[1]}`;
			return `${key} is in no namespace that is read\n    did you mean ${meant}?`;
		});
		const others = unheard.map(
			(key) =>
				`${key} is not read\n    set ${stack.project}:aws.region and .account; credentials come from the environment`,
		);
		const mistakes = explain({ raw, schema, issues, conflicts, secretKeys, namespace: `${stack.project}:` });
		throw SettingsError.of(`Pulumi.${stack.name}.yaml`, [...elsewhere, ...others, ...mistakes]);
	}
	const { images: configured, ports, namePrefix, alerts, tempo, packs: chosen, storage, ...settings } = result.data;
	const catalogue = readCatalogue(images ?? configured);
	const ofPacks = packs(settings.archive.enabled ? [...chosen, archivePack] : chosen, dir);
	const { env = stack.name } = alerts;
	return {
		...settings,
		packs: ofPacks,
		scrapes: [...settings.scrapes, ...ofPacks.flatMap(({ scrapes }) => scrapes), ...serverOf(settings.temporal)],
		project: stack.project,
		stack: stack.name,
		namePrefix: namePrefix ?? `${stack.project}-${stack.name}`,
		ports: portsOf(ports),
		storage: storage ?? storageOn(settings.target),
		tempo: { ...tempo, backfill: tempo.backfill ?? shorter(tempo.retention, "6h") },
		alerts: { ...alerts, env },
		production: isProduction(env),
		image(service) {
			const entry = catalogue[service];
			if (!entry) throw new SettingsError(`the image catalogue ${images ?? configured} has no entry "${service}"`);
			return entry;
		},
	};
}

/** Reads the settings of the stack that the engine runs. `TRACESTACK_IMAGES`, set by the wrapper, overrides the catalogue. */
export function loadSettings(): Settings {
	const project = pulumi.getProject();
	const name = pulumi.getStack();
	const { raw, others } = readConfiguration(project);
	const misplaced = others.filter((key) => nearest(splitOnce(key, ":")[0], [project]));
	const unheard = others.filter((key) => key.startsWith("aws:"));
	const identity = { project, name, misplaced, unheard, secretKeys: secretKeys(project) };
	return parseSettings(raw, identity, process.env.TRACESTACK_IMAGES);
}

/** Top-level keys with a secret in them, as the engine tells every program. */
function secretKeys(project: string): Set<string> {
	const keys: string[] = JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS || "[]");
	return new Set(keys.filter((key) => key.startsWith(`${project}:`)).map((key) => splitOnce(key, ":")[1]));
}

/** Of two durations in hours. */
function shorter(a: string, b: string): string {
	return Number.parseInt(a, 10) < Number.parseInt(b, 10) ? a : b;
}

/** The Temporal server's own metrics. */
function serverOf(temporal: Parsed["temporal"]): Parsed["scrapes"] {
	if (!temporal?.metrics) return [];
	return [{ job: temporalJob, targets: [temporal.metrics], path: "/metrics", scheme: "http", interval: "15s" }];
}

function portsOf({ preset, ...given }: Parsed["ports"]): Ports {
	return { ...portPresets[preset], ...given };
}

/** What can only be seen by comparing settings. It reads what may be wrong otherwise: all mistakes are told at once. */
function conflictsIn(raw: Raw, dir: string): Conflict[] {
	const all = [
		portConflicts,
		reachConflicts,
		awsConflicts,
		hereConflicts,
		countConflicts,
		storageConflicts,
		backfillConflicts,
		destinationConflicts,
		archiveConflicts,
		scrapeConflicts,
		receiverConflicts,
		nameConflicts,
	];
	return [...all.flatMap((conflicts) => conflicts(raw)), ...packConflicts(raw, dir)];
}

function reachConflicts(raw: Raw): Conflict[] {
	// There `awsConflicts` says what is missing.
	if (raw.target === "aws") return [];
	return accessConflicts(raw.bindAddress, objectAt(raw, "access"));
}

function countConflicts(raw: Raw): Conflict[] {
	return instanceConflicts(raw.target, objectAt(raw, "collector"), objectAt(raw, "sampling"));
}

function backfillConflicts(raw: Raw): Conflict[] {
	const { data } = schema.shape.tempo.safeParse(raw.tempo ?? {});
	if (!data?.backfill || Number.parseInt(data.backfill, 10) <= Number.parseInt(data.retention, 10)) return [];
	const problem = `is ${data.backfill}, longer than tempo.retention: what is older than that is deleted at once`;
	return [{ path: ["tempo", "backfill"], problem }];
}

/** Jobs that are no setting's to take. */
function jobsOf(raw: Raw): string[] {
	const temporal = objectAt(raw, "temporal").metrics !== undefined;
	const archive = objectAt(raw, "archive").enabled === true;
	return [...jobs, ...(temporal ? [temporalJob] : []), ...(archive ? ofArchive : [])];
}

function scrapeConflicts(raw: Raw): Conflict[] {
	const seen = new Set<unknown>(jobsOf(raw));
	return listAt(raw, "scrapes").flatMap((scrape, i) => {
		const { job } = objectOf(scrape);
		if (typeof job !== "string") return [];
		const taken = seen.has(job);
		seen.add(job);
		return taken ? [{ path: ["scrapes", i, "job"], problem: `is "${job}", which another job is called already` }] : [];
	});
}

/** Lists whose entries have names: what each is, in words. */
const named = { destinations: "destination", receivers: "receiver", services: "service" };

function nameConflicts(raw: Raw): Conflict[] {
	return Object.entries(named).flatMap(([key, what]) => {
		const names = listAt(raw, key).map((entry) => objectOf(entry).name);
		return names.flatMap((name, i) =>
			typeof name === "string" && names.indexOf(name) < i
				? [{ path: [key, i, "name"], problem: `is "${name}", which another ${what} is called already` }]
				: [],
		);
	});
}

function packConflicts(raw: Raw, dir: string): Conflict[] {
	const names = packNames(dir).filter((name) => name !== archivePack);
	const chosen = listAt(raw, "packs");
	const seen = new Set<unknown>([...jobsOf(raw), ...listAt(raw, "scrapes").map((scrape) => objectOf(scrape).job)]);
	return chosen.flatMap((pack, i): Conflict[] => {
		if (typeof pack !== "string") return [];
		const path = ["packs", i];
		if (pack === archivePack)
			return [{ path, problem: `has "${pack}", which comes with archive.enabled: leave it out` }];
		if (!names.includes(pack)) {
			if (pack && existsSync(join(dir, pack)))
				return [{ path, problem: `is "${pack}", and that folder has no pack.yaml` }];
			const near = nearest(pack, names);
			const meant = near ? `; did you mean ${near}?` : "";
			return [{ path, problem: `is "${pack}"\n    allowed: ${names.join(", ")}${meant}` }];
		}
		if (chosen.indexOf(pack) < i) return [{ path, problem: `is "${pack}" for the second time` }];
		return packs([pack], dir).flatMap(({ scrapes }) =>
			scrapes.flatMap(({ job }) => {
				const taken = seen.has(job);
				seen.add(job);
				return taken ? [{ path, problem: `scrapes the job "${job}", which another job is called already` }] : [];
			}),
		);
	});
}
