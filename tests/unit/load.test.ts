import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, test } from "vitest";
import { Batch, refusal } from "../../cli/load/batch.ts";
import { type Outcome, refuseWrong, sampled, summary, told } from "../../cli/load/load.ts";
import { hash32 } from "../e2e/sender.ts";

const outcome: Outcome = {
	accepted: 5000,
	refused: { "HTTP 503": 2 },
	unsent: 0,
	seconds: 5,
	latency: [4, 1, 3, 2, 100],
	searchable: [1.2, 0.8, Number.POSITIVE_INFINITY],
	sampled: { of: 20, found: 19 },
};

describe("what a load came to", () => {
	it("is a rate, and quantiles of what was measured", () => {
		expect(summary(outcome)).toMatchObject({
			perSecond: 1000,
			latencyMs: { p50: 3, p95: 100, p99: 100 },
		});
	});

	it("names what no search found in time, where JSON knows no infinity", () => {
		const { searchableSeconds } = JSON.parse(JSON.stringify(summary(outcome)));
		expect(searchableSeconds).toEqual({ asked: 3, notFoundInTime: 1, patience: 60, p50: 1.2 });
		const never = { ...outcome, searchable: [Number.POSITIVE_INFINITY] };
		expect(JSON.stringify(summary(never).searchableSeconds)).toBe('{"asked":1,"notFoundInTime":1,"patience":60}');
		expect(told(never).join("\n")).toMatch(/more than 60 s \(median\), more than 60 s \(worst of 1\)/);
	});

	it("is told with what was refused, and with what was never found", () => {
		expect(told(outcome)).toEqual([
			"5000 spans accepted, 2 requests refused (HTTP 503) in 5 s: 1000 a second",
			"acknowledged after  3.0 ms (median), 100 ms (p95), 100 ms (p99)",
			"searchable after    1.2 s (median), more than 60 s (worst of 3)",
			"found by id         19 of 20 acknowledged traces",
		]);
	});

	it("claims nothing that was not measured", () => {
		const nothing = { ...outcome, accepted: 0, latency: [], searchable: [], unsent: 10 };
		expect(told(nothing).join("\n")).toMatch(/0 spans accepted.*10 not sent.*unknown/s);
	});
});

it("Tempo 2 tells live traces apart by FNV-1, as Go's library has it", () => {
	expect(hash32("85e833c9c84b9dbc26758607d1060ea8")).toBe(2_403_381_571);
});

describe("a batch", () => {
	const batch = new Batch("shop", 3, { spans: 2 });

	it("has an id for each trace, in its bytes once for each span, and never the same twice", () => {
		const [first, second] = [batch.next(), batch.next()];
		expect(new Set([...first.ids, ...second.ids]).size).toBe(6);
		for (const id of first.ids) {
			expect(first.body.toString("hex").split(id)).toHaveLength(3);
			expect(second.body.toString("hex")).not.toContain(id);
		}
	});
});

describe("a request", () => {
	it.each([
		["torn off after it was acknowledged", 200, undefined],
		["torn off while it was refused", 503, "HTTP 503"],
		["never answered", undefined, "no answer"],
	])("%s ends no load", async (_, status, why) => {
		const server = createServer((request, response) => {
			if (status) response.writeHead(status, { "content-length": 100 }).write("some");
			request.resume().on("end", () => setTimeout(() => request.socket.destroy(), 20));
		}).listen(0, "127.0.0.1");
		await once(server, "listening");
		const otlpHttp = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
		expect(await refusal({ otlpHttp }, new Batch("shop", 1).next().body)).toBe(why);
		server.close();
	});
});

test("traces that never come are waited for together, not one after the other", async () => {
	const ids = Array.from({ length: 30 }, (_, i) => `${i}`);
	let asked = 0;
	const has = async (id: string) => {
		asked++;
		if (id !== "7") throw new Error("404");
	};
	expect(await sampled(ids, has, 0)).toEqual({ of: 30, found: 1 });
	expect(asked).toBeLessThanOrEqual(2 * ids.length);
});

test("a load of half a span, or of more than a laptop takes, is refused", () => {
	expect(() => refuseWrong({ rate: 1000, minutes: 1, spans: 2.5 })).toThrow("--spans is 2.5");
	expect(() => refuseWrong({ rate: Number.NaN, minutes: 61, spans: 1 })).toThrow(/--rate is NaN.*--minutes is 61/s);
	expect(() => refuseWrong({ rate: 0.5, minutes: 0.1, spans: 1 })).not.toThrow();
});
