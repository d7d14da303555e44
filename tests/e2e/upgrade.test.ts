// From an earlier catalogue to the one under test, whatever the versions: nothing that was stored or made by hand is lost.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import type { Row } from "../../cli/upgrade/upgrade.ts";
import { readCatalogue } from "../../settings/catalogue.ts";
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

/** `upgrade --check`, by service. */
async function checked(...args: string[]): Promise<{ code: number; all: string; rows: Record<string, Row> }> {
	const { code, stdout, all } = await stack.tracestack("upgrade", "--check", "--json", ...args);
	expect(stdout, all).not.toBe("");
	const { services: rows } = JSON.parse(stdout) as { services: Row[] };
	return { code, all, rows: Object.fromEntries(rows.map((row) => [row.service, row])) };
}

describe("a check of the upgrade", () => {
	it("asks the new images, and refuses what they refuse; nothing is replaced", async () => {
		const images = readCatalogue(process.env.TRACESTACK_IMAGES ?? "configs/versions.yaml");
		const dir = mkdtempSync(join(tmpdir(), "tracestack-upgrade-"));
		const file = join(dir, "images.yaml");
		const prometheus = { image: "127.0.0.1:9/prometheus:v9.9.9" };
		const loki = { ...images.loki!, patch: { nonsense: true } };
		const alertmanager = { image: "127.0.0.1:9/alertmanager:v0.0.1" };
		writeFileSync(file, stringify({ images: { ...images, prometheus, loki, alertmanager } }));
		const [fine, broken] = await Promise.all([checked(), checked("--images", file)]);
		rmSync(dir, { recursive: true });
		expect(fine.code, fine.all).toBe(2);
		for (const service of upgraded().filter((one) => one !== "grafana"))
			expect(fine.rows[service]).toMatchObject({ configuration: "accepted" });
		expect(broken.code, broken.all).toBe(1);
		expect(broken.rows.prometheus).toMatchObject({ step: "major", configuration: "refused" });
		expect(broken.rows.prometheus?.why).toMatch(/the image can't be had: .*127\.0\.0\.1:9/);
		expect(broken.rows.alertmanager).toMatchObject({ step: "downgrade", configuration: "refused" });
		expect(broken.rows.loki?.why).toMatch(/nonsense/);
		expect(await stack.running()).toEqual(before);
	});
});

describe("the releases under test", () => {
	it("replace the containers of other versions, and no other", async () => {
		const up = await stack.tracestack("up");
		expect(up.code, up.all).toBe(0);
		const after = await stack.running();
		expect(services.filter((service) => after[service] !== before[service])).toEqual(upgraded());
	});

	it("leave a check nothing to do", async () => {
		const { code, all } = await checked();
		expect(code, all).toBe(0);
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
