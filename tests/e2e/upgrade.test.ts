// From an earlier catalogue to the one under test, whatever the versions: nothing that was stored or made by hand is lost.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseSettings } from "../../settings.ts";
import { Keepsakes } from "./keepsakes.ts";
import { services, TestStack } from "./stack.ts";

const earlier = process.env.TRACESTACK_IMAGES_EARLIER ?? "";
let stack: TestStack;
let kept: Keepsakes;
let password: string;
let before: Record<string, string>;

beforeAll(async () => {
	stack = await TestStack.create("e2e-upgrade", 24000);
});

afterAll(() => stack.remove());

/** Services whose image is another one in the catalogue under test. */
function upgraded(): string[] {
	const { images } = parse(readFileSync(earlier, "utf8")) as { images: Record<string, { image: string }> };
	const settings = parseSettings({}, { project: "tracestack", name: stack.name }, process.env.TRACESTACK_IMAGES);
	return services.filter((service) => images[service]?.image !== settings.image(service).image);
}

describe("a stack on the releases before", () => {
	it("holds every link, and has versions to gain", async () => {
		expect(upgraded().length).toBeGreaterThan(0);
		const up = await stack.tracestack("up", "--images", earlier);
		expect(up.code, up.all).toBe(0);
	});

	it("stores signals, and what people make", async () => {
		const e = await stack.endpoints();
		kept = await Keepsakes.leave(e);
		password = e.grafanaPassword;
		before = await stack.running();
	});
});

describe("the releases under test", () => {
	it("replace the containers of other versions, and no other", async () => {
		const up = await stack.tracestack("up");
		expect(up.code, up.all).toBe(0);
		const after = await stack.running();
		expect(services.filter((service) => after[service] !== before[service])).toEqual(upgraded());
	});

	it("find every trace", async () => kept.traces(await stack.endpoints()));

	it("find series and logs from before", async () => {
		const e = await stack.endpoints();
		await kept.series(e);
		await kept.logs(e);
	});

	it("find dashboard, silence and login", async () => {
		const e = await stack.endpoints();
		expect(e.grafanaPassword).toBe(password);
		await kept.dashboard(e);
		await kept.silence(e);
	});
});
