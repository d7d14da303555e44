// Compares the versions of two images by their tags.

/**
 * The kind of an upgrade. `rebuilt`: the same version under another tag. `unknown`: a tag is no version, such as
 * `latest`, or too short.
 */
export type Step = "same" | "rebuilt" | "patch" | "minor" | "major" | "downgrade" | "unknown";

/**
 * A version at the beginning of a tag, with its suffix for pre-releases. A single number counts only where the tag or
 * word ends.
 */
const version =
	/^v?(\d+)(?:\.(\d+)(?:\.(\d+))?(?:\.\d+)*|(?!\w))([-.]?(?:alpha|beta|rc|preview|pre|dev)[-.]?\d*(?![a-z]))?/;

/** The version in an image's tag, as it is written there; the whole tag where it has none. */
export function versionOf(image: string): string {
	const tag = tagOf(image);
	return version.exec(tag)?.[0] ?? tag;
}

/**
 * The kind of upgrade from an image to another one of the same service. A part that a tag leaves out, such as the patch in
 * 10.1, counts as 0 in the present image, and as unknown in the next.
 */
export function step(from: string, to: string): Step {
	if (from === to) return "same";
	const [a, b] = [version.exec(tagOf(from)), version.exec(tagOf(to))];
	if (!a || !b) return "unknown";
	for (const [i, name] of (["major", "minor", "patch"] as const).entries()) {
		const was = Number(a[i + 1] ?? 0);
		if (b[i + 1] === undefined && was > 0) return "unknown";
		const comes = Number(b[i + 1] ?? 0);
		if (comes !== was) return comes < was ? "downgrade" : name;
	}
	const [was, comes] = [a[4], b[4]];
	if (was === comes) return "rebuilt";
	const earlier = comes !== undefined && (was === undefined || comes.localeCompare(was, "en", { numeric: true }) < 0);
	return earlier ? "downgrade" : "patch";
}

/** An image's tag; its digest where it has none. */
function tagOf(image: string): string {
	const [name = "", digest] = image.split("@");
	const [, tag] = /:([^:/]+)$/.exec(name) ?? [];
	return tag ?? digest?.slice(0, "sha256:".length + 12) ?? "latest";
}
