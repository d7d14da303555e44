// OTLP over HTTP: a request is acknowledged once it is committed to the queue, whatever it holds.

import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Queries } from "./database.ts";
import type { Keeper } from "./keeper.ts";
import type { Metrics, refusals } from "./metrics.ts";
import { enqueue } from "./queue.ts";
import type { Room } from "./room.ts";
import type { Tracing } from "./tracing.ts";

/** As it comes, compressed or not: the collector itself takes 20 MiB from applications, and sends batches of some hundred kB. */
const mostBytes = 16 * 2 ** 20;

const contentTypes = ["application/x-protobuf", "application/json"];
const encodings = ["identity", "gzip"];

/** What is told of each request. */
interface Told {
	metrics: Metrics;
	room: Room;
	tracing: Tracing;
}

/**
 * @param db A pool of its own: whoever drains does not keep it waiting.
 * @param received Is told after each request that was taken.
 */
export function receiver(db: Queries, keeper: Keeper, { metrics, room, tracing }: Told, received: () => void): Hono {
	const app = new Hono();

	const refuse = (
		c: Context,
		reason: (typeof refusals)[number],
		status: 413 | 415 | 503,
		message: string,
	): Response => {
		metrics.refused.inc({ reason });
		return c.json({ message }, status, status === 503 ? { "retry-after": "5" } : {});
	};

	const limit = bodyLimit({
		maxSize: mostBytes,
		onError: (c) => refuse(c, "too_large", 413, `larger than ${mostBytes} bytes: smaller batches, please`),
	});

	app.post("/v1/traces", limit, async (c) => {
		const contentType = (c.req.header("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
		const encoding = (c.req.header("content-encoding") || "identity").toLowerCase();
		if (!contentTypes.includes(contentType))
			return refuse(c, "content_type", 415, `content-type is one of ${contentTypes.join(", ")}`);
		if (!encodings.includes(encoding))
			return refuse(c, "content_type", 415, `content-encoding is one of ${encodings.join(", ")}`);
		if (keeper.problem) return refuse(c, "database", 503, keeper.problem);
		if (room.full) return refuse(c, "queue_full", 503, `${room.waiting} bytes wait to be stored: later, please`);

		const span = tracing.receives();
		const payload = new Uint8Array(await c.req.arrayBuffer());
		const told = { bytes: payload.length, content_type: contentType, encoding };
		try {
			await enqueue(db, { contentType, encoding, payload }, span.traceparent);
		} catch (error) {
			span.end(told, error as Error);
			return refuse(c, "database", 503, (error as Error).message);
		}
		span.end(told);
		metrics.received.inc();
		room.took(payload.length);
		received();
		// An ExportTraceServiceResponse that says nothing more: in protobuf it is empty.
		return contentType === "application/json"
			? c.json({})
			: c.body(new Uint8Array(), 200, { "content-type": contentType });
	});

	app.get("/ready", async (c) => {
		const reason = await keeper.ask();
		return reason ? c.json({ ready: false, reason }, 503) : c.json({ ready: true });
	});

	app.get("/metrics", async (c) =>
		c.body(await metrics.registry.metrics(), 200, { "content-type": metrics.registry.contentType }),
	);

	return app;
}
