// What counts as another configuration, and what only looks like one.

import { describe, expect, it } from "vitest";
import { compare, same } from "../../cli/diff/compare.ts";
import { changedSinceStart, contentChanges, isLoaded } from "../../cli/drift/live/files.ts";
import { typeOf } from "../../cli/drift/live/grafana.ts";
import type { ContainerInputs, Inspected } from "../../cli/drift/live/inspect.ts";
import { loadedGroups, ruleGroups } from "../../cli/drift/live/rules.ts";
import { sealed } from "../../cli/drift/live/seal.ts";
import { changed } from "../../cli/drift/live/view.ts";

describe("a value means the same", () => {
	it.each([
		["0s", undefined],
		["48h", "2d"],
		["336h0m0s", "2w"],
		["1m", "60s"],
		["1500ms", "1.5s"],
		["0s", 0],
		["8888", 8888],
		["1.10", 1.1],
		["1e9", 1_000_000_000],
		["4MB", 4 * 1024 * 1024],
		["256 KiB", 262_144],
		[true, "true"],
		[undefined, false],
		[undefined, []],
		[null, {}],
		[[], { a: { b: [] } }],
		["<secret>", "anything"],
		[
			{ a: 1, b: "1h" },
			{ b: "60m", a: "1" },
		],
	])("%j as %j", (a, b) => {
		expect(same(a, b)).toBe(true);
		expect(same(b, a)).toBe(true);
	});

	it.each([
		["10s", undefined],
		["48h", "3d"],
		["1m", "1MB"],
		["5", "5s"],
		["1.10", "1.1"],
		["007", "7"],
		[undefined, "x"],
		[[1, 2], [1]],
		[
			["a", "b"],
			["b", "a"],
		],
		[{ a: 1 }, { a: 1, b: 2 }],
	])("%j and not as %j", (a, b) => {
		expect(same(a, b)).toBe(false);
	});
});

describe("what a server reports", () => {
	const declared = { retention: "48h", jobs: [{ job_name: "a", every: "15s" }] };

	it("may have more keys, not more elements of a list", () => {
		const reported = { retention: "2d", other: 1, jobs: [{ job_name: "a", every: "15s", timeout: "10s" }] };
		expect(compare(declared, reported, { keys: "declared" })).toEqual([]);
		const more = { ...reported, jobs: [...reported.jobs, { job_name: "mine" }] };
		expect(compare(declared, more, { keys: "declared" })).toEqual([
			{ path: 'jobs[job_name="mine"]', to: { job_name: "mine" } },
		]);
	});

	it("has every declared key as it was declared", () => {
		expect(
			compare(declared, { retention: "24h", jobs: [{ job_name: "a", every: "1m" }] }, { keys: "declared" }),
		).toEqual([
			{ path: "retention", from: "48h", to: "24h" },
			{ path: 'jobs[job_name="a"].every', from: "15s", to: "1m" },
		]);
	});
});

describe("a file in a container", () => {
	const yaml = "a: 48h # long\nb: [1, 2]\n";

	it.each([
		["comments and order", "f.yaml", yaml, "# mine\nb:\n  - 1\n  - 2\na: 2d\n"],
		["JSON's layout", "f.json", '{"a":1,"b":2}', '{\n "b": 2,\n "a": 1\n}'],
		["an ini file's comments", "f.ini", "[a]\nb = 1\n", "; mine\n[a]\n\nb = 1"],
	])("means the same: %s", (_, path, from, to) => {
		expect(contentChanges(path, from, to)).toEqual([]);
	});

	it("tells what it means otherwise", () => {
		expect(contentChanges("f.yaml", yaml, yaml.replace("48h", "24h"))).toEqual([{ path: "a", from: "48h", to: "24h" }]);
		// The server's default for what is gone may be true.
		expect(contentChanges("f.yaml", "a: false\nb: 1\n", "b: 1\n")).toEqual([{ path: "a", from: false }]);
		expect(contentChanges("f.ini", "[a]\nb = 1\n", "[a]\nb = 2\n")).toEqual([
			{ path: "lines", from: "b = 1", to: "b = 2" },
		]);
		expect(contentChanges("f.yaml", yaml, "a: [")).toEqual([
			{ path: "lines", from: "a: 48h # long\nb: [1, 2]", to: "a: [" },
		]);
	});

	it("is loaded where the server agrees with it, and with what was deployed no more", () => {
		const server = (running: unknown) => ({
			differences: (_: string, text: string) => compare(JSON.parse(text), running, { keys: "declared" }),
		});
		const edit = { declared: '{"a":1}', text: '{"a":2}', changes: [{ path: "a", from: 1, to: 2 }] };
		expect(isLoaded(server({ a: 2 }), "f", edit)).toBe(true);
		expect(isLoaded(server({ a: 1 }), "f", edit)).toBe(false);
		const addition = { declared: '{"a":1}', text: '{"a":1,"b":2}', changes: [{ path: "b", to: 2 }] };
		expect(isLoaded(server({ a: 1, b: 2 }), "f", addition)).toBe(true);
		expect(isLoaded(server({ a: 1 }), "f", addition)).toBe(false);
	});

	it("was changed since the start where the container was never started again, or its date says so", () => {
		const of = (StartedAt: string) => ({
			Created: "2026-01-01T00:00:00Z",
			State: { Status: "running", StartedAt, FinishedAt: "" },
		});
		expect(changedSinceStart(of("2026-01-01T00:00:02Z"), "2025-01-01T00:00:00Z")).toBe(true);
		expect(changedSinceStart(of("2026-01-02T00:00:00Z"), "2026-01-01T12:00:00Z")).toBe(false);
		expect(changedSinceStart(of("2026-01-02T00:00:00Z"), "2026-01-03T00:00:00Z")).toBe(true);
	});
});

