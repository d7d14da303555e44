import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";

const configs = join(import.meta.dirname, "../configs");

/** A merge patch: objects merge, anything else replaces, null deletes. */
export type Patch = Record<string, unknown>;

/** Applies a JSON merge patch (RFC 7396, section 2) without changing its arguments. */
export function mergePatch(base: unknown, patch: unknown): unknown {
	if (!isObject(patch)) return patch;
	const result: Record<string, unknown> = isObject(base) ? { ...base } : {};
	for (const [key, value] of Object.entries(patch)) {
		if (value === null) delete result[key];
		else result[key] = mergePatch(result[key], value);
	}
	return result;
}

/** Text of a file under configs/. */
export function readConfig(path: string): string {
	return readFileSync(join(configs, path), "utf8");
}

/** A YAML file under configs/, as data. */
export function parseConfig(path: string) {
	return parse(readConfig(path), { merge: true });
}

/**
 * A YAML file under configs/ with patches applied in order. Byte-stable: the same input gives the same text, because
 * a container is replaced when its configuration changes.
 */
export function renderYaml(path: string, ...patches: (Patch | undefined)[]): string {
	const merged = patches.reduce<unknown>((base, patch) => (patch ? mergePatch(base, patch) : base), parseConfig(path));
	return stringify(merged, { aliasDuplicateObjects: false, lineWidth: 0 });
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
