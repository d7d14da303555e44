// What is acknowledged is not lost: processes are killed, stopped and starved while an application goes on sending, and
// every acknowledged trace is read back. `--soak` does the same for longer.

import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { Batch, post } from "../../cli/load/batch.ts";
import type { Endpoints } from "../../cli/verify/api.ts";
import { grafana, json, prometheusValue, until } from "../../cli/verify/api.ts";
import { spanMetrics } from "../../components/links.ts";
import { lost, lostOf, Sender, sendByGrpc } from "./sender.ts";
import { soak } from "./soak.ts";
import type { TestStack } from "./stack.ts";

const perSecond = 500;
/** Spans of a trace. The 2.8 line tells live traces apart by 32 bits: of 100,000 at once it mixes up two. */
const spans = 5;

/** Asked when a test runs: by then the stack is up. */
type Scene = () => { stack: TestStack; e: Endpoints };

const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** As a crash: nothing is told, nothing is flushed. */
async function crash(stack: TestStack, ...services: string[]): Promise<void> {
	await Promise.all(services.map((service) => stack.container(service, "kill", "--signal", "KILL")));
	await Promise.all(services.map((service) => stack.container(service, "start")));
}

/** Sends while something happens; then nothing that was acknowledged may be missing. */
async function sending(
	{ e }: { e: Endpoints },
	service: string,
	during: () => Promise<void>,
): Promise<{ sender: Sender; lost: string[] }> {
	const sender = new Sender(e.otlpHttp, service, perSecond, spans);
	await sleep(2);
	await during();
	await sleep(2);
	await sender.stop();
	const count = sender.acknowledged.length * spans;
	expect(count).toBeGreaterThan(perSecond);
	// A gRPC client that has failed for minutes waits for up to two before it connects again.
	const newest = sender.acknowledged.slice(-1);
	await until(180, async () => expect(await lost(e.tempo, newest)).toEqual([]));
	const gone = await lostOf(e.tempo, sender);
	console.log(
		`${service}: ${count} acknowledged, ${gone.length * spans} lost, refused: ${JSON.stringify([...sender.refused])}`,
	);
	return { sender, lost: gone };
}

/** Processes are killed, stopped and away. */
export function survivesKills(scene: Scene): void {
	describe("while an application sends 500 spans a second", () => {
		it(`the collector is killed ${soak ? 10 : 3} times: nothing is lost`, async () => {
			const { lost } = await sending(scene(), "collector-killed", async () => {
				for (let i = 0; i < (soak ? 10 : 3); i++) {
					await crash(scene().stack, "collector");
					await sleep(3);
				}
			});
			expect(lost).toEqual([]);
		});

		it("Tempo is stopped and started: nothing is lost", async () => {
			const { lost } = await sending(scene(), "tempo-stopped", () => scene().stack.container("tempo", "restart"));
			expect(lost).toEqual([]);
		});

		it("Tempo is killed: a second's worth is lost at most", async () => {
			const { lost } = await sending(scene(), "tempo-killed", () => crash(scene().stack, "tempo"));
			// Measured: 100 to 150. More, because a starved process cuts its traces later.
			expect(lost.length * spans).toBeLessThanOrEqual(2 * perSecond);
		});

		it(`Tempo is away for ${soak ? "ten minutes" : "20 seconds"}: all is found afterwards, and counted`, async () => {
			const { stack, e } = scene();
			await stack.container("tempo", "stop");
			const { sender, lost } = await sending({ e }, "tempo-away", async () => {
				await sleep(soak ? 600 : 20);
				await stack.container("tempo", "start");
			});
			expect(lost).toEqual([]);
			// All of it reached one process, so its counter has all of it; what was sent twice is counted twice.
			const calls = `sum(${spanMetrics.calls}{${spanMetrics.labels.service}="tempo-away"})`;
			await until(60, async () =>
				expect(await prometheusValue(e.prometheus, calls)).toBeGreaterThanOrEqual(sender.acknowledged.length * spans),
			);
		});
	});
}