it("rules are the same as Prometheus prints them", () => {
	const text = `
groups:
  - name: g
    rules:
      - alert: Slow
        expr: |
          # comment: it isn't code
          sum by (le) (rate(x{a="b",c=~'#1',}[5m])) > on (job) group_right y
        for: 1m
        labels: { severity: warning }
`;
	const query = 'sum by (le) (rate(x{a="b",c=~"#1"}[5m])) > on (job) group_right () y';
	const loaded = (duration: number) =>
		loadedGroups([
			{
				name: "g",
				file: "f",
				rules: [{ type: "alerting", name: "Slow", query, duration, labels: { severity: "warning" } }],
			},
		]).get("f");
	expect(compare(ruleGroups(text), loaded(60))).toEqual([]);
	expect(compare(ruleGroups(text), loaded(120))).toEqual([{ path: "g[0].for", from: "1m", to: "120s" }]);
});

describe("a container", () => {
	const inputs: ContainerInputs = {
		name: "s-tempo",
		image: "sha256:1",
		command: ["-a"],
		user: "1:1",
		hostname: "tempo",
		envs: ["A=1", "PASSWORD=old"],
		labels: [{ label: "l", value: "1" }],
		networksAdvanced: [{ name: "s", aliases: ["tempo"] }],
		ports: [{ internal: 80, external: 8080, ip: "127.0.0.1", protocol: "tcp" }],
		volumes: [{ containerPath: "/data", volumeName: "s-data" }],
		restart: "unless-stopped",
		memory: 512,
		memorySwap: 512,
		capabilities: { adds: ["CAP_CHOWN"], drops: ["ALL"] },
		securityOpts: ["no-new-privileges"],
	};
	const runs: Inspected = {
		Id: "1",
		Name: "/s-tempo",
		Created: "",
		Image: "sha256:1",
		State: { Status: "running", StartedAt: "", FinishedAt: "" },
		Config: {
			Hostname: "tempo",
			User: "1:1",
			Env: ["PATH=/bin", "PASSWORD=old", "A=1"],
			Cmd: ["-a"],
			Labels: { l: "1", "of.the.image": "x" },
		},
		HostConfig: {
			Memory: 512 * 2 ** 20,
			MemorySwap: 512 * 2 ** 20,
			NanoCpus: 0,
			CpuQuota: 0,
			RestartPolicy: { Name: "unless-stopped" },
			CapAdd: ["CHOWN"],
			CapDrop: ["ALL"],
			SecurityOpt: ["no-new-privileges"],
			Privileged: false,
			ReadonlyRootfs: false,
			PidMode: "",
			ExtraHosts: null,
			LogConfig: { Type: "json-file", Config: {} },
			PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }] },
		},
		Mounts: [
			{ Type: "volume", Name: "s-data", Source: "/v/s-data", Destination: "/data" },
			{ Type: "volume", Name: "0a1b", Source: "/v/0a1b", Destination: "/cache" },
		],
		NetworkSettings: { Networks: { s: { Aliases: ["tempo", "0a1b2c"] } } },
	};
	const image = {
		Id: "sha256:1",
		Config: { Env: ["PATH=/bin"], Labels: { "of.the.image": "x" }, Volumes: { "/cache": {} } },
	};
	const deployed = { inputs, secret: new Set(["PASSWORD"]) };

	it("is as it was deployed, whatever its image and the engine add", () => {
		expect(changed(deployed, runs, image)).toEqual([]);
	});

	it("tells what is otherwise, and of a secret only that it is", () => {
		const { Config, HostConfig } = runs;
		const now: Inspected = {
			...runs,
			Config: { ...Config, Env: ["PATH=/bin", "A=2", "PASSWORD=new", "B=3"], Labels: {} },
			HostConfig: { ...HostConfig, Privileged: true, NanoCpus: 5e8, PortBindings: {} },
			Mounts: [{ Type: "bind", Source: "/home", Destination: "/data" }],
			NetworkSettings: { Networks: { s: { Aliases: [] } } },
		};
		expect(changed(deployed, now, image)).toEqual([
			{ path: "env.A", from: "1", to: "2" },
			{ path: "env.PASSWORD", from: "[secret]", to: "[secret]" },
			{ path: "env.B", to: "3" },
			{ path: "labels.l", from: "1" },
			{ path: "networks.s", from: "tempo", to: "no name" },
			{ path: 'ports["80/tcp"]', from: "127.0.0.1:8080" },
			{ path: 'volumes["/data"]', from: "s-data", to: "/home" },
			{ path: "cpus", from: 0, to: 0.5 },
			{ path: "privileged", from: false, to: true },
		]);
	});
});

