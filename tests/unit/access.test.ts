// A stack that others may reach: what it publishes where, what it asks for, and that its secrets stay secret.

import { rootCertificates } from "node:tls";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it, onTestFinished, test, vi } from "vitest";
import { parse } from "yaml";
import { platform } from "../../components/platform.ts";
import { accessConflicts, inside, outside } from "../../settings/access.ts";
import { parseSettings } from "../../settings.ts";
import { selfSigned } from "../certificate.ts";
import { ofType, one, type Recorded, record } from "./mocks.ts";

// It asks a Docker engine, and a unit test needs none.
vi.mock("../../targets/docker/preflight.ts", () => ({ preflight: async () => [] }));

const hosts = ["otel.acme.example", "192.0.2.1"];
const secret = "opensesame";
const [authority = ""] = rootCertificates;

describe("a stack bound to every interface", () => {
	let resources: Recorded[];
	let outputs: Record<string, unknown>;

	beforeAll(async () => {
		vi.stubEnv("TRACESTACK_IMAGES", undefined);
		const { default: stack } = await import("../../index.ts");
		const recording = await record(stack, {
			preview: true,
			config: {
				"tracestack:bindAddress": "0.0.0.0",
				"tracestack:access": JSON.stringify({ token: true, tls: "generated", hosts }),
				"tracestack:ports": JSON.stringify({ collectorMetrics: 8888, tempoOtlpHttp: 14318 }),
			},
			outputs: (type) => ({
				...(type.startsWith("random:") && { result: secret }),
				...(type === "tls:index/privateKey:PrivateKey" && { privateKeyPem: secret }),
				...(/^tls:.*Cert$/.test(type) && { certPem: authority }),
			}),
		});
		resources = recording.resources;
		outputs = recording.result;
	});

	test("publishes only what asks who you are: Grafana and OTLP", () => {
		const ports = ofType(resources, "docker:index/container:Container").flatMap(
			({ inputs }) => (inputs.ports ?? []) as { ip: string; external: number }[],
		);
		const bound = (ip: string) => ports.filter((port) => port.ip === ip).map(({ external }) => external);
		expect(bound("0.0.0.0").sort()).toEqual([3000, 4317, 4318]);
		expect(bound("127.0.0.1")).toHaveLength(ports.length - 3);
		expect(ports.length).toBeGreaterThanOrEqual(10);
	});

	test("is known by the first of its names, over TLS", async () => {
		const urls = pulumi.output(outputs.urls as Record<string, pulumi.Output<string>>);
		expect(await new Promise((resolve) => urls.apply(resolve))).toMatchObject({
			grafana: "https://otel.acme.example:3000",
			otlpHttp: "https://otel.acme.example:4318",
			otlpGrpc: "otel.acme.example:4317",
			tempo: "http://127.0.0.1:3200",
		});
	});

	test("has a certificate for all of its names, and for those within the stack", () => {
		const { inputs } = one(resources, "tls:index/certRequest:CertRequest", "server");
		expect(inputs.dnsNames).toEqual(["otel.acme.example", "localhost", "collector", "grafana"]);
		expect(inputs.ipAddresses).toEqual(["192.0.2.1", "127.0.0.1"]);
	});

	test("shows no key, no token and no password", async () => {
		expect(JSON.stringify(resources)).not.toContain(secret);
		expect(await pulumi.isSecret(outputs.otlpToken as pulumi.Output<string>)).toBe(true);
		expect(await pulumi.isSecret(outputs.ca as pulumi.Output<string>)).toBe(false);
	});

	test("hands Grafana's password only to the server that its authority vouches for", () => {
		const { inputs } = one(resources, "pulumi:providers:grafana", "grafana-content");
		expect(inputs).toMatchObject({ url: "https://otel.acme.example:3000", caCert: authority });
		expect(inputs).not.toHaveProperty("insecureSkipVerify");
	});
});

