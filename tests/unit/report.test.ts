import { describe, expect, it, test, vi } from "vitest";
import { carriersOf, lacking } from "../../cli/attributes.ts";
import { parseEnvelope, tracesOf, valuesOf } from "../../cli/report/envelope.ts";
import { storeOf } from "../../cli/report/push.ts";
import { store } from "../../cli/report/store.ts";
import { dashboards, packs } from "../../components/packs.ts";
import { reportSource, reportStore } from "../../components/reports.ts";
import { parseSettings } from "../../settings.ts";

const raw = {
	schemaVersion: "1.0.0",
	source: "verify-lite",
	correlation: { runId: "8123", branch: "main", traceIds: ["5b8efff798038103d269b633813fc60c", "ab"] },
	summary: {
		validation: { valid: false },
		mutation: { score: 59.74, files: ["a"], note: "fair" },
		steps: { lint: { status: "success" }, tests: { status: "failure", retried: true } },
		nothing: null,
	},
};

describe("an envelope", () => {
	it("becomes numbers by run and branch, and trace ids of 32 digits", () => {
		const envelope = parseEnvelope(raw, "e.json");
		const labels = { source: "verify-lite", run_id: "8123", branch: "main" };
		expect(valuesOf(envelope)).toEqual(
			[
				["validation.valid", 0],
				["mutation.score", 59.74],
				["steps.lint.status", 1],
				["steps.tests.status", 0],
				["steps.tests.retried", 1],
			].map(([field, value]) => ({ value, attributes: { ...labels, field } })),
		);
		expect(tracesOf(envelope).map(({ attributes }) => attributes.trace_id)).toEqual([
			"5b8efff798038103d269b633813fc60c",
			`${"0".repeat(30)}ab`,
		]);
		expect(envelope).toMatchObject({ schemaVersion: "1.0.0" });
	});

	it("may call its correlation traceCorrelation", () => {
		const { correlation, ...rest } = raw;
		expect(parseEnvelope({ ...rest, traceCorrelation: correlation }, "e.json").correlation.runId).toBe("8123");
	});

	test.each([
		[{}, ["e.json has a mistake", "correlation is missing", "runId, branch, traceIds"]],
		[{ correlation: { runId: "a/b" }, source: "x y" }, ['correlation.runId is "a/b"', 'source is "x y"', "2 mistakes"]],
		[{ correlation: { runId: ".." }, source: ".." }, ['correlation.runId is ".."', 'source is ".."']],
		[{ correlation: { runId: "1", traceIds: ["xyz"] } }, ['correlation.traceIds[0] is "xyz"', "hexadecimal"]],
		[null, ["correlation is missing"]],
	])("like %j is refused", (wrong, said) => {
		for (const words of said) expect(() => parseEnvelope(wrong, "e.json")).toThrow(words);
	});
});

describe("reports are read from the object store", () => {
	const settings = (storage: Record<string, unknown>, of: string[]) =>
		parseSettings({ storage, packs: of }, { project: "tracestack", name: "dev" });
	const own = { backend: "s3", endpoint: "objectstore:7070", bucket: "tracestack", insecure: true } as const;
	const keys = { accessKeyId: "id", secretAccessKey: "key" };

	it("where the stack has one whose key it knows", () => {
		expect(reportStore({ ...own, forcePathStyle: true, ...keys })?.url).toBe(
			"http://objectstore:7070/tracestack/reports",
		);
		expect(reportStore({ ...own, forcePathStyle: true, prefix: "a", ...keys })?.url).toContain("/tracestack/a-reports");
		expect(reportStore({ ...own, forcePathStyle: true })).toBeUndefined();
		expect(reportStore({ backend: "local" })).toBeUndefined();
	});

	it("by the packs that list the plugin, and by nobody else", () => {
		const store = reportStore({ ...own, forcePathStyle: true, ...keys });
		expect(reportSource(settings({ backend: "s3" }, ["kvonce"]), store)).toMatchObject({
			uid: "reports",
			jsonData: { allowedHosts: ["http://objectstore:7070/tracestack/reports/"] },
		});
		expect(reportSource(settings({ backend: "s3" }, ["platform"]), store)).toBeUndefined();
		const [shown] = dashboards(packs(["kvonce"]), ["reports"]);
		expect(shown?.json).not.toContain('"uid":"reports"');
	});

	it("and written at the address that this machine reaches", () => {
		const output = { url: "http://objectstore:7070/tracestack/reports", region: "r", ...keys };
		expect(storeOf(output, { objectStore: "http://127.0.0.1:7070" })?.url).toBe(
			"http://127.0.0.1:7070/tracestack/reports",
		);
		expect(storeOf(output, {})).toEqual(output);
		expect(storeOf(undefined, {})).toBeUndefined();
	});
});

describe("what belongs to an envelope", () => {
	const where = { url: "http://127.0.0.1:1/reports", region: "r", accessKeyId: "id", secretAccessKey: "key" };

	test.each([
		["two reports", ["junit.xml", "junit.xml"], "junit.xml"],
		["the envelope's own name", ["envelope.json", "envelope.json"], "envelope.json"],
	])("is never written over by another file: %s", async (_, names, name) => {
		const asked = vi.spyOn(globalThis, "fetch");
		const objects = names.map((one) => ({ name: one, body: Buffer.from("{}") }));
		await expect(store(where, { source: "ci", runId: "r-1", samples: [], objects })).rejects.toThrow(
			`two files would be stored as ${name}: give one of them another name`,
		);
		expect(asked).not.toHaveBeenCalled();
		asked.mockRestore();
	});
});

describe("attributes that are lacking", () => {
	const text = (value: string) => ({ stringValue: value });
	const span = (name: string, ...keys: string[]) => ({
		name,
		attributes: keys.map((key) => ({ key, value: text("x") })),
	});
	const message = {
		resourceSpans: [
			{
				resource: { attributes: [{ key: "service.name", value: text("shop") }] },
				scopeSpans: [{ spans: [span("a", "run"), span("a"), span("b", "run", "branch")] }],
			},
		],
	};

	it("are told by service and span name; a resource's attributes are its spans' as well", () => {
		const carriers = carriersOf(JSON.stringify(message));
		expect(lacking(carriers, ["run", "service.name"])).toEqual([
			{ service: "shop", span: "a", attribute: "run", lacking: 1, of: 2 },
		]);
		expect(lacking(carriers, ["branch"])).toEqual([
			{ service: "shop", span: "a", attribute: "branch", lacking: 2, of: 2 },
		]);
	});

	it("are found in a message on each line, too", () => {
		const line = JSON.stringify(message);
		expect(carriersOf(`${line}\n${line}\n`)).toHaveLength(6);
	});
});
