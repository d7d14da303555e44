import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { apply, diff, diffTexts, documentOf } from "../../cli/diff/semantic.ts";

describe("what a difference is", () => {
	it("names a changed, an added and a removed setting by its path", () => {
		const from = { storage: { trace: { backend: "local", "log.level": 1 } }, old: true };
		const to = { storage: { trace: { backend: "s3", "log.level": 2 } }, added: null };
		expect(diff(from, to)).toEqual([
			{ path: "storage.trace.backend", from: "local", to: "s3" },
			{ path: 'storage.trace["log.level"]', from: 1, to: 2 },
			{ path: "old", from: true },
			{ path: "added", to: null },
		]);
	});

	it("is no other order of keys, and no other layout of a text", () => {
		expect(diff({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 })).toEqual([]);
		expect(diffTexts("a: 1 # one\nb: [2, 3]\n", '{"b":[2,3],\n"a":1}')).toEqual([]);
	});

	it("is in a list what stands elsewhere, and not all that follows an insertion", () => {
		expect(diff(["a", "b", "c"], ["a", "c", "b"])).toEqual([
			{ path: "[1]", from: "b", to: "c" },
			{ path: "[2]", from: "c", to: "b" },
		]);
		expect(diff(["a", "b", "c"], ["new", "a", "b", "c"])).toEqual([{ path: "[0]", to: "new" }]);
	});

	it("finds a panel by its id and a variable by its name, wherever they stand", () => {
		const panels = [
			{ id: 1, title: "Requests" },
			{ id: 2, title: "Errors" },
		];
		expect(diff({ panels }, { panels: [{ id: 2, title: "Failures" }, panels[0]] })).toEqual([
			{ path: "panels[id=2].title", from: "Errors", to: "Failures" },
		]);
		expect(diff(["LEVEL=info", "PORT=1"], ["PORT=1", "LEVEL=debug"])).toEqual([
			{ path: "[LEVEL=]", from: "info", to: "debug" },
		]);
	});

	it("tells an order that means something as one change", () => {
		const [a, b] = [
			{ name: "a", x: 1 },
			{ name: "b", x: 1 },
		];
		expect(diff([a, b], [b, a])).toEqual([
			{ path: "[order]", from: ['[name="a"]', '[name="b"]'], to: ['[name="b"]', '[name="a"]'] },
		]);
	});

	it("compares what is no document as text, and whole numbers exactly", () => {
		expect(diffTexts("level = info\n[server]\n", "level = warn\n[server]\n")).toHaveLength(1);
		expect(documentOf("secret")).toBeUndefined();
		expect(diffTexts("id: 9007199254740992", "id: 9007199254740993")).toHaveLength(1);
		expect(diffTexts("a: 1\n---\na: 2", "a: 1\n---\na: 3")).toEqual([{ path: "[1].a", from: 2, to: 3 }]);
	});
});

/** Documents that look like configurations: nested, with named lists, and names that a path could stumble over. */
const name = fc.oneof(
	fc.constantFrom("a", "id", "name", "__proto__", "constructor", "a.b", "[0]", "order", 'q"]', "", "log.level"),
	fc.string(),
);
const { document } = fc.letrec<{ document: unknown }>((tie) => ({
	document: fc.oneof(
		{ maxDepth: 4, depthSize: "small" },
		fc.oneof(fc.constantFrom(null, true, false, "", "text", "A=1", 0), fc.integer(), fc.string()),
		fc.dictionary(name, tie("document"), { maxKeys: 4 }),
		fc.array(tie("document"), { maxLength: 4 }),
		fc.uniqueArray(fc.record({ id: fc.integer({ min: -1, max: 5 }), title: tie("document") }), {
			selector: ({ id }) => id,
			maxLength: 4,
		}),
		fc.uniqueArray(fc.record({ name: name, value: tie("document") }), {
			selector: (entry) => entry.name,
			maxLength: 4,
		}),
		fc.uniqueArray(
			fc.tuple(fc.constantFrom("A", "B", "_c1"), fc.string()).map(([key, value]) => `${key}=${value}`),
			{ selector: (text) => text.split("=")[0], maxLength: 3 },
		),
	),
}));

/** Another document, or the same one with something moved, taken out or put in. */
const pair = fc.oneof(
	fc.tuple(document, document),
	fc.tuple(document, fc.infiniteStream(fc.nat())).map(([from, dice]) => [from, disturbed(from, dice)] as const),
);

function disturbed(value: unknown, dice: Iterator<number>): unknown {
	const roll = (sides: number) => dice.next().value % sides;
	if (Array.isArray(value)) {
		const list = value.filter(() => roll(6) > 0).map((item) => disturbed(item, dice));
		if (roll(3) === 0) list.reverse();
		if (roll(4) === 0) list.splice(roll(list.length + 1), 0, roll(9));
		return list;
	}
	if (typeof value !== "object" || value === null) return roll(8) === 0 ? roll(100) : value;
	const entries = Object.entries(value).filter(() => roll(6) > 0);
	if (roll(2) === 0) entries.reverse();
	return Object.fromEntries(entries.map(([key, item]) => [key, disturbed(item, dice)]));
}

/** What a document means, by other means than `diff`: keys and unordered lists in one order. */
function meaning(value: unknown): unknown {
	if (Array.isArray(value)) {
		const items = value.map(meaning);
		const numbers = value.map((item) =>
			typeof item?.id === "number" && Object.hasOwn(item, "id") ? item.id : undefined,
		);
		const variables = value.map((item) => (typeof item === "string" ? /^([A-Za-z_]\w*)=/.exec(item)?.[1] : undefined));
		const tellApart = (keys: unknown[]) => !keys.includes(undefined) && new Set(keys).size === keys.length;
		const order = items.map((item) => JSON.stringify(item)).sort();
		return tellApart(numbers) || tellApart(variables) ? order.map((text) => JSON.parse(text)) : items;
	}
	if (typeof value !== "object" || value === null) return Object.is(value, -0) ? 0 : value;
	const entries = Object.entries(value).map(([key, item]) => [key, meaning(item)] as const);
	return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const runs = { numRuns: 1000 };

describe("for any two documents", () => {
	it("nothing differs exactly if both mean the same", () => {
		fc.assert(
			fc.property(pair, ([from, to]) => {
				const same = JSON.stringify(meaning(from)) === JSON.stringify(meaning(to));
				expect(diff(from, to).length === 0).toBe(same);
			}),
			runs,
		);
	});

	it("the differences, applied to the left, give the right, and leave the left as it is", () => {
		fc.assert(
			fc.property(pair, ([from, to]) => {
				const before = JSON.stringify(from);
				const applied = apply(from, JSON.parse(JSON.stringify(diff(from, to))));
				expect(JSON.stringify(meaning(applied))).toBe(JSON.stringify(meaning(to)));
				expect(JSON.stringify(from)).toBe(before);
			}),
			runs,
		);
	});

	it("each difference has a path of its own", () => {
		fc.assert(
			fc.property(pair, ([from, to]) => {
				const paths = diff(from, to).map(({ path }) => path);
				expect(new Set(paths).size).toBe(paths.length);
			}),
			runs,
		);
	});

	it("YAML and JSON of one document are one document", () => {
		fc.assert(
			fc.property(fc.dictionary(fc.string(), document, { minKeys: 1, maxKeys: 3 }), (value) => {
				const yaml = stringify(value);
				fc.pre(JSON.stringify(parse(yaml)) === JSON.stringify(value));
				expect(diffTexts(yaml, JSON.stringify(value, null, 2))).toEqual([]);
			}),
			{ numRuns: 300 },
		);
	});
});