describe("what a hand wrote and is a secret by its name is not shown", () => {
	const finding = (subject: string, changes: { path: string; from?: unknown; to?: unknown }[]) =>
		sealed({
			kind: "drifted",
			component: "c",
			subject,
			action: "update",
			severity: "cosmetic",
			stateful: false,
			changes,
		}).changes;

	it.each([
		["container", { path: "env.API_KEY", to: "k" }, { path: "env.API_KEY", to: "[secret]" }],
		["container", { path: "env.MODE", to: "k" }, { path: "env.MODE", to: "k" }],
		[
			"file /a.yaml",
			{ path: "http.password", from: "a", to: "b" },
			{ path: "http.password", from: "[secret]", to: "[secret]" },
		],
		["file /a.yaml", { path: "http.password_file", to: "/f" }, { path: "http.password_file", to: "/f" }],
		[
			"file /a.yaml",
			{ path: "http", to: { token: "t", url: "u" } },
			{ path: "http", to: { token: "[secret]", url: "u" } },
		],
		[
			"file /a.ini",
			{ path: "lines", to: "a = 1\nadmin_password = x" },
			{ path: "lines", to: "a = 1\nadmin_password = [secret]" },
		],
		["file /a.ini", { path: "lines", to: "secret_key = x" }, { path: "lines", to: "secret_key = [secret]" }],
		[
			"file /a.yaml",
			{ path: "lines", to: '- "x-api-key": x\ntoken_file: /f\na: {password: x}' },
			{ path: "lines", to: '- "x-api-key": [secret]\ntoken_file: /f\na: {password: [secret]' },
		],
		["file /a.yaml", { path: "s3.secret_key", to: "x" }, { path: "s3.secret_key", to: "[secret]" }],
		["file /a.yaml", { path: "headers.X-Api-Key", to: "x" }, { path: "headers.X-Api-Key", to: "[secret]" }],
		["file /a.yaml", { path: "http.password", to: 1234 }, { path: "http.password", to: "[secret]" }],
		["file /a.yaml", { path: "X.secrets[0]", to: "x" }, { path: "X.secrets[0]", to: "[secret]" }],
		["file /a.yaml", { path: "slack.api_url", to: "https://x" }, { path: "slack.api_url", to: "[secret]" }],
		["file /a.yaml", { path: "url", to: "https://u:x@a/b" }, { path: "url", to: "https://u:[secret]@a/b" }],
		["file /a.key", { path: "lines", to: "-----BEGIN PRIVATE KEY-----\nx" }, { path: "lines", to: "[secret]" }],
		["container", { path: "command", to: "-a --token=x -b" }, { path: "command", to: "-a --token=[secret] -b" }],
	])("%s %j", (subject, change, expected) => {
		expect(finding(subject, [change])).toEqual([expected]);
	});

	it("nor is a file of secrets", () => {
		expect(finding("file /etc/x/secrets/mine", [{ path: "lines", to: "x" }])).toEqual([
			{ path: "content", from: "[secret]", to: "[secret]" },
		]);
	});
});

it("a datasource is no other because its plugin has another name now", () => {
	expect(typeOf({ type: "grafana-postgresql-datasource" })).toBe("postgres");
	expect(typeOf({ type: "mysql" })).toBe("mysql");
});
