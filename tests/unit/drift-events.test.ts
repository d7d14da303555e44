import type { EngineEvent, Stack, StepEventMetadata } from "@pulumi/pulumi/automation/index.js";
import { describe, expect, it, vi } from "vitest";
import { drifted, planned } from "../../cli/drift/events.ts";
import { masked } from "../../cli/drift/finding.ts";
import { failureOf, previews } from "../../cli/drift/preview.ts";
import type { State } from "../../cli/state.ts";

const prefix = "urn:pulumi:dev::tracestack::";
const container = "docker:index/container:Container";
const stack = `${prefix}pulumi:pulumi:Stack::tracestack-dev`;
const tempo = `${prefix}tracestack:service:Tempo::tempo`;
const content = `${prefix}tracestack:grafana:Content::grafana-content`;
const hidden = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "[secret]" };

type Side = { inputs?: object; outputs?: object };

interface Made {
	op: string;
	type?: string;
	name?: string;
	parent?: string;
	old?: Side;
	now?: Side;
	/** Property paths that the provider calls different. */
	differs?: string[];
}

function step({ op, type = container, name = "tempo", parent = tempo, old, now, differs }: Made): StepEventMetadata {
	const side = (given?: Side) => given && { parent, inputs: {}, outputs: {}, ...given };
	const detailedDiff = differs && Object.fromEntries(differs.map((path) => [path, { diffKind: "update" }]));
	const urn = `${prefix}x$${type}::${name}`;
	return { op, type, urn, old: side(old ?? {}), new: side(now ?? {}), detailedDiff, diffs: differs } as never;
}

const state: State = { deployment: { resources: [] } };
const preview = (made: Made, known = state) =>
	planned([{ resourcePreEvent: { metadata: step(made) } } as EngineEvent], known);
const refresh = (made: Made) => drifted([{ resOutputsEvent: { metadata: step(made) } } as EngineEvent], state, "dev");

