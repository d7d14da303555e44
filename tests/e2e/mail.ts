// A mail server that takes everything, as far as a client needs one (RFC 5321).

import { createServer, type Server } from "node:net";
import { createInterface } from "node:readline";
import { bridgeAddress } from "./beside.ts";

/** Starts one where containers reach it; what it takes is in `letters`. */
export async function mailServer(): Promise<{ server: Server; port: number; letters: string[] }> {
	const letters: string[] = [];
	const server = createServer(async (socket) => {
		const say = (line: string) => socket.write(`${line}\r\n`);
		say("220 test");
		let letter: string[] | undefined;
		for await (const line of createInterface(socket)) {
			if (letter && line !== ".") letter.push(line);
			else if (letter) {
				letters.push(letter.join("\n"));
				letter = undefined;
				say("250 taken");
			} else if (line === "DATA") {
				letter = [];
				say("354 go on");
			} else if (line === "QUIT") {
				say("221 bye");
				socket.end();
			} else say("250 yes");
		}
	});
	const bridge = await bridgeAddress();
	await new Promise<void>((resolve) => server.listen(0, bridge, resolve));
	return { server, port: (server.address() as { port: number }).port, letters };
}
