import { describe, expect, it } from "vitest";
import { gather } from "../../cli/drift/drift.ts";
import type { Context, Finding } from "../../cli/drift/finding.ts";
import { looksAt } from "../../cli/drift/live/index.ts";
import { markdown } from "../../cli/drift/markdown.ts";
import { exitCode, type Gathered, makeReport } from "../../cli/drift/report.ts";
import { text } from "../../cli/drift/text.ts";

const retention: Finding = {
	kind: "planned",
	component: "tempo",
	subject: "container",
	action: "replace",
	severity: "restarts a service",
	stateful: false,
	changes: [{ path: "/etc/tempo/tempo.yaml overrides.defaults.compaction.block_retention", from: "336h", to: "48h" }],
};

const edit: Finding = {
	kind: "drifted",
	component: "grafana",
	subject: "dashboard services",
	action: "update",
	severity: "cosmetic",
	stateful: false,
	changes: [
		{ path: 'panel "Requests" title', from: "Requests", to: "All requests" },
		{ path: 'panel "Errors"', from: { id: 3 } },
	],
	since: "2026-01-31T12:00:00Z",
	by: "admin",
	restore: "./tracestack pulumi up --refresh",
};

const volume: Finding = {
	kind: "planned",
	component: "loki",
	subject: "volume loki-data",
	action: "delete",
	severity: "breaks data",
	stateful: true,
	changes: [],
};

const none: Gathered = { findings: [], failed: [] };
const report = (findings: Finding[], failed: Gathered["failed"] = [], rules = [] as never[]) =>
	makeReport("dev", { findings, failed }, rules);

describe("a comment for a reviewer", () => {
	it("begins with its marker and the counts, then what takes data, then a line for each finding", () => {
		expect(markdown(report([edit, retention, volume]))).toBe(`<!-- tracestack drift: dev -->
### Stack \`dev\`: 2 planned, 1 drifted

| | in all | replaced | deleted | changed | new |
|---|--:|--:|--:|--:|--:|
| planned: \`up\` will do it | **2** | 1 | 1 | 0 | 0 |
| drifted: it was done beside the code | **1** | 0 | 0 | 1 | 0 |

> [!CAUTION]
> **1 takes stored data with it**
>
> - \`loki\` **\`volume loki-data\`** will be deleted, with what it stores (breaks data)

#### \`tempo\`

- **\`container\`** will be replaced (restarts a service): \`/etc/tempo/tempo.yaml overrides.defaults.compaction.block_retention\` \`336h\` → \`48h\`

#### \`grafana\`

- **\`dashboard services\`** drifted (cosmetic): \`panel "Requests" title\` \`Requests\` → \`"All requests"\` and 1 more, since 2026-01-31 12:00 UTC by \`admin\`. Restore: \`./tracestack pulumi up --refresh\`

<details>
<summary>Every change</summary>

\`tempo\` \`container\` will be replaced
\`\`\`diff
- /etc/tempo/tempo.yaml overrides.defaults.compaction.block_retention: 336h
+ /etc/tempo/tempo.yaml overrides.defaults.compaction.block_retention: 48h
\`\`\`

\`grafana\` \`dashboard services\` drifted
\`\`\`diff
- panel "Requests" title: Requests
+ panel "Requests" title: "All requests"
- panel "Errors": {"id":3}
\`\`\`


</details>
`);
	});

	it("says that it is clean", () => {
		expect(markdown(report([]))).toBe(`<!-- tracestack drift: dev -->
### Stack \`dev\`: 0 planned, 0 drifted

✅ Nothing drifted, nothing is planned: code, state and what runs are the same.
`);
	});

	it("does not say that it is clean where nobody could look", () => {
		const comment = markdown(report([], [{ look: "grafana", reason: "http://127.0.0.1:3000: ECONNREFUSED" }]));
		expect(comment).not.toContain("✅");
		expect(comment).toContain("> [!WARNING]\n> **1 could not be looked at");
		expect(comment).toContain("> - `grafana`: `http://127.0.0.1:3000: ECONNREFUSED`");
	});

	it("says what nobody looked at, and no more than was seen", () => {
		const resources = (type: string) => ({ deployment: { resources: [{ urn: "u", type }] } });
		expect(looksAt(resources("docker:index/container:Container")).unseen).toEqual([]);
		const { looks, unseen } = looksAt(resources("aws:ecs/service:Service"));
		expect(Object.keys(looks)).toEqual(["Grafana's content"]);
		expect(unseen).toContain("files in containers");
		const seen = makeReport("prod", { ...none, unseen });
		for (const told of [markdown(seen), text(seen)]) {
			expect(told).not.toContain("what runs are the same");
			expect(told).toContain("nothing drifted of what was looked at");
			for (const look of unseen) expect(told.toLowerCase()).toContain(look.toLowerCase());
		}
		expect(
			Math.max(
				...text(seen)
					.split("\n")
					.map((line) => line.length),
			),
		).toBeLessThanOrEqual(80);
		expect(exitCode(seen)).toBe(0);
	});

	it("says the same, whatever order the looks were done in", () => {
		const all = [edit, retention, volume, { ...edit, subject: "dashboard alerts" }];
		expect(markdown(report(all.toReversed()))).toBe(markdown(report(all)));
	});
});