describe("services", () => {
	const made = { password: "", storeKey: "", access: { token: secret, metricsPassword: secret, key: secret } };
	const service = (name: string, access: object) => {
		const settings = parseSettings({ access }, { project: "tracestack", name: "dev" });
		const workload = platform(settings, (host, port) => `${host}:${port}`, made).find((w) => w.name === name)!;
		const [text = ""] = Object.values(workload.files).map((file) => file.text);
		return { ...workload, config: name === "grafana" ? undefined : parse(text) };
	};
	const files = ({ secrets }: ReturnType<typeof service>) => secrets.flatMap(({ as }) => ("file" in as ? as.file : []));

	it("ask for a token and show a certificate over gRPC and HTTP alike", () => {
		const collector = service("collector", { token: true, tls: "generated" });
		const { protocols } = collector.config.receivers.otlp;
		for (const protocol of [protocols.grpc, protocols.http]) {
			expect(protocol.auth).toEqual({ authenticator: "bearertokenauth" });
			expect(files(collector)).toEqual(expect.arrayContaining([protocol.tls.cert_file, protocol.tls.key_file]));
		}
		expect(collector.config.service.extensions).toContain("bearertokenauth");
		expect(files(collector)).toContain(collector.config.extensions.bearertokenauth.filename);
	});

	it("ask for a token without TLS, or show a certificate without a token, where that is all that is set", () => {
		const { grpc, http } = service("collector", { token: true }).config.receivers.otlp.protocols;
		expect([grpc.tls, http.tls]).toEqual([undefined, undefined]);
		const guarded = service("collector", { tls: "generated" }).config;
		expect(guarded.receivers.otlp.protocols.grpc).not.toHaveProperty("auth");
		expect(guarded.service.extensions).not.toContain("bearertokenauth");
	});

	it("keep Grafana's own metrics for Prometheus, which knows Grafana by its authority", () => {
		const grafana = service("grafana", { token: true, tls: "generated", hosts });
		const prometheus = service("prometheus", { token: true, tls: "generated", hosts });
		const job = prometheus.config.scrape_configs.find((one: { job_name: string }) => one.job_name === "grafana");
		expect(job).toMatchObject({ scheme: "https", tls_config: { server_name: hosts[0] } });
		expect(job.basic_auth.username).toBe(grafana.env.GF_METRICS_BASIC_AUTH_USERNAME);
		expect(files(prometheus)).toEqual(expect.arrayContaining([job.basic_auth.password_file, job.tls_config.ca_file]));
		expect(files(grafana)).toContain(grafana.env.GF_SERVER_CERT_KEY);
	});

	it.each(["collector", "grafana", "prometheus"])("have no secret of %s in a file or the environment", (name) => {
		const { secrets, ...shown } = service(name, { token: true, tls: "generated" });
		expect(secrets.map(({ value }) => value)).toContain(secret);
		expect(JSON.stringify(shown)).not.toContain(secret);
	});
});

describe("addresses", () => {
	const none = { hosts: [] as string[] };

	it("are loopback for what asks nobody, whatever the others bind to", () => {
		expect(inside({ bindAddress: "0.0.0.0", access: none }).ip).toBe("127.0.0.1");
		expect(inside({ bindAddress: "127.0.0.2", access: none }).ip).toBe("127.0.0.2");
	});

	it("have the name that the certificate has", () => {
		expect(outside({ bindAddress: "0.0.0.0", access: { hosts } })).toEqual({ ip: "0.0.0.0", host: hosts[0] });
		expect(outside({ bindAddress: "192.0.2.7", access: none }).host).toBe("192.0.2.7");
		expect(outside({ bindAddress: "0.0.0.0", access: none }).host).toBe("127.0.0.1");
	});

	it("in links are those that a browser reaches, not a container's", () => {
		const linked = (raw: object) => {
			const settings = parseSettings(raw as Record<string, unknown>, { project: "tracestack", name: "dev" });
			const all = platform(settings, (workload, port) => `${workload}:${port}`, { password: "", storeKey: "" });
			const of = (name: string) => all.find((workload) => workload.name === name)!;
			const flag = (name: string) => of(name).command.find((one) => one.startsWith("--web.external-url="));
			return [of("grafana").env.GF_SERVER_ROOT_URL, flag("alertmanager"), flag("prometheus")];
		};
		expect(linked({ ports: { grafana: 3001, alertmanager: 9094, prometheus: 9091 } })).toEqual([
			"http://127.0.0.1:3001",
			"--web.external-url=http://127.0.0.1:9094",
			"--web.external-url=http://127.0.0.1:9091",
		]);
		expect(linked({ bindAddress: "0.0.0.0", access: { token: true, tls: "generated", hosts } })).toEqual([
			`https://${hosts[0]}:3000`,
			`--web.external-url=https://${hosts[0]}:3000/alerting/groups`,
			undefined,
		]);
		const aws = {
			region: "eu-central-1",
			hostedZoneId: "Z0",
			grafana: { domain: "g.example" },
			otlp: { domain: "o.example" },
		};
		expect(linked({ target: "aws", access: { token: true }, aws })).toEqual([
			"https://g.example",
			"--web.external-url=https://g.example/alerting/groups",
			undefined,
		]);
	});
});

describe("a certificate of one's own", () => {
	const said = (own: object, bindAddress = "127.0.0.1") =>
		accessConflicts(bindAddress, { token: true, tls: "own", ...own }).map(({ path, problem }) => [path[1], problem]);

	it("is taken when it is good for the names that are used", async () => {
		expect(said(await selfSigned(["IP:127.0.0.1"]))).toEqual([]);
		expect(said({ ...(await selfSigned(["DNS:*.acme.example", "IP:192.0.2.1"])), hosts }, "0.0.0.0")).toEqual([]);
	});

	it("is refused with the names that it lacks, an expired one and another's key with that", async () => {
		const old = await selfSigned(["DNS:localhost"]);
		const { key } = await selfSigned(["DNS:localhost"]);
		expect(said({ ...old, ca: "x" })).toContainEqual(["ca", expect.stringContaining("can't be read")]);
		expect(said({ ...old, key: "hunter2" })[0]).toEqual(["key", expect.not.stringContaining("hunter2")]);
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3 * 86_400_000 });
		onTestFinished(() => void vi.useRealTimers());
		expect(said({ ...old, key, hosts: ["localhost", "192.0.2.1"] })).toEqual([
			["certificate", expect.stringContaining("has expired")],
			["key", "is not the certificate's"],
			["certificate", expect.stringContaining("is not for 192.0.2.1 but for DNS:localhost")],
		]);
	});
});
