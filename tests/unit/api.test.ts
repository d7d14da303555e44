// Requests to servers that answer otherwise than they should, and a test alert's way through an Alertmanager.

import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { alertTest } from "../../cli/alert.ts";
import { request } from "../../cli/migrate/patience.ts";
import { json, throughGrafana } from "../../cli/verify/api.ts";

let server: Server | undefined;
afterEach(() => {
	server?.closeAllConnections();
	server?.close();
	vi.restoreAllMocks();
});

async function answering(answer: RequestListener): Promise<string> {
	server = createServer(answer).listen(0, "127.0.0.1");
	await once(server, "listening");
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("an answer", () => {
	it("that is no JSON is told with its address, such as a login page", async () => {
		const url = await answering((_, response) => response.end("<html>Log in</html>"));
		await expect(json(`${url}/api/search?q=x`)).rejects.toThrow(`no JSON from ${url}/api/search: <html>Log in</html>`);
	});

	it("that breaks off is told with its address", async () => {
		const url = await answering((_, response) => {
			response.writeHead(200, { "content-length": 100 }).write("{");
			setTimeout(() => response.destroy(), 10);
		});
		await expect(json(`${url}/api`)).rejects.toThrow(url);
	});

	it("of a server behind Grafana is asked for with the login, by migrations too", async () => {
		const seen: (string | undefined)[] = [];
		const url = await answering(({ headers }, response) => {
			seen.push(headers.authorization);
			response.end("{}");
		});
		const { tempo } = throughGrafana({ grafana: url, grafanaUser: "admin", grafanaPassword: "x" }, ["tempo"]);
		await json(`${tempo}/api/search`);
		await request(`${tempo}/api/v2/traces/1`, { seconds: 5 });
		await request(`${url}/v1/traces`, { seconds: 5 });
		const login = `Basic ${Buffer.from("admin:x").toString("base64")}`;
		expect(seen).toEqual([login, login, undefined]);
	});
});

it("a test alert waits on when Alertmanager restarts, and counts from zero", async () => {
	let asked = 0;
	const url = await answering((request, response) => {
		if (request.method === "POST") return void response.end();
		asked++;
		// Five notifications so far; after a restart none, then the one that is waited for.
		const made = asked === 1 ? 5 : asked === 2 ? 0 : 1;
		response.end(`alertmanager_notification_requests_total{receiver_name="audit"} ${made}\n`);
	});
	vi.spyOn(process.stderr, "write").mockReturnValue(true);
	const receivers = [{ name: "audit", severities: [], envs: [], teams: [] }];
	expect(await alertTest(url, { env: "dev", receivers })).toMatchObject([{ receiver: "audit", ok: true }]);
});
