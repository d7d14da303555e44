// The collector as it is configured on AWS, behind a stand-in for the network load balancer: TLS ends there, with the ALPN policy of
// the listener, and what is behind it speaks plainly. One container, no stack.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { type AddressInfo, connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { connect as connectTls, createServer, type Server } from "node:tls";
import grpc from "@grpc/grpc-js";
import { execa } from "execa";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { root } from "../../cli/paths.ts";
import { until } from "../../cli/verify/api.ts";
import { collector } from "../../components/collector.ts";
import { parseSettings } from "../../settings.ts";
import { selfSigned } from "../certificate.ts";

/** What AWS's policies offer, in their order. */
const policies: Record<string, string[]> = {
	HTTP1Only: ["http/1.1", "http/1.0"],
	HTTP2Preferred: ["h2", "http/1.1", "http/1.0"],
};

interface Listener {
	name: string;
	inputs: { alpnPolicy: string };
}
const listeners: Listener[] = JSON.parse(readFileSync(join(root, "tests/unit/goldens/prod.json"), "utf8"));
const policyOf = (name: string) => listeners.find((one) => one.name === `collector-${name}`)?.inputs.alpnPolicy ?? "";

const token = "opensesame";
const folder = mkdtempSync(join(tmpdir(), "tracestack-balancer-"));
const servers: Server[] = [];
let container = "";
let ca: string;
let key: string;

beforeAll(async () => {
	const { config } = parse(readFileSync(join(root, "Pulumi.prod.yaml"), "utf8")) as { config: Record<string, unknown> };
	const raw = Object.entries(config).map(([name, value]) => [name.replace("tracestack:", ""), value]);
	const identity = { project: "tracestack", name: "prod" };
	const settings = parseSettings(Object.fromEntries(raw), identity, process.env.TRACESTACK_IMAGES);
	// Nobody is behind it: what is acknowledged waits.
	const w = collector(settings, (name, port) => `${name}.invalid:${port}`, { token });
	const texts = [
		...Object.entries(w.files).map(([path, { text }]) => [path, text]),
		...w.secrets.map(({ as, value }) => ["file" in as ? as.file : "", String(value)]),
	] as [path: string, text: string][];
	for (const [path, text] of texts) {
		mkdirSync(dirname(join(folder, path)), { recursive: true });
		writeFileSync(join(folder, path), text);
	}
	// For the collector's user.
	await execa("chmod", ["-R", "a+rX", folder]);
	const ports = w.ports.flatMap(({ number }) => ["--publish", `127.0.0.1::${number}`]);
	const mounts = ["--volume", `${folder}/etc/otelcol-contrib:/etc/otelcol-contrib:ro`];
	const queue = ["--tmpfs", `/var/lib/otelcol:uid=${w.user.uid}`];
	const run = ["run", "--detach", "--user", `${w.user.uid}`, "--memory", "256m", "--cap-drop", "ALL"];
	const { stdout } = await execa("docker", [...run, ...ports, ...mounts, ...queue, w.image, ...w.command]);
	container = stdout.trim();
	const health = await published(13133);
	await until(60, async () => expect((await fetch(`http://127.0.0.1:${health}`)).ok).toBe(true));
	({ certificate: ca, key } = await selfSigned(["DNS:localhost"]));
});

afterAll(async () => {
	for (const server of servers) server.close();
	if (container) await execa("docker", ["rm", "--force", "--volumes", container]);
	rmSync(folder, { recursive: true });
});

async function published(port: number): Promise<number> {
	const { stdout } = await execa("docker", ["port", container, `${port}`]);
	return Number(stdout.split("\n")[0]?.split(":").at(-1));
}

/** Ends TLS before a port of the collector, and agrees to what a policy offers. Returns where. */
async function balancer(port: number, policy: string): Promise<number> {
	const to = await published(port);
	const server = createServer({ key, cert: ca, ALPNProtocols: policies[policy] ?? [] }, (client) => {
		const behind = connectPlain(to, "127.0.0.1");
		client.on("error", () => behind.destroy());
		behind.on("error", () => client.destroy());
		client.pipe(behind).pipe(client);
	});
	servers.push(server);
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return (server.address() as AddressInfo).port;
}

/** An empty request of OTLP by gRPC; its status. */
function byGrpc(port: number, bearer?: string): Promise<string> {
	const client = new grpc.Client(`localhost:${port}`, grpc.credentials.createSsl(Buffer.from(ca)));
	const metadata = new grpc.Metadata();
	if (bearer) metadata.set("authorization", `Bearer ${bearer}`);
	const same = (bytes: Buffer) => bytes;
	const method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
	return new Promise((resolve) => {
		client.makeUnaryRequest(method, same, same, Buffer.alloc(0), metadata, (error) => {
			client.close();
			resolve(grpc.status[error?.code ?? 0] ?? "");
		});
	});
}

/** An empty request of OTLP by HTTP/1.1; its status. */
function byHttp(port: number, bearer?: string): Promise<number | undefined> {
	const headers = { "content-type": "application/json", ...(bearer && { authorization: `Bearer ${bearer}` }) };
	const options = { host: "localhost", port, path: "/v1/traces", method: "POST", ca, agent: false as const, headers };
	return new Promise((resolve, reject) => {
		const sent = request(options, (response) => {
			response.resume();
			resolve(response.statusCode);
		});
		sent.on("error", reject).end("{}");
	});
}

/** What a client and the balancer agree to speak. */
function agreed(port: number, offered: string[]): Promise<string | false | null> {
	return new Promise((resolve, reject) => {
		const socket = connectTls({ host: "localhost", port, ca, ALPNProtocols: offered }, () => {
			resolve(socket.alpnProtocol);
			socket.destroy();
		});
		socket.on("error", reject);
	});
}

it("takes OTLP by gRPC from who has the token, over HTTP/2 that the listener agrees to", async () => {
	const port = await balancer(4317, policyOf("otlpGrpc"));
	expect(await agreed(port, ["h2"])).toBe("h2");
	expect(await byGrpc(port, token)).toBe("OK");
	expect(await byGrpc(port, "wrong")).toBe("UNAUTHENTICATED");
	expect(await byGrpc(port)).toBe("UNAUTHENTICATED");
});

it("takes OTLP by HTTP from who has the token, over HTTP/1.1 even where a client would rather not", async () => {
	const port = await balancer(4318, policyOf("otlpHttp"));
	expect(await agreed(port, ["h2", "http/1.1"])).toBe("http/1.1");
	expect(await byHttp(port, token)).toBe(200);
	expect(await byHttp(port)).toBe(401);
});

it("would be no server for gRPC without that policy", async () => {
	expect(await byGrpc(await balancer(4317, "HTTP1Only"), token)).toBe("UNAVAILABLE");
});
