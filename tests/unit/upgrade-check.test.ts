// Which images a check compares, without an engine.

import { expect, it, vi } from "vitest";
import { upgradeCheckCommand } from "../../cli/upgrade/upgrade.ts";

const catalogue = "configs/versions.yaml";
const config = { "tracestack:temporal": { value: '{"endpoint":"http://temporal:7243"}' } };
const prepare = vi.hoisted(() => vi.fn());
const running = ["tempo", "temporal-poller", "gone"].map((service) => ({
	service,
	name: service,
	image: `old/${service}`,
}));

vi.mock("../../cli/docker-engine.ts", () => ({ requireDockerEngine: async () => {} }));
vi.mock("../../cli/engine.ts", () => ({ prepare, stackOf: async () => ({ getAllConfig: async () => config }) }));
vi.mock("../../cli/state.ts", () => ({ readState: async () => ({}) }));
vi.mock("../../cli/inventory.ts", () => ({ inventory: async () => ({}), longRunning: () => running }));
vi.mock("../../cli/linter.ts", () => ({ hasLinter: (name: string) => name === "tempo", lint: async () => {} }));
vi.mock("execa", () => ({ execa: async () => ({ exitCode: 0 }) }));

it("asks for the images that `up` would take: of programs as well, and of nothing that settings no longer have", async () => {
	// Only what prepares a run has a catalogue where no registry is reached.
	prepare.mockImplementation(async (_, purpose = "run") => ({
		env: purpose === "run" ? { TRACESTACK_IMAGES: catalogue } : { TRACESTACK_IMAGES: "/absent" },
	}));
	const said = vi.spyOn(process.stdout, "write").mockReturnValue(true);
	const code = await upgradeCheckCommand({ stack: "unit", json: true });
	const { services } = JSON.parse(said.mock.calls.join(""));
	said.mockRestore();
	expect(services).toMatchObject([
		{ service: "tempo", catalogue: expect.stringMatching(/^grafana\/tempo:/), configuration: "accepted" },
		{ service: "temporal-poller", catalogue: expect.stringMatching(/^node:/), configuration: "no check" },
	]);
	expect(code).toBe(2);
});
