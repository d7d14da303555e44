import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { traceIdOf } from "../../cli/query/ask.ts";
import { type Line, logQl, looks } from "../../cli/query/logs.ts";
import { traceQl } from "../../cli/query/search.ts";
import { secondsOf } from "../../cli/query/since.ts";
import { type Span, spansOf } from "../../cli/query/spans.ts";
import { duration, waterfall } from "../../cli/query/waterfall.ts";

const start = 1_763_000_000_000;

function span(id: string, parent: string, from: number, to: number, more: Partial<Span> = {}): Span {
	return { id, parent, service: "shop", name: id, start: start + from, end: start + to, ...more };
}

function drawn(spans: Span[], width = 80, most = 200): string[] {
	return waterfall(spans, width, most).map(stripVTControlCharacters);
}

describe("a trace in Tempo's answer", () => {
	const nano = (ms: number) => `${BigInt((start + ms) * 1000) * 1000n}`;
	const base64 = (hex: string) => Buffer.from(hex, "hex").toString("base64");
	const resource = { attributes: [{ key: "service.name", value: { stringValue: "pay" } }] };
	const event = { name: "exception", attributes: [{ key: "exception.message", value: { stringValue: "declined" } }] };
	const spans = [
		{
			spanId: base64("00000000000000b1"),
			parentSpanId: base64("00000000000000a0"),
			name: "charge",
			startTimeUnixNano: nano(1),
			endTimeUnixNano: nano(2.5),
			status: { code: "STATUS_CODE_ERROR" },
			events: [event],
		},
		{ spanId: "00000000000000a0", startTimeUnixNano: nano(0), status: { code: 0 } },
	];

	it("is spans in the order of their beginning, ids in hex, with why they failed", () => {
		expect(spansOf({ trace: { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] } })).toEqual([
			{ id: "00000000000000a0", parent: "", service: "pay", name: "(no name)", start, end: start },
			{
				id: "00000000000000b1",
				parent: "00000000000000a0",
				service: "pay",
				name: "charge",
				start: start + 1,
				end: start + 2.5,
				error: "declined",
			},
		]);
	});

	it("may be empty", () => expect(spansOf({})).toEqual([]));
});

describe("a waterfall", () => {
	it("shows children below their parents, when they ran, and what failed", () => {
		const lines = drawn([
			span("root", "", 0, 100),
			span("first", "root", 0, 50),
			span("second", "root", 50, 100, { error: "no\nroom" }),
			span("deep", "first", 25, 50),
		]);
		const row = (text: string, took: string, bar: string) => `${text.padEnd(46)} ${took.padStart(8)} ${bar}`;
		expect(lines).toEqual([
			row("  shop root", "100 ms", "━".repeat(24)),
			row("    shop first", "50 ms", "━".repeat(12)),
			row("      shop deep", "25 ms", `${" ".repeat(6)}${"━".repeat(6)}`),
			row("✗   shop second: no", "50 ms", `${" ".repeat(12)}${"━".repeat(12)}`),
		]);
		for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
	});

	it("says when a parent is missing", () => {
		expect(drawn([span("late", "gone", 0, 1)])[0]).toContain("(parent missing) shop late");
	});

	it("shows each span once, whatever names whom as its parent", () => {
		const lines = drawn([span("a", "b", 0, 1), span("b", "a", 0, 1), span("self", "self", 0, 1)]);
		expect(lines).toHaveLength(3);
	});

	it("stands a chain of ten thousand, and counts what it leaves out", () => {
		const chain = Array.from({ length: 10_000 }, (_, i) => span(`s${i}`, i > 0 ? `s${i - 1}` : "", i, 10_000));
		const lines = drawn(chain, 80, 200);
		expect(lines).toHaveLength(201);
		expect(lines[200]).toBe("… and 9800 more: --all");
		for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
	});

	it("stands a span with two hundred thousand children", () => {
		const many = Array.from({ length: 200_000 }, (_, i) => span(`s${i}`, "root", i, i + 1));
		const lines = drawn([span("root", "", 0, 200_000), ...many], 80, 3);
		expect(lines).toHaveLength(4);
		expect(lines[2]).toContain("shop s1 ");
		expect(lines[3]).toBe("… and 199998 more: --all");
	});

	it("obeys nothing that somebody sent", () => {
		expect(drawn([span("a", "", 0, 1, { name: "\u001b[2J\u202eevil" })])[0]).toContain("shop \\u001b[2J\\u202eevil");
	});
});

