// What the poller makes of Temporal's answers, and the workload that it is.

import { Script } from "node:vm";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { contentChanges } from "../../cli/drift/live/files.ts";
import { root } from "../../cli/paths.ts";
import { platform } from "../../components/platform.ts";
import { bundle } from "../../components/program.ts";
import { ruleFiles } from "../../components/rules.ts";
import { parseSettings } from "../../settings.ts";
import type { Api, Execution } from "../../workers/temporal-poller/api.ts";
import { limits, look, quoted, secondsOf, statusInMetrics } from "../../workers/temporal-poller/look.ts";

const at = (workload: string, port: number) => `${workload}:${port}`;
const endpoint = "https://temporal.example.com:7243";

function settings(raw: Record<string, unknown>) {
	return parseSettings(raw, { project: "tracestack", name: "dev" });
}

/** An execution that has closed, or not; times in milliseconds since 1970. */
function execution(type: string, status: string, close?: number, start = 0): Execution {
	return {
		execution: { workflowId: "w", runId: `${type}-${close}` },
		type: { name: type },
		status: `WORKFLOW_EXECUTION_STATUS_${status}`,
		startTime: new Date(start).toISOString(),
		...(close !== undefined && { closeTime: new Date(close).toISOString() }),
	};
}

/** A namespace with these executions, and what was asked of it. */
function namespace(all: Execution[], attempts: number[] | undefined = []): Api & { asked: string[] } {
	const asked: string[] = [];
	const found = (query: string) => {
		asked.push(query);
		const [from, to] = [...query.matchAll(/CloseTime \S+ '([^']+)'/g)].map(([, time]) => Date.parse(time ?? ""));
		const known = [...query.matchAll(/'(\w+)'/g)].map(([, name]) => name);
		return all.filter(({ type, status, closeTime = "" }) => {
			if (query.startsWith("CloseTime")) return Date.parse(closeTime) >= from! && Date.parse(closeTime) < to!;
			if (query.startsWith("ExecutionStatus")) return status.endsWith("RUNNING");
			if (query.startsWith("WorkflowType NOT IN")) return !known.includes(type.name);
			return query === "" || known.includes(type.name);
		});
	};
	return {
		asked,
		countByStatus: async (query) => {
			const groups = Map.groupBy(found(query), ({ status }) => status);
			return Object.fromEntries([...groups].map(([status, { length }]) => [status, length]));
		},
		list: async (query, limit) => {
			const hits = found(query);
			return { executions: hits.slice(0, limit), more: hits.length > limit };
		},
		attempts: async () => attempts,
	};
}

test.each([
	["Running", "running"],
	["ContinuedAsNew", "continued_as_new"],
	["TimedOut", "timed_out"],
	["WORKFLOW_EXECUTION_STATUS_TIMED_OUT", "timed_out"],
	["WORKFLOW_EXECUTION_STATUS_RUNNING", "running"],
])("%s is %s in metrics", (status, metric) => expect(statusInMetrics(status)).toBe(metric));

test("an execution took what Temporal says, or the time from its real beginning", () => {
	const closed = execution("a", "COMPLETED", 5000, 1000);
	expect(secondsOf({ ...closed, executionDuration: "3600.25s" })).toBe(3600.25);
	expect(secondsOf(closed)).toBe(4);
	expect(secondsOf({ ...closed, executionTime: new Date(4000).toISOString() })).toBe(1);
});

test("a workflow type ends no text of a query", () => {
	expect(quoted("it's \\ so")).toBe("'it\\'s \\\\ so'");
});

