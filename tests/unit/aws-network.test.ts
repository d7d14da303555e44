import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { callsOf, callTo } from "../../components/calls.ts";
import { platform } from "../../components/platform.ts";
import { parseSettings } from "../../settings.ts";
import { waitUntilReached } from "../../targets/aws/ready.ts";
import { quarters } from "../../targets/aws/vpc.ts";
import { settingsOf } from "./aws-mocks.ts";

const identity = { project: "tracestack", name: "staging" };
const staging = settingsOf("staging");

describe("quarters", () => {
	test.each([
		["10.42.0.0/16", ["10.42.0.0/18", "10.42.64.0/18", "10.42.128.0/18", "10.42.192.0/18"]],
		["192.168.255.0/24", ["192.168.255.0/26", "192.168.255.64/26", "192.168.255.128/26", "192.168.255.192/26"]],
		["10.42.16.0/20", ["10.42.16.0/22", "10.42.20.0/22", "10.42.24.0/22", "10.42.28.0/22"]],
	])("of %s", (cidr, parts) => expect(quarters(cidr)).toEqual(parts));
});

describe("calls", () => {
	const scrape = (target: string, scheme: string) => ({ job: target.split(":")[0], targets: [target], scheme });
	const settings = parseSettings(
		{
			...staging,
			// Several are scraped by name, without a port beside it.
			collector: {},
			scrapes: [scrape("shop:8080", "http"), scrape("other:8443", "https")],
			destinations: [{ name: "other", endpoint: "https://other.example.com:4317", protocol: "grpc" }],
			receivers: [
				{ type: "webhook", name: "audit", url: "http://audit.example.com/alerts" },
				{ type: "email", name: "mail", to: "a@example.com", from: "b@example.com", smarthost: "mail.example.com:587" },
				{ type: "slack", name: "team", webhookUrl: "https://hooks.example.com/a" },
			],
		},
		identity,
	);
	const at = (workload: string, port: number) => `${workload}.zone.internal:${port}`;
	const offers = { storage: { bucket: "b", endpoint: "s3.example.com", region: "eu-central-1" } };
	const workloads = platform(settings, at, { password: "x", storeKey: "y" }, offers);
	const of = (name: string) => workloads.find((workload) => workload.name === name)?.calls ?? [];

	test("have every address that stands in a workload's files, environment or command, and no other", () => {
		for (const { name, files, env, command, calls = [] } of workloads) {
			const text = JSON.stringify([Object.values(files), env, command]);
			const written = [...text.matchAll(/([a-z]+)\.zone\.internal:(\d+)/g)].map(([, to, port]) => `${to}:${port}`);
			const declared = calls.filter(({ workload }) => workload).map(({ workload, port }) => `${workload}:${port}`);
			const others = [...new Set(written)].filter((address) => !address.startsWith(`${name}:`)).sort();
			// Grafana's are in its database.
			if (name !== "grafana") expect(declared.sort(), name).toEqual(others);
		}
		expect(of("tempo")).toEqual([{ workload: "prometheus", port: 9090 }]);
	});

	test("have Grafana's datasources", () => {
		expect(of("grafana").map(({ workload }) => workload)).toEqual(["tempo", "prometheus", "loki", "alertmanager"]);
	});

	test("have the ports beyond the stack that settings name", () => {
		const beyond = (name: string) => of(name).flatMap(({ workload, port }) => (workload ? [] : [port]));
		expect(beyond("prometheus")).toEqual([8080, 8443]);
		expect(beyond("collector")).toEqual([4317]);
		expect(beyond("alertmanager")).toEqual([80, 587, 443]);
	});

	test("come from somebody where a port reaches outside: without an audience it has no way in on AWS", () => {
		for (const { ports } of workloads)
			for (const { name, reach, audience } of ports) expect(audience !== undefined, name).toBe(reach === "outside");
	});

	test("name each once", () => {
		expect(callsOf((at) => [at("tempo", 1), at("tempo", 2), at("tempo", 1)])).toEqual([
			{ workload: "tempo", port: 1 },
			{ workload: "tempo", port: 2 },
		]);
		expect(callTo("https://a.example.com:8443/x")).toEqual({ port: 8443 });
	});
});

describe("the wait for a service behind a balancer", () => {
	test("ends once it answers, and says meanwhile what it gets", async () => {
		let asked = 0;
		const server = createServer((_, response) => {
			asked += 1;
			response.writeHead(asked > 1 ? 200 : 503).end();
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/health`;
		const lines: string[] = [];
		const progress = (line: string) => void lines.push(line);
		await waitUntilReached({ service: "grafana", url, balancer: "lb", timeoutSeconds: 60, pollMs: 1, progress });
		server.close();
		expect(lines).toEqual([`waiting for ${url}: HTTP 503`]);
	});

	test("ends with what to look at: the name, who may come in", async () => {
		const url = "http://nowhere.invalid/";
		const waited = { service: "grafana", url, balancer: "lb-1.elb.example", timeoutSeconds: 0, pollMs: 1 };
		await expect(waitUntilReached({ ...waited, progress: () => undefined })).rejects.toThrow(
			/grafana runs, but http:\/\/nowhere\.invalid\/ does not answer.*nowhere\.invalid lead to lb-1\.elb\.example.*cidrs/,
		);
	});
});
