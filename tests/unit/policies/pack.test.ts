// Waivers, what production is, and this project's own stack against every policy.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it, test, vi } from "vitest";
import { root } from "../../../cli/paths.ts";
import { platform } from "../../../components/platform.ts";
import { known } from "../../../policies/known.ts";
import type { Props } from "../../../policies/rule.ts";
import { rules } from "../../../policies/rules.ts";
import { loadPolicySettings } from "../../../settings/configuration.ts";
import { isProduction, policyNames, type Waiver } from "../../../settings/policies.ts";
import { parseSettings } from "../../../settings.ts";
import { record } from "../mocks.ts";
import { container, recordedResource, resource, violations } from "./cases.ts";

// It asks a Docker engine, and a unit test needs none.
vi.mock("../../../targets/docker/preflight.ts", () => ({ preflight: async () => [] }));

test("every policy has a rule and a line in docs/policies.md", () => {
	expect(rules.map(({ name }) => name).sort()).toEqual([...policyNames].sort());
	const lines = readFileSync(join(root, "docs/policies.md"), "utf8").match(/^\| `[a-z-]+` \|/gm);
	expect(lines?.map((line) => line.slice(3, -3)).sort()).toEqual([...policyNames].sort());
});

test("the pack has the project's version", () => {
	const [pack, project] = ["policies/package.json", "package.json"].map((file) =>
		JSON.parse(readFileSync(join(root, file), "utf8")),
	);
	expect(pack.version).toBe(project.version);
});

describe("production", () => {
	it("is asked more", () => {
		const volume = resource("docker:index/volume:Volume", {});
		expect(violations([volume], false)).toEqual([]);
		expect(violations([volume], true)).toHaveLength(1);
	});

	it("is an environment of that name", () => {
		expect(["prod", "production", "Prod"].map(isProduction)).toEqual([true, true, true]);
		expect(["dev", "preprod", "staging", "prod-like"].map(isProduction)).toEqual([false, false, false, false]);
	});
});

describe("a waiver", () => {
	const old = { ...container({ user: "root" }), name: "old-app" };
	const waive = (glob: string): Waiver[] => [
		{ policy: "no-root", resource: glob, reason: "its image knows root only" },
	];

	it("covers its policy and its resources, with its reason", () => {
		expect(violations([old], false, waive("old-*"))).toEqual([expect.stringMatching(/^no-root: \(its image knows/)]);
		for (const glob of ["old", "app", "old-app-2", "*x", "old.app"])
			expect(violations([old], false, waive(glob)), glob).toEqual([expect.stringMatching(/^no-root: it runs/)]);
		const other: Waiver[] = [{ policy: "memory-limits", resource: "*", reason: "not this one at all" }];
		expect(violations([old], false, other)).toEqual([expect.stringMatching(/^no-root: it runs/)]);
	});

	it("needs a policy that there is, and a reason", () => {
		const settings = (waiver: object) => () =>
			parseSettings({ policies: { waive: [waiver] } }, { project: "tracestack", name: "dev" });
		const { policy, resource: of, reason } = waive("old-*")[0]!;
		expect(settings({ policy, resource: of, reason })).not.toThrow();
		expect(settings({ policy, resource: of })).toThrow(/policies\.waive\[0\]\.reason is missing[\s\S]*a sentence/);
		expect(settings({ policy, resource: of, reason: "   todo    " })).toThrow(/reason is/);
		expect(settings({ policy: "no-rot", resource: of, reason })).toThrow(/did you mean no-root/);
	});

	it("reaches the pack through the stack's configuration, unless it is wrong", async () => {
		const mocks = { newResource: ({ name }: { name: string }) => ({ id: name, state: {} }), call: () => ({}) };
		await pulumi.runtime.setMocks(mocks, "tracestack", "dev");
		const configure = (waive: object[], alerts = {}) =>
			pulumi.runtime.setAllConfig({
				"tracestack:policies": JSON.stringify({ waive }),
				"tracestack:alerts": JSON.stringify(alerts),
			});
		configure(waive("*"), { env: "prod" });
		expect(loadPolicySettings()).toEqual({ production: true, waive: waive("*") });
		configure([{ policy: "no-root", resource: "*" }]);
		expect(loadPolicySettings()).toEqual({ production: false, waive: [] });
	});
});

test("what is not known yet does not hide the rest", () => {
	const props = new Proxy({ a: 1, b: 2 } as Props, {
		get: (target, key) => {
			if (key === "b") throw Object.assign(new Error("can't be known during preview"), { unknownTypeSentinel: "" });
			return Reflect.get(target, key);
		},
	});
	expect(known({ list: [props, 3] })).toEqual({ list: [{ a: 1, b: expect.any(Symbol) }, 3] });
});

// What is recorded below shows no secret: a preview of a stack that is up, and every `up`, hand them to the pack in plain.
test.each([{ backend: "s3" }, { backend: "azure", container: "traces", account: "acme", accountKey: "key" }])(
	"secrets in this project's own environments keep every policy: %j",
	(storage) => {
		const settings = parseSettings({ storage }, { project: "tracestack", name: "dev" });
		const workloads = platform(settings, (host, port) => `${host}:${port}`, { password: "x", storeKey: "y" });
		const envs = workloads.flatMap(({ secrets }) =>
			secrets.flatMap(({ as }) => ("env" in as ? [`${as.env}=opensesame`] : [])),
		);
		expect(envs.length).toBeGreaterThan(0);
		expect(violations([container({ envs })])).toEqual([]);
	},
);

test("this project's own stack keeps every policy, in production and open to others", async () => {
	vi.stubEnv("TRACESTACK_IMAGES", undefined);
	const { default: stack } = await import("../../../index.ts");
	const { resources } = await record(stack, {
		stack: "prod",
		preview: true,
		config: {
			"tracestack:bindAddress": "0.0.0.0",
			"tracestack:access": JSON.stringify({ token: true, tls: "generated", hosts: ["otel.acme.example"] }),
			"tracestack:collector": JSON.stringify({ jaeger: true, zipkin: true }),
			"tracestack:storage": JSON.stringify({ backend: "s3" }),
		},
		outputs: (type) => (type.startsWith("tls:") ? { certPem: "", privateKeyPem: "" } : {}),
	});
	expect(resources.filter(({ type }) => type.startsWith("docker:")).length).toBeGreaterThan(20);
	expect(violations(resources.map(recordedResource))).toEqual([]);
});
