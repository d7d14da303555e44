// What a migration from Jaeger is made of, without a Jaeger.

import { appendFileSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differences } from "../../cli/migrate/compare.ts";
import { Journal, journalFile } from "../../cli/migrate/journal.ts";
import { byTrace, countSpans, requests, spansIn } from "../../cli/migrate/otlp.ts";
import { patiently, Temporary } from "../../cli/migrate/patience.ts";
import { summary } from "../../cli/migrate/report.ts";
import { pages, remaining, type Window } from "../../cli/migrate/windows.ts";

const day = 86_400_000;

describe("what is still to be read", () => {
	it("is everything at first, in pieces of a day", () => {
		const left = remaining({ from: 0, to: 2.5 * day }, []);
		expect(left).toEqual([
			{ from: 0, to: day },
			{ from: day, to: 2 * day },
			{ from: 2 * day, to: 2.5 * day },
		]);
	});

	it("is without what is done, whatever its order", () => {
		const done = [
			{ from: 60, to: 80 },
			{ from: -10, to: 20 },
			{ from: 70, to: 75 },
			{ from: 90, to: 200 },
		];
		expect(remaining({ from: 0, to: 100 }, done)).toEqual([
			{ from: 20, to: 60 },
			{ from: 80, to: 90 },
		]);
		expect(remaining({ from: 0, to: 100 }, [{ from: 0, to: 100 }])).toEqual([]);
	});
});

/** A Jaeger of traces that began at these times; its answers hold the newest, as a real one's. */
function searched(times: number[]) {
	const asked: Window[] = [];
	const search = async (window: Window, limit: number) => {
		asked.push(window);
		const found = times.flatMap((at, i) => (at >= window.from && at <= window.to ? [{ at, id: `trace-${i}` }] : []));
		return new Map(
			found
				.sort((a, b) => b.at - a.at)
				.slice(0, limit)
				.map(({ id, at }) => [id, at]),
		);
	};
	return { asked, search };
}

async function all<T>(read: AsyncGenerator<T>): Promise<T[]> {
	const list: T[] = [];
	for await (const one of read) list.push(one);
	return list;
}

describe("a search without pages", () => {
	it("is halved until every trace was in an answer, or is said to be too crowded", async () => {
		const time = fc.integer({ min: 0, max: 1000 });
		await fc.assert(
			fc.asyncProperty(fc.array(time, { maxLength: 200 }), fc.integer({ min: 1, max: 20 }), async (times, page) => {
				const read = await all(pages([{ from: 0, to: 1000 }], searched(times).search, { page }));
				const had = new Set(read.flatMap(({ traces }) => [...traces.keys()]));
				const crowded = read.filter(({ complete }) => complete === "crowded").map(({ window }) => window);
				const within = (at: number) => crowded.some(({ from, to }) => at >= from && at <= to);
				for (const [i, at] of times.entries()) expect(had.has(`trace-${i}`) || within(at), `${at}`).toBe(true);
				// What is said to be crowded is so.
				for (const { from, to } of crowded)
					expect(times.filter((at) => at >= from && at <= to).length).toBeGreaterThanOrEqual(page);
			}),
		);
	});

	it("asks once where one answer has all", async () => {
		const { asked, search } = searched([1, 500, 999]);
		await all(pages([{ from: 0, to: 1000 }], search, { page: 4 }));
		expect(asked).toEqual([{ from: 0, to: 1000 }]);
	});

	it("ends with as many traces as were wanted, the newest", async () => {
		const { search } = searched(Array.from({ length: 100 }, (_, i) => i * 10));
		const windows = remaining({ from: 0, to: 1000 }, [], 100);
		const read = await all(pages(windows, search, { page: 5, atMost: 12, known: ["trace-99"] }));
		const had = new Set(read.flatMap(({ traces }) => [...traces.keys()]));
		expect(had.size).toBe(12);
		expect(Math.min(...read.flatMap(({ traces }) => [...traces.values()]))).toBeGreaterThanOrEqual(870);
		expect(read.at(-1)?.complete).toBe("limit");
	});
});

const ids = { traceId: "5b8efff798038103d269b633813fc60c", spanId: "eee19b7ec3c1b174" };
const base64 = { traceId: "W47/95gDgQPSabYzgT/GDA==", spanId: "7uGbfsPBsXQ=" };

