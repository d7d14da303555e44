import { stripVTControlCharacters } from "node:util";
import { expect, it } from "vitest";
import { told } from "../../cli/canary.ts";

it("says in one line what became of the canary, whatever a server answers", () => {
	const lines = [
		told({ id: "ab", error: "502 from http://tempo: <html>\n<h1>\u001b[2J" }),
		told({ id: "", error: "ECONNREFUSED" }),
		told({ id: "ab", byId: 0.24, bySearch: 1.25 }),
	].map(stripVTControlCharacters);
	expect(lines).toEqual([
		"canary ab: 502 from http://tempo: <html>\\n<h1>\\u001b[2J",
		"canary was not accepted: ECONNREFUSED",
		"canary ab: by id in 0.2 s, by search in 1.3 s",
	]);
});
