// A Temporal beside a stack that has other work as well: its workflows become metrics, by a program of this repository in
// a container. The collector asks that program who it is, and shows a certificate for another name than the stack's own.

import type { Server } from "node:http";
import { expect, it } from "vitest";
import { type Endpoints, json, prometheusValue, until } from "../../cli/verify/api.ts";
import { besideDocker } from "./beside.ts";
import type { TestStack } from "./stack.ts";
import { TemporalServer } from "./temporal-server.ts";

const apiKey = "of many workflows";

const ago = (seconds: number) => Date.now() - seconds * 1000;

/** A server with a history, and the setting of the stack that looks at it. */
export interface Temporal {
	at: TemporalServer;
	server: Server;
	setting: object;
}

export async function startTemporal(): Promise<Temporal> {
	const at = new TemporalServer();
	at.workflows.push(
		{ type: "Order", status: "Running", start: ago(60), attempts: [1, 4] },
		{ type: "Order", status: "Running", start: ago(50), attempts: [3] },
		{ type: "Order", status: "TimedOut", start: ago(90_000), close: ago(80_000) },
		{ type: "Nightly", status: "ContinuedAsNew", start: ago(90_000), close: ago(80_000) },
	);
	const { server, port } = await besideDocker(at.listener);
	const endpoint = `http://host.docker.internal:${port}`;
	return { at, server, setting: { endpoint, namespaces: ["default", "gone"], apiKey, intervalSeconds: 5 } };
}

/** @param scene Asked when a test runs: by then the stack is up. */
export function looksAtTemporal(scene: () => { stack: TestStack; e: Endpoints; temporal: TemporalServer }): void {
	const value = (query: string) => prometheusValue(scene().e.prometheus, query);

	/** Closes one now that took some seconds. */
	const close = (type: string, status: string, seconds: number) =>
		scene().temporal.workflows.push({ type, status, start: ago(seconds), close: Date.now() });

	function executions(type: string, status: string): Promise<number> {
		return value(`temporal_workflow_executions{namespace="default",workflow_type="${type}",status="${status}"}`);
	}

	function durations(type: string, suffix = "_count", labels = ""): Promise<number> {
		return value(
			`sum(temporal_workflow_duration_seconds${suffix}{namespace="default",workflow_type="${type}",status="completed"${labels}})`,
		);
	}

	it("every workflow is counted by type and status, every further attempt by type", async () => {
		await until(60, async () => expect(await executions("Order", "running")).toBe(2));
		expect(await executions("Order", "timed_out")).toBe(1);
		expect(await executions("Nightly", "continued_as_new")).toBe(1);
		const failed = 'temporal_workflow_executions{workflow_type="Order",status="failed"}';
		expect(await value(`count(${failed})`)).toBe(1);
		expect(await value(failed)).toBe(0);
		expect(await value('temporal_activity_retries{namespace="default",workflow_type="Order"}')).toBe(5);
		expect(await value("sum(temporal_poll_capped)")).toBe(0);
	});

	it("what closes is measured", async () => {
		close("Order", "Completed", 20);
		close("Order", "Completed", 2);
		close("Order", "Failed", 2);
		await until(60, async () => expect(await durations("Order")).toBe(2));
		expect(await durations("Order", "_bucket", ',le="5"')).toBe(1);
		expect(await durations("Order", "_sum")).toBeCloseTo(22, 0);
	});

	it("the key is shown to Temporal, and to nobody who looks at the container", async () => {
		const { temporal, stack } = scene();
		expect([...temporal.authorization]).toEqual([`Bearer ${apiKey}`]);
		const { stdout } = await stack.pulumi("stack", "export");
		expect(stdout).not.toContain(apiKey);
		expect(await stack.read("temporal-poller", "/etc/temporal-poller/config.json")).not.toContain(apiKey);
	});

	it("a namespace that can't be asked is told, and the other one goes on", async () => {
		expect(await value('temporal_up{namespace="default"}')).toBe(1);
		expect(await value('count(temporal_up{namespace="gone"} == 0)')).toBe(1);
		type Answer = { data: { alerts: { labels: Record<string, string> }[] } };
		await until(60, async () => {
			const { data } = await json<Answer>(`${scene().e.prometheus}/api/v1/alerts`);
			const about = data.alerts.filter(({ labels }) => labels.alertname === "TemporalUnreachable");
			expect(about.map(({ labels }) => labels.namespace)).toEqual(["gone"]);
		});
	});

	it("an API that fails for a while is counted, and heals; what closed meanwhile is measured", async () => {
		const { temporal, stack } = scene();
		const failures = 'temporal_poll_failures_total{namespace="default"}';
		expect(await value(`count(${failures})`)).toBe(1);
		expect(await value(failures)).toBe(0);
		temporal.broken = { status: 503, body: '{"code":14,"message":"shard is away","details":[]}' };
		close("Order", "Completed", 1);
		await until(60, async () => expect(await value(failures)).toBeGreaterThan(0));
		expect(await value('count(temporal_up{namespace="default"} == 0)')).toBe(1);
		const said = await json<Record<string, string>>(`http://127.0.0.1:${stack.ports.temporalPoller}/`);
		expect(said.default).toMatch(/^503 from .*: shard is away$/);
		temporal.broken = undefined;
		// Looks that came after what was measured before have not measured it again.
		await until(60, async () => expect(await durations("Order")).toBe(3));
		expect(await value('temporal_up{namespace="default"}')).toBe(1);
	});

	it("a poller that was killed counts on where it ended", async () => {
		const { stack } = scene();
		await stack.container("temporal-poller", "kill");
		close("Order", "Completed", 1);
		await stack.container("temporal-poller", "start");
		// A histogram of its own: it begins with what closed while nobody looked, and has nothing of what was counted before.
		await until(60, async () => expect(await durations("Order")).toBe(1));
	});
}
