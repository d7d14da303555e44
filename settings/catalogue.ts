import { readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { SettingsError } from "./error.ts";
import { explain } from "./explain.ts";

const schema = z.strictObject({
	images: z.record(
		z.string(),
		z.strictObject({
			image: z
				.string()
				.regex(/:[^:/]+$/)
				.meta({ allowed: "an image with a tag" }),
			patch: z
				.record(z.string(), z.unknown())
				.optional()
				.meta({ allowed: "a merge patch (RFC 7396) for the service's configuration" }),
		}),
	),
});

/** An image and, where its version needs one, a merge patch for its configuration. */
export type CatalogueEntry = z.infer<typeof schema>["images"][string];

/**
 * Reads an image catalogue; a relative path starts at the project.
 *
 * @throws SettingsError when it can't be read, or with every mistake in it.
 */
export function readCatalogue(file: string): Record<string, CatalogueEntry> {
	const path = isAbsolute(file) ? file : join(import.meta.dirname, "..", file);
	let raw: unknown;
	try {
		raw = parse(readFileSync(path, "utf8"));
	} catch (error) {
		throw new SettingsError(`the image catalogue ${file} can't be read: ${(error as Error).message}`);
	}
	const result = schema.safeParse(raw);
	if (!result.success) throw SettingsError.of(file, explain({ raw, schema, issues: result.error.issues }));
	return result.data.images;
}
