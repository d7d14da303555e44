// Every setting of a stack. The only file that reads Pulumi's configuration.

import { readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { z } from "zod";

const root = import.meta.dirname;

const port = z.number().int().min(1).max(65535);
const hours = z.string().regex(/^[1-9]\d*h$/, "hours, such as 336h");

const schema = z.strictObject({
	/** Where the stack runs. */
	target: z.enum(["docker", "aws"]).default("docker"),
	/** Address that published ports bind to. Loopback by default: nothing here has TLS, and only Grafana asks who you are. */
	bindAddress: z.ipv4().default("127.0.0.1"),
	/** Published ports by service. */
	ports: z
		.strictObject({
			grafana: port.default(3000),
			/** OTLP over gRPC: where applications send. */
			otlpGrpc: port.default(4317),
			/** OTLP over HTTP: where applications send. */
			otlpHttp: port.default(4318),
			tempo: port.default(3200),
			prometheus: port.default(9090),
			loki: port.default(3100),
			alertmanager: port.default(9093),
			/** The collector's health check. */
			collectorHealth: port.default(13133),
		})
		.prefault({}),
	/** Image catalogue, relative to the project. */
	images: z.string().min(1).default("configs/versions.yaml"),
	tempo: z
		.strictObject({
			/** How long traces are kept. */
			retention: hours.default("336h"),
		})
		.prefault({}),
	metrics: z
		.strictObject({
			/** How long Prometheus keeps samples. */
			retention: hours.default("360h"),
		})
		.prefault({}),
	logs: z
		.strictObject({
			/** How long Loki keeps logs; 24h is the least that its compactor accepts. */
			retention: hours.refine((v) => Number.parseInt(v, 10) >= 24, "at least 24h").default("168h"),
		})
		.prefault({}),
	grafana: z
		.strictObject({
			/**
			 * Login of the administrator; the password is random and a secret of the stack. Grafana reads it when its database
			 * is empty: choose it before the first `up`.
			 */
			adminUser: z
				.string()
				.regex(/^[^:\s]+$/, "a name without colon and white space")
				.default("admin"),
		})
		.prefault({}),
	/** How much every service logs. */
	logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
});

const catalogueSchema = z.strictObject({
	images: z.record(
		z.string(),
		z.strictObject({
			image: z.string().regex(/:[^:/]+$/, "an image with a tag"),
			/** Merge patch for the service's configuration. */
			patch: z.record(z.string(), z.unknown()).optional(),
		}),
	),
});

/** An image of the catalogue and, where its version needs one, a merge patch for its configuration. */
type CatalogueEntry = z.infer<typeof catalogueSchema>["images"][string];

/** The settings of one stack, complete and checked. */
export interface Settings extends Omit<z.infer<typeof schema>, "images"> {
	project: string;
	stack: string;
	/** The catalogue's entry for a service. Throws when it has none. */
	image(service: string): CatalogueEntry;
}

/** A stack's settings are wrong; the message lists every mistake. */
export class SettingsError extends Error {}

/**
 * Checks raw settings, as `tracestack:` keys map to them.
 *
 * @throws SettingsError with one line a mistake: the key, the value, what is allowed.
 */
export function parseSettings(
	raw: Record<string, unknown>,
	stack: { project: string; name: string },
	images?: string,
): Settings {
	const file = `Pulumi.${stack.name}.yaml`;
	const result = schema.safeParse(raw);
	if (!result.success) throw new SettingsError(describe(result.error, raw, file));
	const { images: configured, ...settings } = result.data;
	const catalogue = readCatalogue(images ?? configured);
	return {
		...settings,
		project: stack.project,
		stack: stack.name,
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
	const raw: Record<string, unknown> = {};
	for (const [key, value] of Object.entries(pulumi.runtime.allConfig())) {
		if (key.startsWith(`${project}:`)) raw[key.slice(project.length + 1)] = scalarOrJson(value);
	}
	return parseSettings(raw, { project, name: pulumi.getStack() }, process.env.TRACESTACK_IMAGES);
}

/** Pulumi hands objects and numbers over as text. */
function scalarOrJson(value: string): unknown {
	try {
		return JSON.parse(value);
	} catch {
		return value;
	}
}

function readCatalogue(file: string): Record<string, CatalogueEntry> {
	const path = isAbsolute(file) ? file : join(root, file);
	let text: string;
	try {
		text = readFileSync(path, "utf8");
	} catch (error) {
		throw new SettingsError(`the image catalogue ${file} can't be read: ${(error as Error).message}`);
	}
	const raw = parse(text);
	const result = catalogueSchema.safeParse(raw);
	if (!result.success) throw new SettingsError(describe(result.error, raw, file));
	return result.data.images;
}

function describe(error: z.ZodError, raw: unknown, file: string): string {
	const lines = error.issues.map((issue) => {
		const key = issue.path.join(".");
		if (issue.code === "unrecognized_keys") {
			return issue.keys.map((k) => `  ${[key, k].filter(Boolean).join(".")}: there is no such setting`).join("\n");
		}
		const value = issue.path.reduce<unknown>(
			(at, step) => (at as Record<PropertyKey, unknown> | undefined)?.[step],
			raw,
		);
		return `  ${key}: ${JSON.stringify(value)}: ${issue.message}`;
	});
	return `${file} has ${lines.length === 1 ? "a mistake" : `${lines.length} mistakes`}:\n${lines.join("\n")}`;
}
