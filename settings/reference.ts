// The reference for people (docs/settings.md) and for editors (docs/settings.schema.json), both from the schema.

import { allowedBy, discriminatorOf, type Node, nodeOf } from "./explain.ts";
import { schema } from "./schema.ts";

const namespace = "tracestack";

/** docs/settings.md: every setting, what is allowed, its default, what it is for. */
export function reference(): string {
	const properties = Object.entries(nodeOf(schema).properties ?? {});
	const groups = properties.filter(([, node]) => node.properties || node.items?.properties || alternativesOf(node));
	const plain = properties.filter((entry) => !groups.includes(entry));
	return `<!-- Made from settings/schema.ts: UPDATE_GOLDENS=1 ./tracestack test --unit -->

# Settings

A stack's settings are in its \`Pulumi.<stack>.yaml\`, below \`config\`. Everything has a default. What is wrong is refused before
anything is created: every mistake at once, each with its key, its value and what is allowed.

\`\`\`yaml
# yaml-language-server: $schema=docs/settings.schema.json
config:
  ${namespace}:logLevel: debug
  ${namespace}:ports:
    grafana: 3001
\`\`\`

The first line gives an editor with YAML support completion and checks. The same from a shell:

\`\`\`sh
./tracestack pulumi config set --path ${namespace}:ports.grafana 3001
./tracestack pulumi config set --path ${namespace}:storage.secretAccessKey --secret   # asks for it
\`\`\`

Groups: ${groups.map(([name]) => `[${name}](#${namespace}${name.toLowerCase()})`).join(", ")}.

${table(plain, `${namespace}:`)}
${groups.map(([name, node]) => group(name, node)).join("\n")}`;
}

/** docs/settings.schema.json: a JSON Schema of `Pulumi.<stack>.yaml`. */
export function editorSchema(): object {
	const { properties = {} } = nodeOf(schema);
	const names = Object.keys(properties).join("|");
	return {
		$schema: "https://json-schema.org/draft/2020-12/schema",
		title: "Settings of a tracestack stack",
		type: "object",
		properties: {
			config: {
				type: "object",
				properties: Object.fromEntries(
					Object.entries(properties).map(([name, node]) => [`${namespace}:${name}`, forEditors(node)]),
				),
				// Keys of providers and of other projects are theirs.
				patternProperties: { [`^${namespace}:(?!(${names})$)`]: false },
			},
		},
	};
}

function group(name: string, node: Node): string {
	const fields = Object.entries(node.properties ?? node.items?.properties ?? {});
	const kinds = alternativesOf(node);
	const by = discriminatorOf({ oneOf: kinds ?? [] });
	const alternatives = (kinds ?? []).map((alternative) => {
		const { [by]: kind, ...rest } = alternative.properties ?? {};
		const heading = `**\`${by}: ${kind?.const}\`** ${alternative.description}`;
		return `${heading}\n${Object.keys(rest).length > 0 ? `\n${table(Object.entries(rest), "", alternative.required)}` : ""}`;
	});
	const list = node.items ? " A list; each has:" : "";
	const more = node.oneOf ? ` Default: ${defaultOf(node)}.` : list;
	const heading = `## ${namespace}:${name}\n\n${linked(node.description)}${more}\n`;
	return `${heading}\n${kinds ? alternatives.join("\n") : table(fields, "", (node.items ?? node).required)}`;
}

/** Of a setting, or of each item of a list. */
function alternativesOf(node: Node): Node[] | undefined {
	return node.oneOf ?? node.items?.oneOf;
}

function table(fields: [name: string, node: Node][], before: string, required: string[] = []): string {
	const rows = fields
		.flatMap(([name, node]) => spread(name, node, required))
		.map(([name, node, needed]) => {
			const fallback = needed ? "required" : defaultOf(node);
			return `| \`${before}${name}\` | ${allowedBy(node)} | ${fallback} | ${linked(node.description)} |\n`;
		});
	return `| setting | allowed | default | |\n|---|---|---|---|\n${rows.join("")}`;
}

/** Pages that a description names are links from the page beside them. */
function linked(description = ""): string {
	return description.replaceAll(/docs\/([\w/-]+\.md)/g, "[$1]($1)");
}

/** A setting, and those within it as `outer.inner`. */
function spread(name: string, node: Node, required: string[]): [name: string, node: Node, required: boolean][] {
	const within = Object.entries(node.properties ?? {}).flatMap(([inner, one]) =>
		spread(
			`${name}.${inner}`,
			one,
			(node.required ?? []).map((other) => `${name}.${other}`),
		),
	);
	return [[name, node, required.includes(name)], ...within];
}

function defaultOf(node: Node): string {
	if (node.defaultInWords) return node.defaultInWords;
	if (node.default === undefined) return "none";
	if (node.properties) return "those below";
	if (Array.isArray(node.default)) return node.default.length > 0 ? node.default.join(", ") : "none";
	return `\`${String(node.default)}\``;
}

/** Without what only the reference reads; an encrypted value is an object with one key. */
function forEditors(node: Node): object {
	const { allowed: _, defaultInWords: __, secret, properties, items, oneOf, ...rest } = node;
	const converted = {
		...rest,
		...(properties && {
			properties: Object.fromEntries(Object.entries(properties).map(([name, p]) => [name, forEditors(p)])),
		}),
		...(items && { items: forEditors(items) }),
		...(oneOf && { oneOf: oneOf.map(forEditors) }),
	};
	if (!secret) return converted;
	const encrypted = { type: "object", properties: { secure: { type: "string" } }, required: ["secure"] };
	const { additionalProperties } = node;
	if (typeof additionalProperties !== "object") return { anyOf: [encrypted, converted] };
	// Of a map each value is encrypted.
	return { ...converted, additionalProperties: { anyOf: [encrypted, additionalProperties] } };
}
