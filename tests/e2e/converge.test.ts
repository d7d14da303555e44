// Whatever was killed or removed, the next `up` brings the stack back, names what it found, and touches no other stack.

import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { grafana } from "../../cli/verify/api.ts";
import { parseSettings } from "../../settings.ts";
import { soak } from "./soak.ts";
import { services, TestStack } from "./stack.ts";

let stack: TestStack;
let neighbour: Neighbour;

beforeAll(async () => {
	stack = await TestStack.create("e2e-converge", 27000);
	neighbour = await Neighbour.create();
});

afterAll(async () => {
	await neighbour?.remove();
	await stack.remove();
});

/** Every service runs, and where it is asked to every link holds. */
async function up({ verified = false } = {}): Promise<string> {
	const outcome = await stack.tracestack("up", ...(verified ? [] : ["--no-verify"]));
	expect(outcome.code, outcome.all).toBe(0);
	if (verified) expect(outcome.all).toContain("verified: all");
	expect(Object.keys(await stack.running()).sort()).toEqual(services);
	return outcome.all;
}

const kills = soak ? 10 : 2;

describe("an up that was killed", () => {
	const found: string[] = [];

	// The first half while everything is created, the second while every container is replaced.
	it.each(Array.from({ length: kills }, (_, i) => i))("converges with the next one (%i)", async (round) => {
		if (round > 0 && round < kills / 2) await stack.takeDown();
		stack.configure({ logLevel: round % 2 === 0 ? "info" : "warn" });
		const moment = Math.random() * 7000;
		const killed = await stack.killedUp(moment, round % 3 === 0 ? "engine" : "everything");
		console.log(`killed after ${(moment / 1000).toFixed(1)} s, ${killed} processes`);
		// With what it was making still about.
		if (round === 1) await stack.takeDown();
		found.push(await up({ verified: round === kills - 1 }));
		expect(await neighbour.isWhole()).toBe(true);
	});

	it("has left locks or half-made resources, which were named", () => {
		expect(found.join("\n")).toMatch(/removing the lock of a run that was killed \(process \d+/);
	});

	it("leaves a state that knows all of the stack", async () => {
		const preview = await stack.pulumi("preview", "--refresh", "--expect-no-changes", "--diff");
		expect(preview.code, preview.all).toBe(0);
	});
});

describe("what was removed by hand is named and made again", () => {
	const grafanaData = () => `tracestack-${stack.name}-grafana-data`;

	it("and where a disk is full, that is told with its service and volume, and what to do", async () => {
		const [network = ""] = await stack.resources("network");
		for (const name of await stack.resources("container"))
			await execa("docker", ["network", "disconnect", "--force", network, name], { reject: false });
		await execa("docker", ["network", "rm", network]);
		await stack.container("grafana", "rm", "--force");
		await execa("docker", ["volume", "rm", grafanaData()]);
		// One that is too small for Grafana's database; a stack takes over what has the name that it wants.
		const options = ["--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=256k,uid=472"];
		// By its label it is found and removed, should the next test not come to that.
		const label = ["--label", `tracestack.stack=tracestack/${stack.name}`];
		await execa("docker", ["volume", "create", ...label, ...options, grafanaData()]);
		const full = await stack.tracestack("up", "--no-verify");
		expect(full.code).toBe(1);
		expect(full.all).toContain("the stack's network is gone: making it again");
		expect(full.all).toContain(`grafana: no space left on the disk of its volume ${grafanaData()}.`);
	});

	it("a volume, with the dashboards that were in it", async () => {
		await stack.container("grafana", "rm", "--force");
		await execa("docker", ["volume", "rm", grafanaData()]);
		const output = await up({ verified: true });
		expect(output).toContain("the volume grafana-data is gone, and what was in it: making an empty one");
		const shown = await grafana<unknown[]>(await stack.endpoints(), "/api/search?type=dash-db");
		expect(shown.length).toBeGreaterThan(0);
	});

	it("and volumes whose state is gone are not taken over, with a password that nobody knows", async () => {
		const other = await TestStack.create("e2e-lost", 28000);
		const volume = [
			"volume",
			"create",
			"--label",
			`tracestack.stack=tracestack/${other.name}`,
			"e2e-lost-grafana-data",
		];
		await execa("docker", volume);
		const outcome = await other.tracestack("up", "--no-verify");
		expect(outcome.code).toBe(1);
		expect(outcome.all).toMatch(/its volumes are here: e2e-lost-grafana-data/);
		expect(await other.resources("container")).toEqual([]);
		await other.remove();
		expect(await other.resources("volume")).toEqual([]);
	});
});

/** What another stack on the same engine has: a container, a network and a volume. */
class Neighbour {
	readonly #label = "tracestack.stack=tracestack/e2e-neighbour";
	readonly #name = "e2e-neighbour";

	static async create(): Promise<Neighbour> {
		const neighbour = new Neighbour();
		await neighbour.remove();
		const { image } = parseSettings({}, { project: "tracestack", name: "e2e" }, process.env.TRACESTACK_IMAGES).image(
			"busybox",
		);
		const label = ["--label", neighbour.#label];
		await execa("docker", ["network", "create", ...label, neighbour.#name]);
		await execa("docker", ["volume", "create", ...label, neighbour.#name]);
		await execa("docker", ["create", ...label, "--name", neighbour.#name, image, "true"]);
		return neighbour;
	}

	async isWhole(): Promise<boolean> {
		const kinds = ["container", "network", "volume"];
		const found = await Promise.all(
			kinds.map((kind) => execa("docker", [kind, "inspect", this.#name], { reject: false })),
		);
		return found.every(({ exitCode }) => exitCode === 0);
	}

	async remove(): Promise<void> {
		await execa("docker", ["rm", "--force", this.#name], { reject: false });
		await execa("docker", ["network", "rm", this.#name], { reject: false });
		await execa("docker", ["volume", "rm", "--force", this.#name], { reject: false });
	}
}