it.each([
	[0, "0 µs"],
	[0.25, "250 µs"],
	[12.345, "12.3 ms"],
	[1500, "1.5 s"],
	[90_000, "90 s"],
])("%s ms are %s", (ms, text) => expect(duration(ms)).toBe(text));

describe("a query", () => {
	it("is of a service, or TraceQL", () => {
		expect(traceQl('a "b"', {})).toBe('{ resource.service.name = "a \\"b\\"" }');
		expect(traceQl("shop", { errors: true })).toBe('{ resource.service.name = "shop" && status = error }');
		expect(traceQl(undefined, { traceql: "{ duration > 1s }" })).toBe("{ duration > 1s }");
		expect(() => traceQl(undefined, {})).toThrow("Either a service or --traceql");
		expect(() => traceQl("shop", { traceql: "{}" })).toThrow("Either a service or --traceql");
	});

	it("of logs is LogQL", () => {
		expect(logQl("shop", {})).toBe('{service_name="shop"}');
		expect(logQl("shop", { trace: "AB", grep: 'a"b' })).toBe(
			`{service_name="shop"} |= "a\\"b" | trace_id="${"0".repeat(30)}ab"`,
		);
	});

	it("looks back for a duration, and refuses what is none", () => {
		expect(secondsOf("1h30m")).toBe(5400);
		expect(secondsOf("7d")).toBe(604_800);
		for (const wrong of ["", "soon", "0m", "1.5h", "-1h"]) expect(() => secondsOf(wrong), wrong).toThrow("--since is");
	});
});

describe("logs that are followed", () => {
	const line = (seconds: number, text = `${seconds}`): Line => ({
		at: BigInt(seconds) * 1_000_000_000n,
		severity: "",
		traceId: "",
		text,
	});

	/** What is shown of each look, when a server has these lines by then. */
	async function shown(had: Line[][], limit: number): Promise<string[][]> {
		const stored: Line[] = [];
		const all: string[][] = [];
		const look = async (from: bigint, count: number) => {
			stored.push(...had[all.length]!);
			return stored
				.filter(({ at }) => at >= from)
				.sort((a, b) => Number(a.at - b.at))
				.slice(-count);
		};
		for await (const lines of looks(look, 0n, limit)) {
			all.push(lines.map(({ text }) => text));
			if (all.length === had.length) break;
		}
		return all;
	}

	it("are shown once each, also what comes later than what is newer", async () => {
		const had = [[line(100), line(101)], [], [line(99), line(101, "as late")], [line(102)]];
		expect(await shown(had, 50)).toEqual([["100", "101"], [], ["99", "as late"], ["102"]]);
	});

	it("begin with the newest, and leave out none of a burst", async () => {
		const burst = Array.from({ length: 300 }, (_, i) => line(105, `b${i}`));
		const [first, , third] = await shown([[line(100), line(101), line(102)], [], burst], 2);
		expect(first).toEqual(["101", "102"]);
		expect(third).toHaveLength(300);
	});

	it("are waited for where there are none", async () => {
		expect(await shown([[], [line(5)]], 2)).toEqual([[], ["5"]]);
	});
});

it("takes a trace id as people copy it, and nothing else", () => {
	expect(traceIdOf("AB12")).toBe(`${"0".repeat(28)}ab12`);
	for (const text of ["", "xyz", "0".repeat(33)]) expect(() => traceIdOf(text)).toThrow("is no trace id");
	expect(() => logQl("shop", { trace: "xyz" })).toThrow("xyz is no trace id");
});
