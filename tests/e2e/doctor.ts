// What troubles people, done on purpose: the doctor names it, and says what to do.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { afterAll, describe, expect, it } from "vitest";
import type { Complaint } from "../../cli/doctor/complaint.ts";
import { root } from "../../cli/paths.ts";
import { type Endpoints, until } from "../../cli/verify/api.ts";
import { readCatalogue } from "../../settings/catalogue.ts";
import { docker, type Hands, paths } from "./hands.ts";
import { sendTraces } from "./sender.ts";
import type { TestStack } from "./stack.ts";

/** Asked when a test runs: by then the stack is up. */
type Scene = () => { stack: TestStack; hands: Hands; endpoints: Endpoints };

/** An application with the OpenTelemetry SDK, by its environment: says what became of a span, and stays. */
async function application(environment: Record<string, string>): Promise<{ said: string; process: ChildProcess }> {
	const code = `
		import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
		import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
		const spans = new InMemorySpanExporter();
		new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).getTracer("t").startSpan("s").end();
		new OTLPTraceExporter({ timeoutMillis: 2000 }).export(spans.getFinishedSpans(), ({ code }) => console.log(code ? "failed" : "taken"));
		setInterval(() => {}, 1000);`;
	const env = { ...process.env, ...environment };
	const child = spawn(process.execPath, ["--input-type=module", "--eval", code], { cwd: root, env });
	const [said] = (await once(child.stdout, "data")) as [Buffer];
	return { said: said.toString().trim(), process: child };
}

/** What the doctor says, a line a complaint. */
async function complaints(stack: TestStack): Promise<{ code: number; said: string }> {
	const { code, stdout, all } = await stack.tracestack("doctor", "--json");
	expect(stdout, all).not.toBe("");
	const { checks } = JSON.parse(stdout) as { checks: { complaints: Complaint[] }[] };
	const lines = checks.flatMap((check) =>
		check.complaints.map((one) => `${one.severity} ${one.about}: ${one.what} | ${one.seen ?? ""} → ${one.todo}`),
	);
	return { code, said: lines.join("\n") };
}

/** A stack that nobody has used yet, and then somebody has. */
export function soundToTheDoctor(scene: Scene): void {
	describe("the doctor", () => {
		it("says to people that nobody has sent anything", async () => {
			const { code, all } = await scene().stack.tracestack("doctor");
			expect(all).toMatch(
				/! spans arrive.*\n {4}tempo: it has no trace of the last day: nobody has sent one\n {6}→ .*verify --stack \S+ sends one/,
			);
			expect(all).toMatch(/0 broken, \d to look at/);
			expect(code).toBe(2);
		});

		it("finds nothing wrong once a trace has come", async () => {
			const { stack } = scene();
			const verify = await stack.tracestack("verify");
			expect(verify.code, verify.all).toBe(0);
			const { said } = await complaints(stack);
			// Of a server that is starved its log complains, of what nobody can say beforehand.
			expect(said.split("\n").filter((line) => line && !line.includes("its log has errors"))).toEqual([]);
		});
	});
}

/** Done to it last: nobody puts it right. */
export function troubles(scene: Scene): void {
	describe("of what troubles people, the doctor", () => {
		let squatter: Server | undefined;
		let sender: ChildProcess | undefined;

		afterAll(() => {
			squatter?.close();
			sender?.kill();
		});

		it("names a wrong address in the collector, Grafana led astray, little memory, and who speaks HTTP to the gRPC port", async () => {
			const { stack, hands, endpoints: e } = scene();
			const endpoint = `http://me:hunter2@127.0.0.1:${stack.ports.otlpGrpc}`;
			const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" };
			const { said, process } = await application(environment);
			sender = process;
			expect(said).toBe("failed");
			await hands.edit("collector", paths.collector, (text) => text.replace("tempo:4317", "nobody:4317"));
			await docker("restart", hands.container("collector"));
			await until(60, async () => expect(await sendTraces(e.otlpHttp, "astray", 1)).toHaveLength(1));
			const source = await hands.ask<{ url: string }>("/api/datasources/uid/tempo");
			await hands.ask("/api/datasources/uid/tempo", "PUT", { ...source, url: "http://tempo:3201" });
			// To ask the doctor costs more than to look.
			await until(60, async () => {
				const { stdout, stderr } = await docker("logs", "--since", "2m", hands.container("collector"));
				expect(stdout + stderr).toMatch(/Exporting failed.*otlp_grpc\/tempo/);
			});

			await told(
				stack,
				[
					/collector: it can't resolve the name of a host.*otlp_grpc\/tempo: .* → a wrong address/,
					/broken grafana: it does not reach Tempo at http:\/\/tempo:3201/,
					/alertmanager: (it has little memory left|the kernel killed it).* → .*tracestack:size/,
					new RegExp(
						`collector: node \\(process \\d+\\) speaks HTTP to 127.0.0.1:${stack.ports.otlpGrpc}, .* → .*:${stack.ports.otlpHttp}`,
					),
					/collector: file .*config\.yaml is not as it was deployed: .* → .*drift/,
				],
				// What it has changes.
				() => shortOfMemory(hands.container("alertmanager")),
			);
		});

		it("names a volume of somebody else, and who holds the port of a service that is down", async () => {
			const { stack, hands } = scene();
			const { busybox } = readCatalogue(process.env.TRACESTACK_IMAGES ?? "configs/versions.yaml");
			const volume = `${hands.container("tempo")}-data:/v`;
			await docker("stop", hands.container("tempo"), hands.container("grafana"));
			await docker("run", "--rm", "--network=none", "--volume", volume, busybox!.image, "chown", "-R", "0:0", "/v");
			await docker("start", hands.container("tempo"));
			squatter = createServer().listen(stack.ports.grafana, "127.0.0.1");

			await told(stack, [
				/broken tempo: it may not write to its data directory.*permission denied → the volume/,
				/broken grafana: it does not run: exited/,
				new RegExp(`broken stack: Port ${stack.ports.grafana} on 127.0.0.1 is taken by .* → Stop it`),
			]);
		});
	});
}

/** Waits until the doctor says all of it: what is broken takes seconds to reach a log. */
async function told(stack: TestStack, what: RegExp[], before = async () => {}): Promise<void> {
	await until(120, async () => {
		await before();
		const { code, said } = await complaints(stack);
		for (const line of what) expect(said).toMatch(line);
		expect(said).not.toContain("hunter2");
		expect(code).toBe(1);
	});
}

/** Leaves a container little more than it has. */
async function shortOfMemory(container: string): Promise<void> {
	const { stdout } = await docker("stats", "--no-stream", "--format", "{{.MemUsage}}", container);
	const [, used] = /^([\d.]+)MiB/.exec(stdout) ?? [];
	// The kernel has ended it, and it starts again.
	if (!used) return;
	const limit = `${Math.ceil(Number(used) * 1.03 * 1024)}k`;
	await docker("update", "--memory", limit, "--memory-swap", limit, container);
}
