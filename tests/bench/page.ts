// docs/performance.md: each benchmark writes what it has measured, and keeps what others have.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../cli/paths.ts";

const page = join(root, "docs/performance.md");
const driftHeading = "\n## Drift\n";

/** Writes the page but for the section about drift. */
export function writeLifecycle(text: string): void {
	const [, drift] = readFileSync(page, "utf8").split(driftHeading);
	writeFileSync(page, drift ? `${text}${driftHeading}${drift}` : text);
}

/** Writes the section about drift, the page's last. */
export function writeDrift(text: string): void {
	const [before] = readFileSync(page, "utf8").split(driftHeading);
	writeFileSync(page, `${before}${driftHeading}${text}`);
}