describe("an answer of Jaeger", () => {
	const answer = (of: typeof ids, more = {}) => ({
		result: { resourceSpans: [{ resource: { a: 1 }, scopeSpans: [{ scope: { b: 2 }, spans: [{ ...of, ...more }] }] }] },
	});
	const read = (text: string) => spansIn(text)[0]?.scopeSpans?.[0]?.spans?.[0];

	it("has ids in hex afterwards, in whatever form they came: of parents and links as well", () => {
		const more = (of: typeof ids) => ({ name: "GET", parentSpanId: of.spanId, links: [{ ...of, attributes: [] }] });
		for (const of of [ids, base64])
			expect(read(JSON.stringify(answer(of, more(of))))).toEqual({
				...ids,
				name: "GET",
				parentSpanId: ids.spanId,
				links: [{ ...ids, attributes: [] }],
			});
	});

	it("may be one object, a list, or one object per line", () => {
		const one = JSON.stringify(answer(ids));
		for (const text of [one, `[${one},${one}]`, `${one}\n${one}\n`]) expect(read(text)).toEqual(ids);
		expect(spansIn(`[${one},${one}]`)).toHaveLength(2);
		expect(spansIn('{"result":{}}')).toEqual([]);
		expect(() => spansIn("<html>\n<body>")).toThrow(SyntaxError);
	});

	it("is told apart by trace, each with its resources and scopes", () => {
		const other = { ...ids, traceId: "f".repeat(32) };
		const shared = [
			{ resource: 1, scopeSpans: [{ scope: 2, spans: [ids, other, { ...ids, spanId: "1".repeat(16) }] }] },
		];
		const traces = byTrace(shared);
		expect([...traces.keys()]).toEqual([ids.traceId, other.traceId]);
		expect(traces.get(other.traceId)).toEqual([{ resource: 1, scopeSpans: [{ scope: 2, spans: [other] }] }]);
		expect(countSpans(traces.get(ids.traceId) ?? [])).toBe(2);
	});

	it("counts a span that came twice once, and a client and a server that share an id twice", () => {
		const spans = [ids, ids, { ...ids, kind: 2 }, { ...ids, kind: 3 }];
		expect(countSpans([{ scopeSpans: [{ spans }] }])).toBe(3);
	});

	it("is packed into requests of a size that receivers take, without loss", () => {
		const spans = Array.from({ length: 100 }, (_, i) => ({ ...ids, spanId: `${i}`.padStart(16, "0"), name: "é\"'" }));
		const all = [
			{ resource: { a: 1 }, schemaUrl: "s", scopeSpans: [{ scope: { b: 2 }, spans }, { spans: [ids] }] },
			{ scopeSpans: [{ spans }] },
		];
		const bodies = [...requests(all, 2000)];
		expect(bodies.length).toBeGreaterThan(5);
		for (const body of bodies) expect(body.length).toBeLessThan(3000);
		const sent = bodies.flatMap((body) => JSON.parse(body).resourceSpans);
		const flat = (list: typeof all) =>
			list.flatMap(({ scopeSpans, ...outer }) =>
				scopeSpans.flatMap(({ spans, ...inner }) => spans.map((span) => ({ outer, inner, span }))),
			);
		expect(flat(sent)).toEqual(flat(all as never));
		expect([...requests([])]).toEqual([]);
	});
});

describe("notes of what is done", () => {
	const file = () => join(mkdtempSync(join(tmpdir(), "tracestack-journal-")), "of/jaeger.jsonl");

	it("tell the next run, even where a killed one left a line torn", () => {
		const path = file();
		const first = new Journal(path);
		first.copied("shop", { from: 1, to: 2 }, new Map([["a", 3]]), true);
		first.copied("shop", { from: 2, to: 3 }, new Map([["b", 1]]), false);
		first.foundWhole(["a"]);
		appendFileSync(path, '{"service":"cart","window":{"fr');
		const second = new Journal(path);
		second.copied("cart", { from: 1, to: 3 }, new Map([["a", 3]]), true);
		const third = new Journal(path);
		expect(Object.fromEntries(third.done)).toEqual({ shop: [{ from: 1, to: 2 }], cart: [{ from: 1, to: 3 }] });
		expect(Object.fromEntries(third.traces)).toEqual({ a: 3, b: 1 });
		expect([...(third.services.get("shop") ?? [])]).toEqual(["a", "b"]);
		expect([...third.found]).toEqual(["a"]);
	});

	it("look up again what has grown", () => {
		const journal = new Journal(file());
		journal.copied("shop", { from: 1, to: 2 }, new Map([["a", 3]]), true);
		journal.foundWhole(["a"]);
		journal.copied("cart", { from: 1, to: 2 }, new Map([["a", 5]]), true);
		expect(journal.traces.get("a")).toBe(5);
		expect(journal.found.has("a")).toBe(false);
	});

	it("are forgotten when asked to, and kept apart by Jaeger and stack", () => {
		const path = file();
		const journal = new Journal(path);
		journal.copied("shop", { from: 1, to: 2 }, new Map([["a", 3]]), true);
		expect(readFileSync(path, "utf8")).toContain("shop");
		journal.clear();
		expect(new Journal(path).done.size + journal.traces.size).toBe(0);
		const files = [
			["http://a", "dev"],
			["http://b", "dev"],
			["http://a", "prod"],
		].map(([url, stack]) => journalFile("/state", url!, stack!));
		expect(new Set(files).size).toBe(3);
	});
});

