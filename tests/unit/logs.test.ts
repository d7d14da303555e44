// Which log lines lack what, by a pack's schema.

import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, test, vi } from "vitest";
import { logsCheckCommand, recordOf, verdict, where } from "../../cli/logs/check.ts";
import { judge, judgeOf, schemasAmiss } from "../../cli/logs/schema.ts";

const good = {
	run_id: "r-1",
	organization_slug: "acme-labs",
	component: "crawler",
	severity: "INFO",
	env: "production",
	timestamp: "2027-01-31T12:00:00Z",
	trace_id: "5b8efff798038103d269b633813fc60c",
	message: "more is welcome",
	pages: 3,
};

function folder(text: string): string {
	const dir = mkdtempSync(join(tmpdir(), "tracestack-logs-"));
	mkdirSync(join(dir, "shop"));
	writeFileSync(join(dir, "shop/logs.schema.json"), text);
	return dir;
}

function lines(...texts: string[]): string {
	const file = join(mkdtempSync(join(tmpdir(), "tracestack-lines-")), "app.jsonl");
	writeFileSync(file, texts.join("\n"));
	return file;
}

/** What a command told people, and its exit code. */
async function said(options: { from: string; pack?: string; json?: boolean }) {
	let all = "";
	const stdout = vi.spyOn(process.stdout, "write").mockReturnValue(true);
	vi.spyOn(process.stderr, "write").mockImplementation((text) => {
		all += text;
		return true;
	});
	const code = await logsCheckCommand({ stack: "dev", pack: "gazeqa", ...options });
	return { code, all, stdout: stdout.mock.calls.join("") };
}

afterEach(() => void vi.restoreAllMocks());

describe("a line of gazeqa", () => {
	const wrong = (line: unknown) => judgeOf("gazeqa")(line).map(({ what }) => what);

	it("that has everything is right, whatever else it has", () => {
		expect(wrong(good)).toEqual([]);
	});

	test.each(["run_id", "organization_slug", "component", "severity", "env"])("without %s lacks it", (name) => {
		expect(wrong({ ...good, [name]: undefined })).toEqual([`lacks ${name}`]);
		expect(wrong({ ...good, [name]: "" })).toEqual([expect.stringContaining(name)]);
	});

	test.each([
		[{ severity: "loud" }, "severity must be one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL"],
		[{ organization_slug: "Acme Labs" }, "organization_slug must match pattern"],
		[{ env: 3 }, "env must be string"],
		[{ trace_id: "xyz" }, "trace_id must match pattern"],
		[{ timestamp: "yesterday" }, "timestamp must match format"],
	])("with %j is told what is allowed", (part, told) => {
		expect(wrong({ ...good, ...part })).toEqual([expect.stringContaining(told)]);
	});

	it("is an object", () => {
		expect(wrong(["INFO"])).toEqual(["the line must be object"]);
	});
});

describe("a file", () => {
	const { run_id: _, env: __, ...short } = good;

	it("is told by what is wrong, how often, and in which lines", async () => {
		const all = [good, short, short, { ...good, severity: "loud" }, good].map((line) => JSON.stringify(line));
		const { code, all: told } = await said({ from: lines(...all, "", "not json", JSON.stringify(short)) });
		expect(code).toBe(1);
		expect(told).toContain("  3 of 7: lacks run_id\n    lines 2-3, 8\n");
		expect(told).toMatch(/ {2}1 of 7: severity must be one of TRACE, .*\n {4}such as "loud": line 4\n/);
		expect(told).toContain("  1 of 7: no JSON\n    line 7\n");
		expect(told).toContain("5 of 7 lines do not match the schema of the pack gazeqa");
	});

	it("without a mistake is told as such, as JSON as well", async () => {
		const { code, all, stdout } = await said({ from: lines(JSON.stringify(good), ""), json: true });
		expect([code, JSON.parse(stdout)]).toEqual([0, { lines: 1, wrong: 0, mistakes: [] }]);
		expect(all).toContain("all of 1 lines match the schema of the pack gazeqa");
	});

	it("that is empty, or is not there, is no right one", async () => {
		await expect(said({ from: lines("", "") })).rejects.toThrow(/No lines in .*nothing to check/);
		await expect(said({ from: "/nowhere.jsonl" })).rejects.toThrow(/nowhere.jsonl can't be read: ENOENT/);
	});

	it("has no line that a terminal would break, or be steered by", async () => {
		const many = Array.from({ length: 200 }, (_, i) => (i % 2 ? JSON.stringify(good) : "\u001b[31m"));
		const { all } = await said({ from: lines(...many) });
		for (const line of all.split("\n")) expect(line.length).toBeLessThan(81);
		const steered = await said({ from: lines(JSON.stringify({ ...good, env: "\u001b[31mred" })) });
		expect(steered.all).toContain("env must match pattern");
		expect(steered.all.split("\n")[1]).toMatch(/such as .*red": line 1/);
		expect(steered.all).not.toContain("\u001b[31mred");
	});
});

describe("what Loki holds", () => {
	it("is read as its writer meant it: metadata, severity, and a body of JSON", () => {
		const stream = { service_name: "crawler", severity_text: "WARN", run_id: "r-1", env: "prod" };
		expect(recordOf(stream, "slow page")).toMatchObject({ run_id: "r-1", severity: "WARN", message: "slow page" });
		expect(recordOf(stream, '{"run_id":"r-2","severity":"ERROR"}')).toMatchObject({ run_id: "r-2", severity: "ERROR" });
		expect(recordOf({ severity_text: "INFO", severity: "WARN" }, "x").severity).toBe("WARN");
		expect(recordOf({}, "[1]")).toEqual({ message: "[1]" });
	});

	it("is told by service", async () => {
		const at = ["crawler", "store", "crawler"];
		const all = at.map((service) => ({ at: service, record: {} }));
		const { mistakes, wrong } = await verdict(all, judge({ type: "object", required: ["env"] }));
		expect([wrong, mistakes]).toEqual([3, [{ what: "lacks env", at }]]);
		expect(where(at)).toBe("crawler (2), store (1)");
	});
});

describe("a pack's schema", () => {
	it("that is not there is told, with those that are, and what was probably meant", () => {
		expect(() => judgeOf("gazqa")).toThrow("no configs/packs/gazqa/logs.schema.json; did you mean gazeqa?");
		expect(() => judgeOf("nowhere-near")).toThrow("these have one: gazeqa");
	});

	test.each([
		["{", /is no JSON Schema: .*JSON/],
		['{"type":"objekt"}', /is no JSON Schema: schema is invalid/],
		['{"requierd":["a"]}', /is no JSON Schema: strict mode: unknown keyword: "requierd"/],
	])("like %s is refused, by `check` as well", (text, told) => {
		const dir = folder(text);
		expect(() => judgeOf("shop", dir)).toThrow(told);
		expect(schemasAmiss(dir)).toEqual([expect.stringMatching(told)]);
		expect(schemasAmiss()).toEqual([]);
	});
});
