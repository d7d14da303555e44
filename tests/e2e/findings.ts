// What a run of `./tracestack drift` says, held against what was done; and what it says is done.

import { execa } from "execa";
import { expect } from "vitest";
import type { Change } from "../../cli/diff/change.ts";
import type { Finding } from "../../cli/drift/finding.ts";
import type { Report } from "../../cli/drift/report.ts";
import { root } from "../../cli/paths.ts";
import type { TestStack } from "./stack.ts";

/** What `./tracestack drift` finds. */
export async function findings(stack: TestStack): Promise<Finding[]> {
	const started = Date.now();
	const { code, stdout, all } = await stack.tracestack("drift", "--format", "json");
	console.log(`drift took ${((Date.now() - started) / 1000).toFixed(1)} s`);
	expect([0, 2], all).toContain(code);
	const report: Report = JSON.parse(stdout);
	expect(report.failed).toEqual([]);
	expect(code).toBe(report.findings.length > 0 ? 2 : 0);
	return report.findings;
}

/** What a finding must say. */
interface Expected extends Pick<Finding, "component" | "subject" | "action" | "severity" | "by"> {
	/** At least these, whatever else. */
	changes?: Change[];
}

/** Everything that is expected was found, as it should be told, and nothing else. */
export function expectFound(findings: Finding[], expected: Expected[]): void {
	const title = ({ component, subject }: Pick<Finding, "component" | "subject">) => `${component}: ${subject}`;
	expect(findings.map(title).sort()).toEqual(expected.map(title).sort());
	for (const { changes = [], ...rest } of expected) {
		const found = findings.find((finding) => title(finding) === title(rest));
		expect(found).toMatchObject({ kind: "drifted", ...rest });
		expect(found?.changes, title(rest)).toEqual(expect.arrayContaining(changes));
		expect(found?.restore, title(rest)).toBeTruthy();
	}
}

/** Does what `restore` says, each command once: what stops containers first, what makes them again last. */
export async function restore(findings: Finding[]): Promise<void> {
	const commands = [...new Set(findings.flatMap(({ restore }) => restore!.split(" && ")))];
	const kinds = [/^(curl|docker tag)/, /^docker stop/, /^docker (rm|restart)/, /^\.\/tracestack (pulumi )?up/];
	expect(commands.filter((command) => !kinds.some((kind) => kind.test(command)))).toEqual([]);
	for (const kind of kinds) {
		const asked = commands
			.filter((command) => kind.test(command))
			.map((command) =>
				command.replace("tracestack up", "$& --no-verify").replace("pulumi up", "$& --yes --skip-preview"),
			);
		await Promise.all(asked.map((command) => execa("bash", ["-c", command], { cwd: root })));
	}
}
