// What is made from the schema is what is committed.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { editorSchema, reference } from "../../settings/reference.ts";

const docs = join(import.meta.dirname, "../../docs");

it.each([
	["settings.md", reference()],
	["settings.schema.json", `${JSON.stringify(editorSchema(), null, "\t")}\n`],
])("docs/%s is current", (name, text) => {
	const file = join(docs, name);
	if (process.env.UPDATE_GOLDENS) writeFileSync(file, text);
	expect(existsSync(file) && readFileSync(file, "utf8")).toBe(text);
});