describe("a look", () => {
	const hour = 3_600_000;

	it("counts every type that there is, and says 0 of what it has not", async () => {
		const old = Array.from({ length: 8 }, (_, i) => execution(`Type${i}`, "COMPLETED", -hour));
		const types = new Set<string>();
		const { executions } = await look(namespace([...old, execution("New", "RUNNING")]), types, 0, 1000);
		expect([...types].sort()).toEqual(["New", ...old.map(({ type }) => type.name)]);
		expect(executions).toContainEqual({ type: "Type3", status: "completed", count: 1 });
		expect(executions).toContainEqual({ type: "Type3", status: "running", count: 0 });
		expect(executions).toHaveLength(9 * 7);
	});

	it("forgets a type of which nothing is left", async () => {
		const types = new Set(["Gone"]);
		const { executions, retries } = await look(namespace([]), types, 0, 1000);
		expect([executions, retries, [...types]]).toEqual([[], [], []]);
	});

	it("adds up attempts beyond the first, and takes it that an execution is gone meanwhile", async () => {
		const two = [execution("Order", "RUNNING"), execution("Order", "RUNNING"), execution("Idle", "COMPLETED", -hour)];
		const seen = await look(namespace(two, [1, 4, 2]), new Set(), 0, 1000);
		expect(seen.retries).toEqual([
			{ type: "Idle", count: 0 },
			{ type: "Order", count: 8 },
		]);
		const without = { ...namespace(two), attempts: async () => undefined };
		const gone = await look(without, new Set(), 0, 1000);
		expect(gone.retries).toContainEqual({ type: "Order", count: 0 });
		expect(gone.capped.running).toBe(false);
	});

	it("says when an id has a slash, for which a frontend has no path", async () => {
		const slashed = execution("Order", "RUNNING");
		slashed.execution.workflowId = "orders/1";
		const api = { ...namespace([slashed]), attempts: async () => undefined };
		expect((await look(api, new Set(), 0, 1000)).capped.running).toBe(true);
	});

	it("and those after it count each closed execution once, however many close at a time", async () => {
		const moment = fc.integer({ min: 0, max: 600_000 });
		await fc.assert(
			fc.asyncProperty(
				fc.array(moment, { maxLength: 60 }),
				fc.array(moment, { maxLength: 5 }),
				async (closes, looks) => {
					// Moments that are a second apart can always be told apart.
					const distinct = closes.sort((a, b) => a - b).map((close, i) => close + i * 1000);
					const api = namespace(distinct.map((close, i) => execution(`T${i % 3}`, "COMPLETED", close, close - 1000)));
					const end = 700_000;
					let since = 0;
					let counted = 0;
					for (const until of [...looks.sort((a, b) => a - b), ...Array.from({ length: 200 }, () => end)]) {
						const seen = await look(api, new Set(), since, Math.max(since, until), { ...limits, closed: 10 });
						expect(seen.closed.length).toBeLessThanOrEqual(10);
						counted += seen.closed.length;
						since = seen.closedUntil;
						if (since === end) break;
					}
					expect([since, counted]).toEqual([end, distinct.length]);
				},
			),
			{ numRuns: 30 },
		);
	});

	it("says where there was more than it may ask for", async () => {
		const many = Array.from({ length: 12 }, (_, i) => execution(`T${i}`, i % 2 ? "RUNNING" : "COMPLETED", i * 100));
		const most = { types: 5, running: 3, closed: 4 };
		const { capped, executions } = await look(namespace(many), new Set(), 0, 10_000, most);
		expect(capped).toEqual({ types: true, running: true, closed: true });
		expect(new Set(executions.map(({ type }) => type)).size).toBe(5);
		const all = await look(namespace(many), new Set(), 0, 10_000);
		expect(all.capped).toEqual({ types: false, running: false, closed: false });
	});

	it("asks nothing that is too long for an address, however many types there are", async () => {
		const many = Array.from({ length: 2000 }, (_, i) => execution(`TypeOfALongName${i}`, "COMPLETED", i));
		const api = namespace(many);
		const { capped } = await look(api, new Set(), 0, 10_000);
		expect(capped.types).toBe(true);
		expect(Math.max(...api.asked.map(({ length }) => length))).toBeLessThan(4000);
	});

	it("leaves out what closed more than an hour ago, and says so", async () => {
		const api = namespace([execution("Old", "COMPLETED", hour), execution("Old", "COMPLETED", 4.5 * hour)]);
		const { closed, capped } = await look(api, new Set(), 0, 5 * hour);
		expect([closed.length, capped.closed]).toEqual([1, true]);
	});
});

describe("the workload", () => {
	const made = { password: "", storeKey: "", access: { token: "hush", ca: "PEM" } };
	const poller = (raw: Record<string, unknown>) =>
		platform(settings(raw), at, made).find(({ name }) => name === "temporal-poller");

	it("is there where a Temporal is set, and only there", () => {
		expect(poller({})).toBeUndefined();
		expect(poller({ temporal: { endpoint } })?.image).toContain("node:");
	});

	it("has no secret but in files of their own, and shows the collector what it asks for", () => {
		const access = { token: true, tls: "generated", hosts: ["otel.example.com"] };
		const { files, secrets, env } = poller({ temporal: { endpoint, apiKey: "hush-hush", ca: "PEM" }, access })!;
		expect(JSON.stringify({ files, env })).not.toContain("hush");
		expect(secrets.map(({ value, as }) => [value, as])).toEqual([
			["hush-hush", { file: "/etc/temporal-poller/secrets/api-key" }],
			["hush", { file: "/etc/temporal-poller/secrets/otlp-token" }],
			["PEM", { file: "/etc/temporal-poller/secrets/ca.crt" }],
		]);
		const { otlp } = JSON.parse(files["/etc/temporal-poller/config.json"]!.text);
		expect(otlp).toMatchObject({ url: "https://collector:4318/v1/metrics", tls: { name: "otel.example.com" } });
		expect(env.NODE_EXTRA_CA_CERTS).toBe("/etc/temporal-poller/temporal-ca.crt");
	});

	it("is missed by Prometheus, namespace by namespace", () => {
		const rulesOf = (raw: Record<string, unknown>) => ruleFiles(settings(raw)).at(-1)?.text ?? "";
		expect(rulesOf({})).not.toContain("tracestack_temporal_namespace");
		const two = rulesOf({ temporal: { endpoint, namespaces: ["a", "b"] } });
		expect(two.match(/namespace: \w+/g)).toEqual(["namespace: a", "namespace: b"]);
	});

	it("scrapes the server where it is told to", () => {
		const { scrapes } = settings({ temporal: { endpoint, metrics: "temporal:9090" } });
		expect(scrapes).toContainEqual(expect.objectContaining({ job: "temporal", targets: ["temporal:9090"] }));
	});
});

describe("a bundle", () => {
	const text = bundle("temporal-poller");

	it("is one program, the same on every machine", () => {
		expect(() => new Script(text)).not.toThrow();
		expect(text).not.toContain(root);
		expect(text.length).toBeLessThan(300_000);
	});

	it("takes no page of a report", () => {
		const changes = contentChanges("/opt/temporal-poller/main.cjs", text, `${text}//`);
		expect(changes).toEqual([
			{ path: "content", from: expect.stringMatching(/^a program of \d+ kB/), to: expect.any(String) },
		]);
		expect(changes[0]?.from).not.toBe(changes[0]?.to);
	});
});
