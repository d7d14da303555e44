import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ResourceProgress } from "../../cli/resource-progress.ts";

let lines: string[];

beforeEach(() => {
	lines = [];
	vi.spyOn(process.stderr, "write").mockImplementation((text) => lines.push(String(text).trim()) > 0);
});

const urn = (type: string, name: string) => `urn:pulumi:dev::tracestack::${type}::${name}`;
const finished = (op: string, type: string, name: string, parent = "") =>
	({ resOutputsEvent: { metadata: { op, type, urn: urn(type, name), new: { parent } } } }) as EngineEvent;
const said = (severity: string, message: string) =>
	({ diagnosticEvent: { severity, message, urn: "a" } }) as EngineEvent;

describe("the progress of an operation", () => {
	it("has a line for each service, and counts what was made within it", () => {
		const progress = new ResourceProgress();
		const parent = urn("tracestack:service:Tempo", "tempo");
		progress.event({ resourcePreEvent: { metadata: { op: "create", type: "", urn: parent } } } as EngineEvent);
		progress.event(finished("create", "docker:index/volume:Volume", "tempo-data", parent));
		progress.event(finished("create", "docker:index/container:Container", "tempo", parent));
		progress.event(finished("create", "tracestack:service:Tempo", "tempo"));
		progress.event(finished("same", "docker:index/volume:Volume", "loki-data"));
		progress.close();
		expect(lines).toEqual([expect.stringMatching(/tempo is ready/), "2 created, 1 unchanged"]);
	});

	it("calls no service ready that only keeps its volume", () => {
		const progress = new ResourceProgress();
		const parent = urn("tracestack:service:Postgres", "postgres");
		progress.event(finished("create", "docker:index/volume:Volume", "postgres-data", parent));
		progress.event(finished("create", "tracestack:service:Postgres", "postgres"));
		expect(lines.filter((line) => line.includes("ready"))).toEqual([]);
	});

	it("names each resource of an earlier run that something happened to", () => {
		const progress = new ResourceProgress();
		progress.event(finished("create", "grafana:oss/dashboard:Dashboard", "billing", urn("t", "grafana-content")));
		progress.event(finished("create-replacement", "docker:index/container:Container", "tempo"));
		progress.event(finished("delete", "docker:index/container:Container", "loki"));
		progress.event(finished("delete", "docker:index/volume:Volume", "loki-data"));
		progress.close();
		expect(lines).toEqual([
			expect.stringMatching(/billing \(Dashboard\) created/),
			expect.stringMatching(/tempo \(Container\) replaced/),
			expect.stringMatching(/loki stopped/),
			"1 created, 1 replaced, 2 deleted",
		]);
	});

	it("tells a wait once in five seconds", () => {
		const progress = new ResourceProgress();
		for (let i = 0; i < 10; i++) progress.event(said("info", "waiting for tempo to be ready (2 of 60 s): 503"));
		expect(lines).toEqual([expect.stringContaining("waiting for tempo")]);
	});

	it("tells what is waived, and explains a failure by the policy that was broken", () => {
		const progress = new ResourceProgress();
		const broken = (policyName: string, enforcementLevel: string) =>
			({
				policyEvent: {
					policyName,
					enforcementLevel,
					resourceUrn: urn("docker:index/container:Container", "tempo"),
					message: "<{%reset%}>Not as root.\nit runs as root: set user<{%reset%}>\n",
				},
			}) as EngineEvent;
		progress.event(broken("waived", "advisory"));
		expect(lines).toEqual(["! policy waived at tempo\n    Not as root.\n    it runs as root: set user"]);
		progress.event(broken("no-root", "mandatory"));
		expect(progress.explain(new Error("code: 255 …")).message).toBe(
			"policy no-root at tempo\n    Not as root.\n    it runs as root: set user\n    see docs/policies.md",
		);
	});

	it("explains a failure in the engine's words, once, without the bridge's source line", () => {
		const progress = new ResourceProgress();
		progress.event(said("error", "sdk-v2/provider2.go:572: name in use"));
		progress.event(said("error", "<{%reset%}>name in use<{%reset%}>"));
		progress.event(said("error", "name in use"));
		const cause = new Error("code: 255 …");
		expect(progress.explain(cause)).toMatchObject({ message: "name in use", cause });
	});

	it("passes on what the engine said nothing about", () => {
		const error = new Error("spawn pulumi ENOENT");
		expect(new ResourceProgress().explain(error)).toBe(error);
	});
});
