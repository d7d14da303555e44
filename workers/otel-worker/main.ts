// The archive's worker: takes OTLP, commits it to PostgreSQL before it answers, and stores the spans for SQL.

import { readFileSync } from "node:fs";
import { serve } from "@hono/node-server";
import type { Config } from "./config.ts";
import { connections } from "./database.ts";
import { Drain } from "./drain.ts";
import { Keeper } from "./keeper.ts";
import { Losses } from "./losses.ts";
import { Metrics } from "./metrics.ts";
import { receiver } from "./receive.ts";
import { Room } from "./room.ts";
import { Tracing } from "./tracing.ts";

const config: Config = JSON.parse(readFileSync(process.argv[2] ?? "config.json", "utf8"));

/** Says what is new: what stays as it is would fill the log. */
let last = "";
function tell(line: string): void {
	if (line !== last) console.log(`${new Date().toISOString()} ${line}`);
	last = line;
}

const room = new Room(config.queue?.mostBytes);
const metrics = new Metrics(config.retentionDays, room);
const tracing = new Tracing(config.otlp);
const receiving = connections(config, { max: 8, seconds: 10 });
// What is lost of these with the server is done again: the queue still has it then.
const draining = connections(config, { max: 4, seconds: 60, synchronousCommit: false });
const keeping = connections(config, { max: 3, seconds: 60 });

const keeper = new Keeper(keeping, config, metrics, room, tell);
const losses = new Losses();
// While one waits for PostgreSQL the other decodes.
const ready = () => !keeper.problem;
const drains = [true, false].map(
	(again) => new Drain(draining, { config, metrics, tracing, losses, again, ready, tell }),
);
const wake = () => {
	for (const drain of drains) drain.wake();
};
const server = serve({ fetch: receiver(receiving, keeper, { metrics, room, tracing }, wake).fetch, port: config.port });
const working = [keeper.run(), ...drains.map((drain) => drain.run())];

/** What is in hand is finished; what is queued stays there. */
async function end(): Promise<void> {
	const closed = new Promise((resolve) => server.close(resolve));
	// Whoever keeps a connection busy has its last answer by then.
	setTimeout(() => "closeAllConnections" in server && server.closeAllConnections(), 3000).unref();
	await closed;
	keeper.stop();
	for (const drain of drains) drain.stop();
	await Promise.all(working);
	await tracing.stop();
	await Promise.all([receiving, draining, keeping].map((pool) => pool.end()));
	process.exit(0);
}

process.once("SIGTERM", end);
process.once("SIGINT", end);
