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
