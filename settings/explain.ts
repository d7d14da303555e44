// Mistakes in settings, in words: which key, what it is, what is allowed, and what was probably meant.

import { closestMatch } from "leven";
import { z } from "zod";

/** A JSON Schema, as far as explanations and the reference read it. */
export interface Node {
	type?: string;
	description?: string;
	/** In words, where the type doesn't say it. */
	allowed?: string;
	/** In words, where the default is no constant. */
	defaultInWords?: string;
	default?: unknown;
	/** Its value is never shown. */
	secret?: boolean;
	enum?: string[];
	const?: string;
	required?: string[];
	properties?: Record<string, Node>;
	items?: Node;
	oneOf?: Node[];
	/** Of a map: its values. */
	additionalProperties?: Node | boolean;
}

type Path = PropertyKey[];

/** A mistake that the types can't see. */
export interface Conflict {
	path: Path;
	/** What is wrong, as the end of a sentence that begins with the key. */
	problem: string;
}

/** What a schema accepts, as data. */
export function nodeOf(schema: z.ZodType): Node {
	return z.toJSONSchema(schema, { io: "input" }) as Node;
}

export interface Explained {
	/** What was read. */
	raw: unknown;
	schema: z.ZodType;
	issues: z.core.$ZodIssue[];
	conflicts?: Conflict[];
	/** Precedes every key, such as `tracestack:`. */
	namespace?: string;
	/** Top-level keys that hold a secret somewhere: none of their values is shown. */
	secretKeys?: ReadonlySet<string>;
}

/** Every mistake as two lines: what is wrong, and what is allowed. */
export function explain({ raw, schema, issues, conflicts = [], namespace = "", secretKeys }: Explained): string[] {
	const root = nodeOf(schema);
	const key = (path: Path) => `${namespace}${keyOf(path)}`;
	const found = issues.flatMap((issue) => {
		const node = nodeAt(root, raw, issue.path);
		if (issue.code === "unrecognized_keys") {
			const names = Object.keys(node?.properties ?? {});
			return issue.keys.map((name) => {
				const near = nearest(name, names);
				const meant = near ? `did you mean ${key([...issue.path, near])}?` : `there are: ${names.join(", ")}`;
				return `${key([...issue.path, name])} is no setting\n    ${meant}`;
			});
		}
		const value = valueAt(raw, issue.path);
		// What lies below a secret is one.
		const hidden =
			secretKeys?.has(String(issue.path[0])) ||
			issue.path.some((_, i) => nodeAt(root, raw, issue.path.slice(0, i + 1))?.secret);
		const what = value === undefined ? "is missing" : `is ${hidden ? "[secret]" : shown(value)}`;
		const near = !hidden && typeof value === "string" ? nearest(value, choices(node)) : undefined;
		const allowed = `allowed: ${node ? allowedBy(node) : issue.message}${near ? `; did you mean ${near}?` : ""}`;
		return [`${key(issue.path)} ${what}\n    ${allowed}`];
	});
	// A value may break two rules of one setting, whose words are the same.
	return [...new Set(found), ...conflicts.map(({ path, problem }) => `${key(path)} ${problem}`)];
}

/** What a setting may be, in words. */
export function allowedBy(node: Node): string {
	if (node.allowed) return node.allowed;
	const several = choices(node);
	if (several.length > 0) return several.join(", ");
	if (node.type === "boolean") return "true, false";
	if (node.properties) return `an object with ${Object.keys(node.properties).join(", ")}`;
	if (node.oneOf) return `an object whose ${discriminatorOf(node)} is one of ${kinds(node).join(", ")}`;
	return `a ${node.type}`;
}

/** `scrapes[0].targets[1]`. */
function keyOf(path: Path): string {
	return path
		.map((step, i) => (typeof step === "number" ? `[${step}]` : `${i > 0 ? "." : ""}${String(step)}`))
		.join("");
}

/** The name that was probably meant; undefined when none is near. */
export function nearest(name: string, names: readonly string[]): string | undefined {
	return closestMatch(name, names, { maxDistance: Math.max(2, Math.floor(name.length / 3)) });
}

/** Walks the schema beside the value: where there are alternatives, the value decides. */
function nodeAt(root: Node, raw: unknown, path: Path): Node | undefined {
	let node: Node | undefined = root;
	for (const [i, step] of path.entries()) {
		if (node?.oneOf) node = alternative(node, valueAt(raw, path.slice(0, i)), step);
		node = typeof step === "number" ? node?.items : node?.properties?.[String(step)];
	}
	const value = valueAt(raw, path);
	return node?.oneOf && isObject(value) ? (alternative(node, value) ?? node) : node;
}

/** The alternative that a value's constants choose; for a constant that none has, all of its values. */
function alternative(node: Node, value: unknown, step?: PropertyKey): Node | undefined {
	const matching = node.oneOf?.find(({ properties = {} }) =>
		Object.entries(properties).every(([name, p]) => p.const === undefined || p.const === valueAt(value, [name])),
	);
	return matching ?? (step === undefined ? undefined : { properties: { [String(step)]: { enum: kinds(node) } } });
}

/** The property that tells alternatives apart: its value is a constant of each. */
export function discriminatorOf(node: Node): string {
	const properties = Object.entries(node.oneOf?.[0]?.properties ?? {});
	return properties.find(([, property]) => property.const !== undefined)?.[0] ?? "";
}

/** What the alternatives are called. */
function kinds(node: Node): string[] {
	const by = discriminatorOf(node);
	return node.oneOf?.flatMap(({ properties = {} }) => properties[by]?.const ?? []) ?? [];
}

function choices(node: Node | undefined): string[] {
	return node?.enum ?? (node?.const === undefined ? [] : [node.const]);
}

function valueAt(value: unknown, path: Path): unknown {
	return path.reduce<unknown>(
		(at, step) => (typeof at === "object" && at !== null && Object.hasOwn(at, step) ? at[step as never] : undefined),
		value,
	);
}

/** A value on one line, cut where nobody reads on. */
function shown(value: unknown): string {
	const text = JSON.stringify(value);
	return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function isObject(value: unknown): boolean {
	return typeof value === "object" && value !== null;
}