describe("what was read, compared with what Tempo has", () => {
	const compared = async (answers: Record<string, number[]>, found: () => Map<string, number> = () => new Map()) => {
		const whole: string[] = [];
		const asked: string[] = [];
		const byId = async (id: string) => {
			asked.push(id);
			return next(id);
		};
		const search = async function* () {
			yield found();
		};
		const next = (id: string) => (answers[id]!.length > 1 ? answers[id]!.shift()! : answers[id]![0]!);
		const expected = new Map(Object.keys(answers).map((id) => [id, 3]));
		const options = { patienceSeconds: 0.1, onWhole: (ids: string[]) => whole.push(...ids) };
		return { missing: await differences(expected, { byId, search }, options), whole: whole.sort(), asked };
	};

	it("waits for what is on its way, and names what does not come", async () => {
		const { missing, whole } = await compared({ at_once: [3], late: [0, 3], more: [4], never: [0], torn: [2] });
		expect(whole).toEqual(["at_once", "late", "more"]);
		expect(missing).toEqual([
			{ id: "never", jaeger: 3, tempo: 0 },
			{ id: "torn", jaeger: 3, tempo: 2 },
		]);
	});

	it("asks by id only for what no search finds whole, and for all where searches fail", async () => {
		const answers = { found: [9], part: [3], none: [3] };
		const { asked, missing } = await compared(answers, () => new Map(Object.entries({ found: 3, part: 2, other: 1 })));
		expect(asked).toEqual(["part", "none"]);
		expect(missing).toEqual([]);
		const failing = () => {
			throw new Error("too many requests");
		};
		expect((await compared(answers, failing)).asked).toEqual(["found", "part", "none"]);
	});

	const journal = {
		services: new Map([
			["shop", new Set(["a", "b"])],
			["cart", new Set(["b"])],
			["old", new Set(["c"])],
		]),
		traces: new Map([
			["a", 3],
			["b", 5],
			["c", 7],
		]),
	};
	const services = ["shop", "cart"];

	it("is a table in which a trace of two services is counted once in all", () => {
		const { table, json, problems } = summary({ journal, services, missing: [], incomplete: [] });
		expect(problems).toEqual([]);
		expect(json).toMatchObject({ traces: { jaeger: 2, tempo: 2 }, spans: { jaeger: 8, tempo: 8 } });
		expect(table.split("\n").at(-1)).toMatch(/^all +2 +2 +8 +8$/);
		for (const line of table.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
	});

	it("is wrong when something is missing, or could not be read", () => {
		const missing = [{ id: "b", jaeger: 5, tempo: 1 }];
		const incomplete = [{ service: "shop", from: 0, to: 1 }];
		const { json, problems } = summary({ journal, services, missing, incomplete });
		expect(json).toMatchObject({ traces: { jaeger: 2, tempo: 1 }, spans: { jaeger: 8, tempo: 4 } });
		expect(problems.join("\n")).toContain("b: 1 of 5 spans");
		expect(problems.join("\n")).toContain("1970-01-01T00:00:00.001Z");
	});
});

describe("patience", () => {
	it("tries again what failed for a moment, and nothing else", async () => {
		let calls = 0;
		const ask = async () => {
			calls++;
			if (calls === 1) throw new Temporary("full");
			return "taken";
		};
		expect(await patiently(10, ask)).toBe("taken");
		await expect(patiently(0, async () => Promise.reject(new Temporary("still full")))).rejects.toThrow("still full");
		calls = 0;
		const refused = async () => {
			calls++;
			throw new Error("no");
		};
		await expect(patiently(10, refused)).rejects.toThrow("no");
		expect(calls).toBe(1);
	});
});