describe("what a preview says", () => {
	it("is a setting's way into a file, by what the file means", () => {
		const upload = (retention: string, text: string) => [
			{ __defaults: ["owner"], file: "/etc/tempo/tempo.yaml", content: `${text}\nkeep: ${retention}` },
		];
		const found = preview({
			op: "replace",
			old: { inputs: { uploads: upload("336h", "a: 1\nb: 2"), memory: 1024 } },
			now: { inputs: { uploads: upload("48h", "b: 2\na: 1"), memory: 512 } },
			differs: ["uploads"],
		});
		expect(found).toEqual([
			{
				kind: "planned",
				component: "tempo",
				subject: "container",
				action: "replace",
				severity: "restarts a service",
				stateful: false,
				changes: [{ path: "/etc/tempo/tempo.yaml keep", from: "336h", to: "48h" }],
			},
		]);
	});

	it("is an environment by name, an argument in its place, a value that only up will know", () => {
		const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
		const [found] = preview({
			op: "replace",
			old: { inputs: { envs: ["A=1", "LEVEL=info", "API_KEY=x"], command: ["-a", "-b"], image: "sha256:1" } },
			now: { inputs: { envs: ["LEVEL=warn", "A=1", "API_KEY=y"], command: ["-a", "-c"], image: unknown } },
			differs: ["envs[1]", "envs[2]", "command[1]", "image"],
		});
		expect(found?.changes).toEqual([
			{ path: "environment LEVEL", from: "info", to: "warn" },
			{ path: "environment API_KEY", from: masked, to: masked },
			{ path: "command[1]", from: "-b", to: "-c" },
			{ path: "image", from: "sha256:1", to: "known after up" },
		]);
	});

	it("names a file that the engine hides, because another one beside it is a secret", () => {
		const made = { op: "replace", old: { inputs: { uploads: hidden } }, now: { inputs: { uploads: hidden } } };
		const files = [{ file: "/etc/grafana/grafana.ini" }, { file: "/etc/grafana/secrets/admin-password" }];
		const urn = `${prefix}x$${container}::tempo`;
		const known: State = { deployment: { resources: [{ urn, type: container, inputs: { uploads: files } }] } };
		expect(preview({ ...made, differs: ["uploads[0].content"] }, known)[0]?.changes).toEqual([
			{ path: "/etc/grafana/grafana.ini", from: masked, to: masked },
		]);
		expect(preview({ ...made, differs: ["uploads"] }, known)[0]?.changes).toEqual([
			{ path: "uploads", from: masked, to: masked },
		]);
	});

	it("shows no secret file, new or old", () => {
		const uploads = [{ file: "/etc/x/secrets/token", content: "hunter2" }];
		const [found] = preview({ op: "replace", now: { inputs: { uploads } }, differs: ["uploads"] });
		expect(found?.changes).toEqual([{ path: "/etc/x/secrets/token", from: masked, to: masked }]);
	});

	it("is a dashboard's panel, whoever's file has another layout", () => {
		const panels = (title: string) => [
			{ id: 1, title: "Rate", type: "graph" },
			{ id: 2, title, type: "graph" },
		];
		const [found] = preview({
			op: "update",
			type: "grafana:oss/dashboard:Dashboard",
			name: "services",
			parent: content,
			old: { inputs: { configJson: JSON.stringify({ panels: panels("Errors") }) } },
			now: { inputs: { configJson: JSON.stringify({ panels: panels("Failures").toReversed() }, null, 2) } },
			differs: ["configJson"],
		});
		expect(found).toMatchObject({ component: "grafana", subject: "dashboard services", severity: "cosmetic" });
		expect(found?.changes).toEqual([{ path: 'panel "Errors".title', from: "Errors", to: "Failures" }]);
	});

	it.each([
		["docker:index/volume:Volume", "tempo-data", "delete", "volume tempo-data", "breaks data", true],
		[
			"random:index/randomPassword:RandomPassword",
			"grafana-admin",
			"replace",
			"password grafana-admin",
			"breaks data",
			true,
		],
		["docker:index/volume:Volume", "tempo-data", "create", "volume tempo-data", "cosmetic", true],
		["docker:index/network:Network", "network", "replace", "network", "restarts a service", false],
		["docker:index/remoteImage:RemoteImage", "tempo", "replace", "image", "cosmetic", false],
		["grafana:oss/folder:Folder", "platform", "delete", "folder platform", "cosmetic", false],
		["aws:ecs/service:Service", "tempo", "replace", "Service", "restarts a service", false],
		["aws:s3/bucket:Bucket", "blocks", "delete", "Bucket blocks", "breaks data", true],
	])("%s %s: %s", (type, name, op, subject, severity, stateful) => {
		expect(preview({ op, type, name })).toMatchObject([
			{ subject, severity, stateful, action: op, component: "tempo" },
		]);
	});

	it("tells a replacement once, and what only groups not at all", () => {
		for (const op of ["same", "create-replacement", "delete-replaced", "read", "refresh"])
			expect(preview({ op })).toEqual([]);
		for (const type of ["pulumi:providers:grafana", "tracestack:service:Tempo", "pulumi:pulumi:Stack"])
			expect(preview({ op: "update", type, differs: ["auth"] })).toEqual([]);
	});

	it("finds the component above what is between, and none above the stack's own", () => {
		const between = `${prefix}x$custom:Thing::thing`;
		const known: State = { deployment: { resources: [{ urn: between, type: "custom:Thing", parent: tempo }] } };
		expect(preview({ op: "create", name: "a", parent: between }, known)[0]?.component).toBe("tempo");
		expect(preview({ op: "create", name: "a", parent: stack })[0]?.component).toBe("stack");
	});
});

