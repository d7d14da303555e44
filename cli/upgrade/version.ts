// What lies between two images, as far as their tags say.

/** `rebuilt`: the same version under another tag. `unknown`: a tag that is no version, such as `latest`, or too short a one. */
export type Step = "same" | "rebuilt" | "patch" | "minor" | "major" | "downgrade" | "unknown";

/** A version that a tag begins with, and what says that it comes before the release. One number alone has to end there. */
const version =
	/^v?(\d+)(?:\.(\d+)(?:\.(\d+))?(?:\.\d+)*|(?!\w))([-.]?(?:alpha|beta|rc|preview|pre|dev)[-.]?\d*(?![a-z]))?/;

/** The version that an image's tag begins with, as it is written there; the whole tag where it is none. */
export function versionOf(image: string): string {
	const tag = tagOf(image);
	return version.exec(tag)?.[0] ?? tag;
}

/** From an image to another of the same service. What a tag leaves out, as 10.1 does, is 0 in what runs, and open in what comes. */
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
