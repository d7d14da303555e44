// A pack's schema for the log lines of its applications: logs.schema.json beside its pack.yaml.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { packsDir } from "../../components/packs.ts";
import { nearest } from "../../settings/explain.ts";
import { UserError } from "../output.ts";

const file = "logs.schema.json";

/** Returns the mistakes of a log line. */
export type Judge = (line: unknown) => Mistake[];

interface Mistake {
	/** In words, the same for all lines that have it. */
	what: string;
	/** What the line has instead; undefined where something is lacking. */
	value?: unknown;
}

/**
 * The judge of a pack's log lines.
 *
 * @throws UserError where the pack has no schema, or its file is no JSON Schema.
 */
export function judgeOf(pack: string, dir = packsDir): Judge {
	const having = withSchema(dir);
	if (!having.includes(pack)) {
		const near = nearest(pack, having);
		const known = near ? `; did you mean ${near}?` : `; these have one: ${having.join(", ") || "none"}`;
		throw new UserError(`There is no configs/packs/${pack}/${file}${known}`);
	}
	try {
		return judge(JSON.parse(readFileSync(join(dir, pack, file), "utf8")));
	} catch (error) {
		throw new UserError(`configs/packs/${pack}/${file} is no JSON Schema: ${(error as Error).message}`);
	}
}

/** Mistakes in the schemas of all packs. */
export function schemasAmiss(dir = packsDir): string[] {
	return withSchema(dir).flatMap((pack) => {
		try {
			judgeOf(pack, dir);
			return [];
		} catch (error) {
			return [(error as Error).message];
		}
	});
}

/** A judge by a JSON Schema (2020-12). @throws where the schema is invalid. */
export function judge(schema: object): Judge {
	const ajv = new Ajv2020({ allErrors: true, verbose: true });
	formats.default(ajv);
	const valid = ajv.compile(schema);
	return (line) => (valid(line) ? [] : (valid.errors ?? []).map(mistake));
}

function mistake({ keyword, instancePath, params, message = "", data }: ErrorObject): Mistake {
	const path = instancePath.slice(1).replaceAll("/", ".");
	if (keyword === "required") return { what: `lacks ${[path, params.missingProperty].filter(Boolean).join(".")}` };
	const allowed = keyword === "enum" ? `must be one of ${params.allowedValues.join(", ")}` : message;
	return { what: `${path || "the line"} ${allowed}`, value: data };
}

function withSchema(dir: string): string[] {
	return readdirSync(dir).filter((pack) => existsSync(join(dir, pack, file)));
}