const evil = "``` </details> @everyone | **x** <!-- \n```\n# heading\u001b[31m \u202etxt [a](b) ````";

describe("hostile content", () => {
	const hostile: Finding[] = [
		{ ...edit, subject: evil, by: evil, restore: evil, changes: [{ path: evil, from: evil, to: `${evil}\n${evil}2` }] },
		{ ...edit, component: evil, subject: "`", changes: [{ path: "", from: "````", to: { [evil]: evil } }] },
		{ ...volume, subject: evil },
	];
	const comment = markdown(
		makeReport("dev", { findings: hostile, failed: [{ look: "x", reason: evil }] }, [
			{ subject: evil.slice(0, 9), reason: evil },
		]),
	);

	it("stays within code, and fences are never broken", () => {
		// As CommonMark reads it: a fence ends at one that is as long; a code span at as many backticks.
		const withoutFences = comment.replace(/^(`{3,})diff\n[\s\S]*?\n\1$/gm, "");
		const prose = withoutFences.replace(/(?<!`)(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)/g, "");
		expect(prose).not.toMatch(/everyone|heading|\*\*x|\[a\]/);
		expect(prose.match(/<details>/g)).toHaveLength(prose.match(/<\/details>/g)?.length ?? -1);
		expect(withoutFences).not.toMatch(/^#[^#]*heading/m);
	});

	it("has no escape sequences and no reversed text, in a terminal neither", () => {
		for (const told of [comment, text(report(hostile))]) {
			expect(told).not.toContain("\u001b[31m");
			expect(told).not.toContain("\u202e");
			expect(told).toContain("\\u202etxt");
		}
	});
});

describe("10,000 findings", () => {
	const many: Finding[] = Array.from({ length: 10_000 }, (_, i) => ({
		...[edit, retention, volume][i % 3]!,
		subject: `dashboard 🔥 ${i} ${"`".repeat(i % 7)}`,
		changes: [{ path: `panel ${i}`, from: "x".repeat(i), to: "🔥".repeat(500) }],
	}));
	const failed = Array.from({ length: 500 }, (_, i) => ({ look: `look ${i}`, reason: "é".repeat(5000) }));
	const rules = Array.from({ length: 50 }, (_, i) => ({ subject: `nothing ${i}`, reason: "é".repeat(5000) }));

	it("fit into a comment: lines and diffs are cut, counts never", () => {
		const comment = markdown(makeReport("dev", { findings: many, failed }, rules));
		expect(Buffer.byteLength(comment)).toBeLessThan(65_536);
		expect(comment).toContain("6666 planned, 3334 drifted, 500 looks failed");
		expect(comment).toContain("**3333 take stored data with them**");
		const shown = comment.match(/^- \*\*/gm)?.length ?? 0;
		expect(shown).toBeGreaterThan(50);
		expect(comment).toContain(`\n**… and ${6667 - shown} more**`);
		expect(comment).toMatch(/\d+ more diffs are left out/);
	});

	it("cut one diff that is too long, and keep those that fit", () => {
		const long = { ...edit, changes: [{ path: "text", from: "a\n".repeat(9000), to: "b\n".repeat(9000) }] };
		const comment = markdown(report([long, retention]));
		expect(comment).toMatch(/^! \d+ more lines$/m);
		expect(comment).toContain("+ /etc/tempo/tempo.yaml");
	});
});

describe("ignored findings", () => {
	const rules = [
		{ component: "grafana", subject: "dashboard *", reason: "SRE try panels there" },
		{ subject: "dashboard gone", reason: "it went in May" },
		{ subject: "volume *", reason: "wrong" },
	];
	const ignoring = makeReport("dev", { ...none, findings: [edit] }, rules);

	it("are folded with their reason, and don't count", () => {
		expect(exitCode(ignoring)).toBe(0);
		const comment = markdown(ignoring);
		expect(comment).toContain("0 planned, 0 drifted, 1 ignored");
		expect(comment).toMatch(
			/<summary>1 ignored, with the reason<\/summary>\n\n- .*dashboard services.*SRE try panels there/,
		);
		expect(text(ignoring)).toContain("because: SRE try panels there");
	});

	it("name rules that nothing matches any more", () => {
		expect(ignoring.unmatched.map(({ subject }) => subject)).toEqual(["dashboard gone", "volume *"]);
		expect(markdown(ignoring)).toContain("The rule for `dashboard gone` (`it went in May`) matches nothing");
	});

	it("are never those that take stored data with them", () => {
		expect(exitCode(makeReport("dev", { ...none, findings: [volume] }, rules))).toBe(2);
	});

	it("are the rule's component's only, and the rule's characters mean themselves", () => {
		const rule = (subject: string, component?: string) => [{ subject, reason: "r", ...(component && { component }) }];
		const count = (subject: string, component?: string) =>
			makeReport("dev", { ...none, findings: [{ ...edit, subject: "file /etc/a.yaml" }] }, rule(subject, component))
				.ignored.length;
		expect(count("file /etc/*.yaml")).toBe(1);
		expect(count("file /etc/*.yaml", "tempo")).toBe(0);
		expect(count("file /etc/a?yaml")).toBe(0);
		expect(count("file .etc.a.yaml")).toBe(0);
		expect(count("file /etc/a")).toBe(0);
	});
});

describe("what is gathered", () => {
	it("names a look that fails, with the findings of the others", async () => {
		const gathered = await gather({} as Context, {
			fine: async () => [edit],
			broken: async () => Promise.reject(new Error("no answer")),
			throwing: () => {
				throw new Error("at once");
			},
		});
		expect(gathered).toEqual({
			findings: [edit],
			failed: [
				{ look: "broken", reason: "no answer" },
				{ look: "throwing", reason: "at once" },
			],
		});
		expect(exitCode(makeReport("dev", gathered))).toBe(1);
		expect(exitCode(makeReport("dev", { ...none, findings: [edit] }))).toBe(2);
		expect(exitCode(makeReport("dev", none))).toBe(0);
	});

	it("is told once, with what each look knows of it", () => {
		const { since, by, restore, ...bare } = edit;
		const seen = makeReport("dev", {
			...none,
			findings: [
				{ ...bare, changes: [] },
				{ ...edit, stateful: true },
			],
		});
		expect(seen.findings).toEqual([{ ...edit, stateful: true }]);
		expect(seen.counts.drifted.update).toBe(1);

		const gone: Finding = { ...volume, kind: "drifted", severity: "cosmetic" };
		const twice = [{ ...gone, component: "stack", severity: "breaks data" as const, restore: "up" }, gone];
		expect(makeReport("dev", { ...none, findings: twice }).findings).toEqual([
			{ ...gone, severity: "breaks data", restore: "up" },
		]);
	});
});

describe("a report in a terminal", () => {
	it("says what a comment says, within 80 columns", () => {
		const long = { ...retention, subject: "container ".repeat(20) };
		const told = text(report([edit, retention, volume, long]));
		const lines = told.split("\n").filter((line) => !line.includes("restore:"));
		expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
		expect(told).toContain("1 TAKES STORED DATA WITH IT\n~ loki: volume loki-data will be deleted");
		expect(told).toContain("! dashboard services drifted (cosmetic)\n    since 2026-01-31 12:00 UTC by admin");
		expect(told).toContain('    panel "Requests" title: Requests → "All requests"');
		expect(told).toContain("      336h\n      → 48h");
		expect(told).toContain("    restore: ./tracestack pulumi up --refresh");
		expect(text(report([]))).toContain("Nothing drifted, nothing is planned");
	});
});
