import { describe, expect, it } from "vitest";
import { mergePatch, renderYaml } from "../../components/render.ts";

describe("mergePatch follows the examples of RFC 7396, appendix A", () => {
	it.each([
		[{ a: "b" }, { a: "c" }, { a: "c" }],
		[{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
		[{ a: "b" }, { a: null }, {}],
		[{ a: "b", b: "c" }, { a: null }, { b: "c" }],
		[{ a: ["b"] }, { a: "c" }, { a: "c" }],
		[{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
		[{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
		[{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
		[
			["a", "b"],
			["c", "d"],
			["c", "d"],
		],
		[{ a: "b" }, ["c"], ["c"]],
		[{ a: "foo" }, null, null],
		[{ a: "foo" }, "bar", "bar"],
		[{ e: null }, { a: 1 }, { e: null, a: 1 }],
		[[1, 2], { a: "b", c: null }, { a: "b" }],
		[{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
	])("%j with %j is %j", (base, patch, result) => {
		expect(mergePatch(base, patch)).toEqual(result);
	});

	it("changes neither argument", () => {
		const base = { a: { b: 1 } };
		const patch = { a: { c: 2 } };
		mergePatch(base, patch);
		expect([base, patch]).toEqual([{ a: { b: 1 } }, { a: { c: 2 } }]);
	});
});

describe("renderYaml", () => {
	it("gives the same text for the same input, and resolves anchors", () => {
		const text = renderYaml("collector/collector.yaml");
		expect(renderYaml("collector/collector.yaml")).toBe(text);
		expect(text).not.toMatch(/[&*](retry|queue)/);
	});

	it("applies patches in order", () => {
		const text = renderYaml("loki/loki.yaml", { server: { log_level: "debug" } }, undefined, {
			server: { log_level: null },
		});
		expect(text).not.toContain("log_level");
	});
});
