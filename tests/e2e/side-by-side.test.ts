// Two stacks on one engine, and a port that somebody else holds.

import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TestStack } from "./stack.ts";

let first: TestStack;
let second: TestStack;

beforeAll(async () => {
	first = await TestStack.create("e2e-a", 22000);
	second = await TestStack.create("e2e-b", 23000);
});

afterAll(async () => {
	await first.remove();
	await second.remove();
});

it("names a taken port, its setting and its holder before anything is created", async () => {
	const holder = await listen(first.ports.tempo);
	try {
		const up = await first.tracestack("up", "--no-verify");
		expect(up.code).toBe(1);
		expect(up.all).toMatch(
			new RegExp(`Port ${first.ports.tempo} on 127.0.0.1 is taken by .+ \\(process ${process.pid}\\)`),
		);
		expect(up.all).toContain("give tracestack:ports another tempo in Pulumi.e2e-a.yaml");
		for (const kind of ["container", "network", "volume"] as const)
			expect(await first.resources(kind), kind).toEqual([]);
	} finally {
		await new Promise((resolve) => holder.close(resolve));
	}
});

it("two stacks run side by side, and one going leaves the other whole", async () => {
	for (const stack of [first, second]) {
		const up = await stack.tracestack("up");
		expect(up.code, up.all).toBe(0);
	}
	const down = await first.tracestack("down", "--delete-data");
	expect(down.code, down.all).toBe(0);
	const verify = await second.tracestack("verify");
	expect(verify.code, verify.all).toBe(0);
});

function listen(port: number): Promise<Server> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.once("error", reject);
		server.listen({ host: "127.0.0.1", port }, () => resolve(server));
	});
}