/** Sends without a pause while Tempo is stopped, until something is refused; then every trace that was taken must be found. */
async function untilRefused({ stack, e }: ReturnType<Scene>, service: string): Promise<Response> {
	await stack.container("tempo", "stop");
	const since = Date.now();
	const batch = new Batch(service, 1000 / spans, { spans });
	const acknowledged: string[] = [];
	const refusal = await until(60, async () => {
		const { body, ids } = batch.next();
		const response = await post(e, body);
		if (response?.ok) acknowledged.push(...ids);
		if (response && !response.ok) return response;
		throw new Error(`more and more is taken: ${response?.status}, ${acknowledged.length * spans} spans`);
	});
	expect(acknowledged.length * spans).toBeGreaterThan(1000);
	await expect(sendByGrpc(e.otlpGrpc, batch)).rejects.toThrow(/UNAVAILABLE/);
	await stack.container("tempo", "start");
	const missing = await lostOf(e.tempo, { acknowledged, service, since });
	console.log(
		`${service}: ${acknowledged.length * spans} spans taken, ${missing.length * spans} lost; then ${refusal.status}`,
	);
	expect(missing).toEqual([]);
	return refusal;
}

/** Of a stack whose collector's queue holds 1 MiB; with `--soak` it is another one afterwards. */
export function survivesRefusals(scene: Scene): void {
	describe("a full queue", () => {
		it("tells senders to try again, and keeps every trace that it took", async () => {
			expect((await untilRefused(scene(), "queue-full")).status).toBe(503);
		});
	});

	// The same refusals by the same code: a quick run sees those of a full queue.
	if (soak)
		describe("a full disk under the queue", () => {
			it("tells senders to try again, keeps every trace that it took, and takes more when there is room", async () => {
				const { stack, e } = scene();
				stack.configure({ size: "small" });
				for (const container of ["collector", "collector-queue-owner"])
					await stack.container(container, "rm", "--force");
				const volume = `tracestack-${stack.name}-collector-queue`;
				await execa("docker", ["volume", "rm", volume]);
				const labels = [`tracestack.stack=tracestack/${stack.name}`, "tracestack.service=collector"];
				const tiny = ["type=tmpfs", "device=tmpfs", "o=size=4m,uid=10001"];
				const options = [...labels.flatMap((label) => ["--label", label]), ...tiny.flatMap((opt) => ["--opt", opt])];
				await execa("docker", ["volume", "create", ...options, volume]);
				const up = await stack.tracestack("up", "--no-verify");
				expect(up.code, up.all).toBe(0);
				expect((await untilRefused(scene(), "disk-full")).status).toBe(503);
				const { body, ids } = new Batch("disk-free", 10).next();
				await until(60, async () => expect((await post(e, body))?.status).toBe(200));
				await until(60, async () => expect(await lost(e.tempo, ids)).toEqual([]));
			});
		});

	describe("Prometheus, Loki, Alertmanager and Grafana, killed", () => {
		it("still have what they were told", async () => {
			const { stack, e } = scene();
			const silence = await json<{ silenceID: string }>(`${e.alertmanager}/api/v2/silences`, {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: JSON.stringify({
					matchers: [{ name: "alertname", value: "Kept", isRegex: false }],
					startsAt: new Date().toISOString(),
					endsAt: new Date(Date.now() + 3_600_000).toISOString(),
					createdBy: "e2e",
					comment: "survives",
				}),
			});
			const model = { uid: "by-hand", title: "By hand", panels: [] };
			await grafana(e, "/api/dashboards/db", { method: "POST", body: JSON.stringify({ dashboard: model }) });
			const series = 'count(count_over_time(up{job="prometheus"}[1h]))';
			expect(await prometheusValue(e.prometheus, series)).toBe(1);
			const samples = 'sum(count_over_time(up{job="prometheus"}[1h]))';
			const before = await prometheusValue(e.prometheus, samples);
			await sleep(11); // Alertmanager writes every ten seconds

			await crash(stack, "prometheus", "loki", "alertmanager", "grafana");
			await until(60, async () => {
				expect(await prometheusValue(e.prometheus, samples)).toBeGreaterThanOrEqual(before);
				await json(`${e.alertmanager}/api/v2/silence/${silence.silenceID}`);
				await grafana(e, "/api/dashboards/uid/by-hand");
			});
		});
	});
}
