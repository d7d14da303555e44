// Documents: links and anchors lead somewhere, every page is found, every command is told.

import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { Command } from "commander";
import { describe, expect, it, test } from "vitest";
import { dataCommands } from "../../cli/commands/data.ts";
import { packCommands } from "../../cli/commands/packs.ts";
import { projectCommands } from "../../cli/commands/project.ts";
import { stackCommands } from "../../cli/commands/stack.ts";
import { telemetryCommands } from "../../cli/commands/telemetry.ts";
import { root } from "../../cli/paths.ts";

/** Fenced blocks have no headings, and neither they nor inline code have links. */
const fences = /^( *)(```+)[\s\S]*?^\1\2 *$/gm;

/** Reports of the week are the stacks' own, and nothing links to them. */
const pages = globSync(["*.md", "{.github,airgap,configs,docs,policies,workers}/**/*.md"], { cwd: root }).filter(
	(page) => !page.startsWith("docs/metrics/"),
);

const textOf = (page: string) => readFileSync(join(root, page), "utf8").replace(fences, "");

/** The anchors that GitHub gives a page's headings. */
function anchorsOf(text: string): Set<string> {
	const seen = new Map<string, number>();
	return new Set(
		[...text.matchAll(/^#{1,6} +(.+?) *#*$/gm)].map(([, heading = ""]) => {
			const shown = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
			const slug = shown
				.toLowerCase()
				.replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
				.replaceAll(" ", "-");
			const times = seen.get(slug) ?? 0;
			seen.set(slug, times + 1);
			return times === 0 ? slug : `${slug}-${times}`;
		}),
	);
}

/** Where a page leads within the repository. */
function linksOf(text: string): string[] {
	const prose = text.replaceAll(/`[^`\n]*`/g, "");
	const written = [...prose.matchAll(/\]\(([^)\s]+)\)|<img [^>]*src="([^"]+)"/g)].map(([, link, src]) => link ?? src);
	return written.filter((link) => link !== undefined && !/^[a-z]+:/.test(link)) as string[];
}

/** What is wrong with a page's links. */
function dead(page: string): string[] {
	return linksOf(textOf(page)).filter((link) => {
		const [path = "", anchor] = link.split("#");
		const target = resolve(root, dirname(page), path || page.slice(page.lastIndexOf("/") + 1));
		if (!existsSync(target)) return true;
		if (!anchor) return false;
		return !statSync(target).isFile() || !anchorsOf(textOf(relative(root, target))).has(anchor);
	});
}

describe("links", () => {
	it("have the anchors that GitHub gives", () => {
		const text = "# Where it stands?\n## `storage`, and S3\n## `storage`, and S3\n## A [link](x.md)\n";
		expect([...anchorsOf(text)]).toEqual(["where-it-stands", "storage-and-s3", "storage-and-s3-1", "a-link"]);
		expect(linksOf("[a](b.md#c) `[d](e)` [f](https://g) ![h](i.svg)")).toEqual(["b.md#c", "i.svg"]);
	});

	it("lead somewhere", () => {
		expect(pages.length).toBeGreaterThan(50);
		expect(pages.flatMap((page) => dead(page).map((link) => `${page}: ${link}`))).toEqual([]);
	});

	it("lead from the README to every page", () => {
		// A set that grows while it is walked.
		const reached = new Set(["README.md"]);
		for (const page of reached)
			for (const link of linksOf(textOf(page))) {
				const [path = ""] = link.split("#");
				if (path.endsWith(".md")) reached.add(relative(root, resolve(root, dirname(page), path)));
			}
		expect(pages.filter((page) => !reached.has(page))).toEqual([]);
	});
});

test("the README's table has every command", () => {
	const program = new Command().enablePositionalOptions();
	for (const add of [stackCommands, telemetryCommands, packCommands, dataCommands, projectCommands]) add(program);
	const paths = ({ commands }: Command, above = ""): string[] =>
		commands.flatMap((one) => [`${above}${one.name()}`, ...paths(one, `${above}${one.name()} `)]);
	const [, section = ""] = readFileSync(join(root, "README.md"), "utf8").split("\n## Commands\n");
	const [table = ""] = section.split("\n## ");
	const told = [...table.matchAll(/^\| (`.+?) \| /gm)].map(([, cell]) => cell).join(" ");
	expect(paths(program).filter((path) => !new RegExp(`\`${path}[\` ]`).test(told))).toEqual([]);
});

test("dashboards, rows and panels that pages for on call name exist", () => {
	interface Panel {
		title?: string;
		panels?: Panel[];
	}
	const titles = (panel: Panel): string[] => [panel.title ?? "", ...(panel.panels ?? []).flatMap(titles)];
	const known = new Set(
		globSync("configs/packs/*/dashboards/*.json", { cwd: root }).flatMap((file) =>
			titles(JSON.parse(readFileSync(join(root, file), "utf8"))),
		),
	);
	const named = pages
		.filter((page) => page.startsWith("docs/runbooks/") || page === "docs/operations.md")
		.flatMap((page) => {
			const prose = textOf(page)
				.replaceAll(/`[^`]*`/g, "")
				.replaceAll("**", "");
			return [...prose.matchAll(/\*([^*\n]+)\*/g)].map(([, title = ""]) => ({ page, title }));
		});
	expect(named.length).toBeGreaterThan(0);
	expect(named.filter(({ title }) => !known.has(title))).toEqual([]);
});
