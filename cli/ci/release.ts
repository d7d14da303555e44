// `node cli/ci/release.ts TAG > FILE`: the release notes for a tag, from CHANGELOG.md, or why it can't be released.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** What must agree on the version. */
interface Sources {
	tag: string;
	/** Version by file. */
	versions: Record<string, string>;
	changelog: string;
}

/** The changelog's text for a tag. @throws with everything that does not agree. */
export function notes({ tag, versions, changelog }: Sources): string {
	const version = /^v(\d+\.\d+\.\d+(?:-[\w.]+)?)$/.exec(tag)?.[1];
	if (!version) throw new Error(`${tag} is no version: a tag is v and a version, such as v1.2.3 or v1.2.3-rc.1`);
	const others = Object.entries(versions).filter(([, other]) => other !== version);
	const wrong = others.map(([file, other]) => `${file} says ${other}: set it to ${version} before the tag`);
	const sections = changelog.split(/^(?=## )/m);
	const [heading = "", ...lines] = sections.find((one) => one.startsWith(`## [${version}]`))?.split("\n") ?? [];
	const text = lines
		.filter((line) => !/^\[[^\]]+\]: /.test(line))
		.join("\n")
		.trim();
	if (!heading) wrong.push(`CHANGELOG.md has no section ## [${version}]: rename Unreleased, with a date`);
	else if (!/^## \[\S+\] - \d{4}-\d\d-\d\d$/.test(heading))
		wrong.push(`CHANGELOG.md: "${heading}" lacks its date, as in ## [${version}] - 2027-01-31`);
	else if (!text) wrong.push(`CHANGELOG.md says nothing about ${version}`);
	if (wrong.length > 0) throw new Error(`${tag} can't be released:\n${wrong.map((line) => `  ${line}`).join("\n")}`);
	return `${text}\n`;
}

if (import.meta.main) {
	const read = (file: string) => readFileSync(join(root, file), "utf8");
	const versions = Object.fromEntries(
		["package.json", "policies/package.json"].map((file) => [file, JSON.parse(read(file)).version]),
	);
	try {
		process.stdout.write(notes({ tag: process.argv[2] ?? "", versions, changelog: read("CHANGELOG.md") }));
	} catch (error) {
		console.error((error as Error).message);
		process.exitCode = 1;
	}
}
