// Asks Temporal what its workflows do, again and again, and tells the stack's collector.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { namespaceOf } from "./api.ts";
import type { Config } from "./config.ts";
import { look } from "./look.ts";
import { Metrics, sender } from "./metrics.ts";
import { countedUntil } from "./resume.ts";

const { temporal, intervalSeconds, otlp, prometheus, port }: Config = JSON.parse(
	readFileSync(process.argv[2] ?? "config.json", "utf8"),
);
const { apiKeyFile } = temporal;
const apiKey = apiKeyFile ? () => readFileSync(apiKeyFile, "utf8").trim() : undefined;
const intervalMs = intervalSeconds * 1000;

/** What became of the last look, by namespace. */
const last = new Map<string, string>();

/** Says what is new about a namespace: what stays as it is would fill the log. */
function tell(namespace: string, what: string): void {
	if (last.get(namespace) !== what) console.log(`${new Date().toISOString()} ${namespace}: ${what}`);
	last.set(namespace, what);
}

async function main(): Promise<void> {
	const metrics = new Metrics(temporal.namespaces);
	const send = sender(otlp);
	const known = await countedUntil(prometheus, (line) => console.log(line));
	const namespaces = temporal.namespaces.map((name) => ({
		name,
		api: namespaceOf(temporal.endpoint, name, apiKey),
		types: new Set<string>(),
		since: known.get(name) ?? Date.now() - intervalMs,
	}));
	for (;;) {
		const begun = Date.now();
		await Promise.all(
			namespaces.map(async (namespace) => {
				const { name, api, types, since } = namespace;
				try {
					const seen = await look(api, types, since, Math.max(since, begun - intervalMs));
					namespace.since = seen.closedUntil;
					metrics.saw(name, seen);
					const capped = Object.entries(seen.capped).flatMap(([what, more]) => (more ? [what] : []));
					tell(name, capped.length > 0 ? `ok, but not all of: ${capped.join(", ")}` : "ok");
				} catch (error) {
					metrics.failed(name);
					tell(name, (error as Error).message);
				}
			}),
		);
		await send(metrics).then(
			() => tell("collector", "ok"),
			(error) => tell("collector", error.message),
		);
		await sleep(Math.max(0, begun + intervalMs - Date.now()));
	}
}

// What was counted leaves together with how far it was counted: it may end at any time.
process.on("SIGTERM", () => process.exit(0));

// Ready once it has asked: that Temporal is away is nothing that keeps a stack from coming up.
createServer((_, response) => {
	const asked = temporal.namespaces.every((name) => last.has(name));
	response.writeHead(asked ? 200 : 503, { "content-type": "application/json" });
	response.end(`${JSON.stringify(Object.fromEntries(last))}\n`);
}).listen(port);

main();
