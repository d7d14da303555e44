// A stack that others may reach: from outside each door is tried, with what it asks for and without.

import { networkInterfaces } from "node:os";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Batch } from "../../cli/load/batch.ts";
import { type Endpoints, otlpGrpcUrl, prometheusValue, until } from "../../cli/verify/api.ts";
import { makeSignals } from "../../cli/verify/signals.ts";
import { trust } from "../../components/trust.ts";
import { readCatalogue } from "../../settings/catalogue.ts";
import { selfSigned } from "../certificate.ts";
import { lost } from "./sender.ts";
import { type Outcome, services, TestStack } from "./stack.ts";

/** This machine by an address that others know it by. */
const outside = Object.values(networkInterfaces())
	.flatMap((addresses) => addresses ?? [])
	.find(({ family, internal }) => family === "IPv4" && !internal)?.address;

const access = { token: true, tls: "generated", hosts: [outside] };
/** Ports that ask nobody who they are, beside those that every test stack has. */
const more = { collectorMetrics: 32420, tempoOtlpHttp: 32421 };
const open = ["tempo", "prometheus", "loki", "alertmanager", "collectorHealth"] as const;
let stack: TestStack;
let e: Endpoints;
let up: Outcome;

beforeAll(async () => {
	stack = await TestStack.create("e2e-access", 32400);
	configure({ bindAddress: "0.0.0.0", access });
	up = await stack.tracestack("up");
	if (up.code !== 0) throw new Error(up.all);
	e = await stack.endpoints();
});

afterAll(() => stack.remove());

function configure(settings: Record<string, unknown>): void {
	stack.configure({ size: "small", ports: { ...stack.ports, ...more }, ...settings });
}

/** What the engine tells about each of the stack's containers. */
async function inspected(): Promise<Inspected[]> {
	const names = await stack.resources("container");
	return JSON.parse((await execa("docker", ["inspect", ...names])).stdout);
}

interface Inspected {
	NetworkSettings: {
		Networks: Record<string, { IPAddress: string }>;
		Ports?: Record<string, { HostIp: string; HostPort: string }[] | null>;
	};
}

/** Status of an answer, or the reason why there is none. */
async function answer(url: string, init: RequestInit = {}): Promise<number | string> {
	try {
		return (await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(5000), ...init })).status;
	} catch (error) {
		return (error as { cause?: { code?: string } }).cause?.code ?? String(error);
	}
}

const plain = (url: string) => url.replace("https:", "http:");
const basic = (user: string, password: string) => ({ authorization: `Basic ${btoa(`${user}:${password}`)}` });
const bearer = (token = "") => ({ authorization: `Bearer ${token}` });

function post(body: Uint8Array<ArrayBuffer>, headers: Record<string, string>, url = e.otlpHttp) {
	return answer(`${url}/v1/traces`, {
		method: "POST",
		headers: { "content-type": "application/x-protobuf", ...headers },
		body,
	});
}

// First, and before this process trusts it.
it("an authority that nobody was told of is not believed", async () => {
	expect(await answer(`${e.grafana}/api/health`)).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED/);
	expect(await post(new Batch("outside", 1).next().body, bearer(e.otlpToken))).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED/);
	await expect(makeSignals({ otlpToken: e.otlpToken }).sendFrontendByGrpc(otlpGrpcUrl(e))).rejects.toThrow(
		/UNAVAILABLE/,
	);
	trust(e.ca ?? "");
	expect(await answer(`${e.grafana}/api/health`)).toBe(200);
});

describe("up", () => {
	it("proves every link from outside, over TLS", () => {
		expect(up.all).toMatch(/verified: all \d+ links hold/);
		expect(e.grafana).toBe(`https://${outside}:${stack.ports.grafana}`);
		expect(e.otlpHttp).toBe(`https://${outside}:${stack.ports.otlpHttp}`);
	});

	it("says what applications must show, and not the secret itself", () => {
		expect(up.all).toContain("OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20TOKEN");
		expect(up.all).toContain("OTEL_EXPORTER_OTLP_CERTIFICATE=ca.pem");
		expect(up.all).not.toContain(e.otlpToken);
	});

	it("is followed by a preview without changes", async () => {
		const preview = await stack.tracestack("preview", "--expect-no-changes");
		expect(preview.code, preview.all).toBe(0);
	});
});