describe("what a refresh sees", () => {
	const running = { mustRun: true, ports: [{ external: 3200 }], networkDatas: [{ ipAddress: "172.20.0.2" }] };

	it("is a container that is gone", () => {
		expect(refresh({ op: "delete", old: { inputs: running, outputs: running } })).toEqual([
			{
				kind: "drifted",
				component: "tempo",
				subject: "container",
				action: "delete",
				severity: "restarts a service",
				stateful: false,
				changes: [{ path: "state", from: "running", to: "gone" }],
				restore: "./tracestack up",
			},
		]);
	});

	it("is a volume that is gone, whose content only a backup has", () => {
		expect(refresh({ op: "delete", type: "docker:index/volume:Volume", name: "tempo-data" })[0]).toMatchObject({
			subject: "volume tempo-data",
			stateful: true,
			severity: "breaks data",
			restore: "./tracestack up && ./tracestack restore BACKUP --yes",
		});
	});

	it("is a container that was stopped, and not the ports that go with it", () => {
		const stopped = { mustRun: false, ports: [], networkDatas: [] };
		const [found] = refresh({
			op: "update",
			old: { inputs: running, outputs: running },
			now: { inputs: stopped, outputs: stopped },
			differs: ["mustRun", "ports"],
		});
		expect(found?.changes).toEqual([{ path: "state", from: "running", to: "stopped" }]);
		expect(found).toMatchObject({ severity: "restarts a service", restore: "./tracestack up" });
	});

	it("is what the provider calls different, and none of what it reports besides", () => {
		const [found] = refresh({
			op: "update",
			old: { outputs: { memory: 1024, ...running, exitCode: null } },
			now: { outputs: { memory: 900, ...running, networkDatas: [], exitCode: 0 } },
			differs: ["memory"],
		});
		expect(found?.changes).toEqual([{ path: "memory", from: 1024, to: 900 }]);
		expect(found?.restore).toBe("./tracestack pulumi up --refresh --stack dev");
	});

	it("is nothing where everything is as it was", () => {
		expect(refresh({ op: "same" })).toEqual([]);
	});

	it("is no service that stopped, where a container had only to hand a volume over", () => {
		const handOver = { inputs: { mustRun: false }, outputs: { mustRun: false } };
		expect(refresh({ op: "delete", name: "tempo-data-owner", old: handOver, now: undefined })[0]).toMatchObject({
			subject: "container tempo-data-owner",
			severity: "cosmetic",
		});
	});
});

describe("what the engine says when it can't look", () => {
	const refused = (name: string) => `error reading ${name}: connection refused`;
	const failed = (name: string) =>
		`<{%fg 1%}>Preview failed: refreshing ${prefix}x$y::${name}: 1 error occurred:\n\t* ${refused(name)}\n\n<{%reset%}>`;

	it("is told once, with how much more failed", () => {
		const messages = [
			"sdk-v2/provider2.go:572: x",
			failed("tempo"),
			failed("loki"),
			failed("loki"),
			"preview failed\n",
		];
		expect(failureOf(messages)).toBe(`refreshing tempo: ${refused("tempo")} (and 1 more)`);
		expect(failureOf(["error: Pulumi.dev.yaml has 2 mistakes:\n  one\n  two"])).toBe(
			"Pulumi.dev.yaml has 2 mistakes:\n  one\n  two",
		);
		expect(failureOf([])).toBeUndefined();
	});
});

it("an interrupted preview is no reason to begin a refresh", async () => {
	vi.spyOn(process.stderr, "write").mockReturnValue(true);
	const preview = async () => {
		// As the terminal does; nobody else in this process is to hear of it.
		process.listeners("SIGINT").at(-1)?.("SIGINT");
		throw new Error("error: preview canceled");
	};
	const previewRefresh = vi.fn(async () => {});
	const interrupted = { name: "dev", preview, previewRefresh } as unknown as Stack;
	const environment = { env: {}, ownBackend: false };
	await expect(previews(interrupted, environment, { deployment: {} })).rejects.toThrow("Interrupted.");
	expect(previewRefresh).not.toHaveBeenCalled();
});
