// What runs beside Docker on the same machine, where containers reach it: on the engine's own bridge, not on loopback.

import { createServer, type RequestListener, type Server } from "node:http";
import { execa } from "execa";

/** The address that containers know as `host.docker.internal`. */
export async function bridgeAddress(): Promise<string> {
	const format = "{{(index .IPAM.Config 0).Gateway}}";
	const { stdout } = await execa("docker", ["network", "inspect", "bridge", "--format", format]);
	return stdout;
}

/** Starts a server that containers know as `host.docker.internal`. */
export async function besideDocker(listener: RequestListener): Promise<{ server: Server; port: number }> {
	const bridge = await bridgeAddress();
	const server = createServer(listener);
	await new Promise<void>((resolve) => server.listen(0, bridge, resolve));
	return { server, port: (server.address() as { port: number }).port };
}

interface Alert {
	status: "firing" | "resolved";
	labels: Record<string, string>;
	annotations: Record<string, string>;
	/** Where a browser sees why. */
	generatorURL: string;
	/** When it arrived, in milliseconds since 1970. */
	at: number;
}

/** A server beside Docker: whoever is told, a destination, a target of a scrape. */
export class Beside {
	server?: Server;
	port = 0;
	answers = 200;
	says = "a_target 1\n";
	readonly alerts: Alert[] = [];
	readonly bodies: string[] = [];
	readonly authorization = new Set<string | undefined>();

	async start(): Promise<this> {
		const { server, port } = await besideDocker(async (request, response) => {
			const chunks: Buffer[] = [];
			for await (const chunk of request) chunks.push(chunk);
			const text = Buffer.concat(chunks).toString();
			this.authorization.add(request.headers.authorization);
			this.bodies.push(text);
			if (this.answers === 200 && text.startsWith('{"receiver"'))
				for (const alert of JSON.parse(text).alerts) this.alerts.push({ ...alert, at: Date.now() });
			response.writeHead(this.answers, { "content-type": "text/plain; version=0.0.4" }).end(this.says);
		});
		this.server = server;
		this.port = port;
		return this;
	}

	get url(): string {
		return `http://host.docker.internal:${this.port}`;
	}

	/** The newest alert with these labels, of one status where that is given. */
	told(labels: Record<string, string>, status?: Alert["status"]): Alert | undefined {
		return this.alerts.findLast(
			(alert) =>
				(status ?? alert.status) === alert.status &&
				Object.entries(labels).every(([key, value]) => alert.labels[key] === value),
		);
	}
}
