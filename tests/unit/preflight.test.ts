import { createServer, type Server } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { preflight } from "../../targets/docker/preflight.ts";

const docker = vi.hoisted(() => ({ failed: false, stdout: "", stderr: "" }));
vi.mock("execa", () => ({ execa: async (file: string) => (file === "docker" ? docker : { stdout: "" }) }));

const disk = vi.hoisted(() => ({ here: true, bavail: 0, bsize: 2 ** 20 }));
vi.mock("node:fs/promises", () => ({
	statfs: async () => (disk.here ? disk : Promise.reject(new Error("no such folder"))),
}));

const stack = { project: "tracestack", stack: "dev" };
const ip = "127.0.0.1";
let holder: Server;
let port: number;

beforeEach(async () => {
	Object.assign(docker, { failed: false, stdout: "", stderr: "" });
	Object.assign(disk, { here: true, bavail: 10_000 });
	holder = createServer();
	await new Promise<void>((resolve) => holder.listen({ host: "127.0.0.1", port: 0 }, resolve));
	port = (holder.address() as { port: number }).port;
});

afterEach(() => new Promise((resolve) => holder.close(resolve)));

describe("preflight", () => {
	it("has nothing to say about free ports", async () => {
		await new Promise((resolve) => holder.close(resolve));
		expect(await preflight(stack, [{ setting: "tempo", port, ip }])).toEqual([]);
	});

	it("names the port, the setting and the file to change", async () => {
		const [problem] = await preflight(stack, [{ setting: "tempo", port, ip }]);
		expect(problem).toContain(`Port ${port} on 127.0.0.1 is taken by another process`);
		expect(problem).toContain("give tracestack:ports another tempo in Pulumi.dev.yaml");
	});

	it("names the container that holds a port", async () => {
		docker.stdout = `jaeger\t\t127.0.0.1:${port}->16686/tcp`;
		expect((await preflight(stack, [{ setting: "tempo", port, ip }]))[0]).toContain("taken by container jaeger");
	});

	it("knows its own ports where the engine writes them as a range", async () => {
		docker.stdout = `tracestack-dev-collector\ttracestack/dev\t127.0.0.1:${port - 1}-${port}->4317-4318/tcp, 127.0.0.1:13133->13133/tcp`;
		expect(await preflight(stack, [{ setting: "otlpHttp", port, ip }])).toEqual([]);
	});

	it("knows its own containers, and not those of another stack", async () => {
		docker.stdout = `tracestack-dev-tempo\ttracestack/dev\t127.0.0.1:${port}->3200/tcp`;
		expect(await preflight(stack, [{ setting: "tempo", port, ip }])).toEqual([]);
		docker.stdout = `tracestack-other-tempo\ttracestack/other\t127.0.0.1:${port}->3200/tcp`;
		expect(await preflight(stack, [{ setting: "tempo", port, ip }])).toHaveLength(1);
	});

	it("says why the engine does not answer", async () => {
		Object.assign(docker, { failed: true, stderr: "Cannot connect to the Docker daemon" });
		expect((await preflight(stack, []))[0]).toContain("Cannot connect to the Docker daemon");
	});

	it("warns of an engine that lets neighbours reach loopback, once there are any", async () => {
		const warned = async (ip: string, version: string) => {
			const lines: string[] = [];
			docker.stdout = version;
			await preflight(stack, [{ setting: "grafana", port: 0, ip }], (line) => lines.push(line));
			return lines;
		};
		expect(await warned("0.0.0.0", "20.10.24+dfsg1")).toEqual([expect.stringContaining("Update it to 28")]);
		expect(await warned("0.0.0.0", "28.0.1")).toEqual([]);
		expect(await warned("127.0.0.1", "20.10.24")).toEqual([]);
	});

	it("says that an address is not this machine's, once for all ports and with those that are", async () => {
		// Of TEST-NET-1: nobody's.
		const wanted = ["grafana", "otlpGrpc"].map((setting) => ({ setting, port: 0, ip: "192.0.2.1" }));
		const [problem, ...others] = await preflight(stack, [...wanted, { setting: "tempo", port: 0, ip }]);
		expect(problem).toMatch(
			/^tracestack:bindAddress in Pulumi\.dev\.yaml is 192\.0\.2\.1, which is no address of this machine\. It has .*127\.0\.0\.1/,
		);
		expect(others).toEqual([]);
	});

	it("leaves addresses alone where the engine is another machine's", async () => {
		disk.here = false;
		expect(await preflight(stack, [{ setting: "grafana", port: 0, ip: "192.0.2.1" }])).toEqual([]);
	});

	it("says that the engine's disk is full", async () => {
		disk.bavail = 100;
		docker.stdout = "/var/lib/docker";
		const [problem] = await preflight(stack, []);
		expect(problem).toMatch(/disk is full: 100 MiB left in \/var\/lib\/docker/);
	});
});