describe("the token", () => {
	it("is printed by a command of its own, as is the authority", async () => {
		expect((await stack.tracestack("token")).stdout).toBe(e.otlpToken);
		expect((await stack.tracestack("ca")).stdout).toBe(e.ca?.trim());
	});

	it("is in no configuration, no environment and not readable in the state, nor is the key", async () => {
		const all = JSON.stringify(await inspected());
		expect(all).toContain("GF_SERVER_CERT_KEY");
		expect(all).not.toContain(e.otlpToken);
		expect(all).not.toContain("PRIVATE KEY");
		const state = (await stack.pulumi("stack", "export")).stdout;
		expect(state).toContain("tls:index/privateKey:PrivateKey");
		expect(state).not.toContain(e.otlpToken);
		expect(state).not.toContain("PRIVATE KEY");
		expect(await stack.read("collector", "/etc/otelcol-contrib/config.yaml")).not.toContain(e.otlpToken);
	});
});

describe("OTLP over HTTP, from outside", () => {
	it("takes what shows the token, and it is found", async () => {
		const { body, ids } = new Batch("outside", 1).next();
		expect(await post(body, bearer(e.otlpToken))).toBe(200);
		await until(20, async () => expect(await lost(e.tempo, ids)).toEqual([]));
	});

	it("refuses another token, none, and plain HTTP", async () => {
		const { body, ids } = new Batch("outside", 1).next();
		expect(await post(body, bearer("wrong"))).toBe(401);
		expect(await post(body, bearer(`${e.otlpToken}x`))).toBe(401);
		expect(await post(body, basic(e.grafanaUser, e.grafanaPassword))).toBe(401);
		expect(await post(body, {})).toBe(401);
		expect(await post(body, bearer(e.otlpToken), plain(e.otlpHttp))).toBe(400);
		expect(await lost(e.tempo, ids)).toEqual(ids);
	});

	it("lets a browser on a developer's machine ask whether it may show the token", async () => {
		const response = await fetch(`${e.otlpHttp}/v1/traces`, {
			method: "OPTIONS",
			headers: {
				origin: "http://localhost:5173",
				"access-control-request-method": "POST",
				"access-control-request-headers": "authorization,content-type",
			},
		});
		expect(response.status).toBe(204);
		expect(response.headers.get("access-control-allow-headers")).toMatch(/authorization/i);
	});
});

describe("OTLP over gRPC, from outside", () => {
	it("takes what shows the token", async () => {
		const signals = makeSignals(e);
		await signals.sendFrontendByGrpc(otlpGrpcUrl(e));
		await until(20, async () => expect(await lost(e.tempo, [signals.traceId])).toEqual([]));
	});

	it.each([
		["another token", "wrong"],
		["none", undefined],
	])("refuses %s", async (_, otlpToken) => {
		const sent = makeSignals({ ...e, otlpToken }).sendFrontendByGrpc(otlpGrpcUrl(e));
		await expect(sent).rejects.toThrow(/UNAUTHENTICATED/);
	});

	it("refuses to speak without TLS", async () => {
		const { otlpToken } = e;
		await expect(makeSignals({ otlpToken }).sendFrontendByGrpc(plain(otlpGrpcUrl(e)))).rejects.toThrow(/UNAVAILABLE/);
	});
});

describe("Grafana, from outside", () => {
	const datasource = "/api/datasources/proxy/uid/prometheus/api/v1/query?query=up";
	const ask = (path: string, headers: Record<string, string> = {}) => answer(`${e.grafana}${path}`, { headers });

	it("shows its administrator everything, Prometheus included", async () => {
		expect(await ask("/api/search", basic(e.grafanaUser, e.grafanaPassword))).toBe(200);
		expect(await ask(datasource, basic(e.grafanaUser, e.grafanaPassword))).toBe(200);
	});

	it.each(["/api/search", "/api/org", datasource, "/metrics"])("tells nobody else %s", async (path) => {
		expect(await ask(path)).toBe(401);
		expect(await ask(path, basic(e.grafanaUser, "wrong"))).toBe(401);
		expect(await ask(path, bearer(e.otlpToken))).toBe(401);
	});

	it("takes nobody in who signs up", async () => {
		const body = JSON.stringify({ email: "a@b.example", username: "a", password: "long enough" });
		const headers = { "content-type": "application/json" };
		for (const path of ["/api/user/signup", "/api/user/signup/step2"])
			expect(await answer(`${e.grafana}${path}`, { method: "POST", headers, body })).toBe(401);
	});

	it("refuses plain HTTP", async () => {
		expect(await answer(`${plain(e.grafana)}/api/health`)).toBe(400);
	});

	it("shows Prometheus its own metrics", async () => {
		await until(40, async () => expect(await prometheusValue(e.prometheus, 'up{job="grafana"}')).toBe(1));
	});
});

