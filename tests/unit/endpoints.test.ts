import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { json } from "../../cli/verify/api.ts";
import { endpointsOf } from "../../cli/verify/verify.ts";

const login = { grafanaUser: "admin", grafanaPassword: "pass" };

it("servers that are reached keep their addresses; a stack without logs has no Loki", () => {
	const urls = { grafana: "http://g", tempo: "http://t", prometheus: "http://p", alertmanager: "http://a" };
	const e = endpointsOf("dev", { urls, retention: { tempo: "14d" }, ...login });
	expect(e).toMatchObject(urls);
	expect(e.loki).toBeUndefined();
});

it("those that are not are asked through Grafana, with a login that goes nowhere else", async () => {
	const seen: [path: string, authorization: string | undefined][] = [];
	const server = createServer(({ url = "", headers }, response) => {
		seen.push([url, headers.authorization]);
		response.end("{}");
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const grafana = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const e = endpointsOf("prod", { urls: { grafana }, retention: { loki: "14d" }, ...login });
	await json(`${e.tempo}/api/echo`);
	await json(`${e.loki}/ready`, { headers: { accept: "text/plain" } });
	await json(`${grafana}/api/health`);
	server.close();
	const basic = `Basic ${Buffer.from("admin:pass").toString("base64")}`;
	expect(seen).toEqual([
		["/api/datasources/proxy/uid/tempo/api/echo", basic],
		["/api/datasources/proxy/uid/loki/ready", basic],
		["/api/health", undefined],
	]);
});
