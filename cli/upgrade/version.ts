// What lies between two images, as far as their tags say.

/** `rebuilt`: the same version under another tag. `unknown`: a tag that is no version, such as `latest`. */
export type Step = "same" | "rebuilt" | "patch" | "minor" | "major" | "downgrade" | "unknown";

/** The version that an image's tag begins with, as it is written there; the whole tag where it is none. */
export function versionOf(image: string): string {
	const tag = tagOf(image);
	return /^v?\d+(\.\d+)+/.exec(tag)?.[0] ?? tag;
}

/** From an image to another of the same service. A version of two parts, such as 10.1, has 0 as the third. */
export function step(from: string, to: string): Step {
	if (from === to) return "same";
	const [a, b] = [numbers(from), numbers(to)];
	if (!a || !b) return "unknown";
	const at = a.findIndex((part, i) => part !== b[i]);
	if (at < 0) return "rebuilt";
	return b[at]! < a[at]! ? "downgrade" : (["major", "minor", "patch"] as const)[at]!;
}

function numbers(image: string): [number, number, number] | undefined {
	const [, major, minor, patch] = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(tagOf(image)) ?? [];
	return major === undefined ? undefined : [Number(major), Number(minor), Number(patch ?? 0)];
}

function tagOf(image: string): string {
	const [name = ""] = image.split("@");
	return name.slice(name.lastIndexOf(":") + 1);
}