describe("what asks nobody who they are", () => {
	it.each([
		...open.map((name) => [name, () => stack.ports[name]] as const),
		...Object.entries(more).map(([name, port]) => [name, () => port] as const),
	])("%s answers this machine and nobody outside", async (_, port) => {
		expect(await answer(`http://${outside}:${port()}/`)).toBe("ECONNREFUSED");
		expect(await answer(`https://${outside}:${port()}/`)).toBe("ECONNREFUSED");
		expect(await answer(`http://127.0.0.1:${port()}/`)).toBeTypeOf("number");
	});

	it("is all but Grafana and OTLP, as the engine tells", async () => {
		const bound = (await inspected()).flatMap(({ NetworkSettings: { Ports } }) => Object.values(Ports ?? {}).flat());
		const elsewhere = bound.flatMap((one) => (one && one.HostIp !== "127.0.0.1" ? Number(one.HostPort) : []));
		const { grafana, otlpGrpc, otlpHttp } = stack.ports;
		expect(elsewhere.sort()).toEqual([grafana, otlpGrpc, otlpHttp]);
	});
});

it("another network finds three doors, and none behind them", async () => {
	const { image = "" } = readCatalogue(process.env.TRACESTACK_IMAGES ?? "configs/versions.yaml").busybox ?? {};
	const behind = (await inspected()).flatMap(({ NetworkSettings: { Networks, Ports } }) =>
		Object.values(Networks).flatMap(({ IPAddress }) =>
			Object.keys(Ports ?? {}).map((port) => `${IPAddress} ${Number.parseInt(port, 10)}`),
		),
	);
	const doors = Object.values({ ...stack.ports, ...more }).map((port) => `${outside} ${port}`);
	// Of every service at least one.
	expect(behind.length).toBeGreaterThanOrEqual(services.length);
	const knock = [...doors, ...behind].map((to) => `{ nc -w 2 ${to} </dev/null >/dev/null && echo ${to}; } &`).join(" ");
	const { stdout } = await execa("docker", ["run", "--rm", image, "sh", "-c", `${knock} wait`]);
	const { grafana, otlpGrpc, otlpHttp } = stack.ports;
	expect(stdout.split("\n").sort()).toEqual([grafana, otlpGrpc, otlpHttp].map((port) => `${outside} ${port}`));
});

it("a certificate of one's own takes the place of the stack's", async () => {
	const own = await selfSigned([`IP:${outside}`]);
	configure({ bindAddress: "0.0.0.0", access: { ...access, ...own, tls: "own", ca: own.certificate } });
	const changed = await stack.tracestack("up", "--no-verify");
	expect(changed.code, changed.all).toBe(0);
	const { body } = new Batch("outside", 1).next();
	expect(await post(body, bearer(e.otlpToken))).toMatch(/SELF_SIGNED/);
	trust(own.certificate);
	expect(await post(body, bearer(e.otlpToken))).toBe(200);
	expect(await post(body, bearer("wrong"))).toBe(401);
	expect(await answer(`${e.grafana}/api/health`)).toBe(200);
});

it("a stack that is bare to others is refused, and told all that is missing", async () => {
	configure({ bindAddress: "0.0.0.0" });
	const preview = await stack.tracestack("preview");
	expect(preview.code).not.toBe(0);
	expect(preview.all).toContain("Pulumi.e2e-access.yaml has 2 mistakes");
	expect(preview.all).toContain("tracestack:access.token is false while bindAddress is 0.0.0.0");
	expect(preview.all).toContain('tracestack:access.tls is "none" while bindAddress is 0.0.0.0');
});
