// The archive: whether what comes gets into PostgreSQL, and what to do where it does not.

import { uid } from "../../components/links.ts";
import type { Context } from "../drift/finding.ts";
import { sql } from "../query/sql.ts";
import { type Endpoints, grafana, text } from "../verify/api.ts";
import type { Complaint } from "./complaint.ts";
import { recently, sum } from "./servers.ts";

/** Of the queue, when somebody should be told. */
const nearlyFull = 0.8;

/** Later than this it is no batch that has just come. */
const lateSeconds = 60;

const about = "otel-worker";

/** Nothing in a stack without an archive. */
export async function archive({ endpoints: e }: Context): Promise<Complaint[]> {
	if (!e.dashboards.some(({ pack }) => pack === "archive")) return [];
	const away = await unreached(e);
	if (away) return [away];
	return (await Promise.all([waiting(e), filling(e), arriving(e), read(e), deadLetters(e)])).flat();
}

/** That the program is away, or what it lacks. */
async function unreached(e: Endpoints): Promise<Complaint | undefined> {
	const seen = e.otelWorker
		? await text(`${e.otelWorker}/ready`).then(
				() => undefined,
				(error: Error) => error.message,
			)
		: (await sum(e, "archive_up", "max")) === 1
			? undefined
			: "archive_up is not 1";
	if (seen === undefined) return undefined;
	return {
		severity: "broken",
		about,
		what: "it stores nothing: it is away, or its database is",
		seen,
		todo: "docs/runbooks/ArchiveDown.md; what comes meanwhile waits in the collector's queue",
	};
}

/** What has come, and can't be stored as fast. */
async function waiting(e: Endpoints): Promise<Complaint[]> {
	const [batches, seconds] = await Promise.all([
		sum(e, "archive_queue_batches", "max"),
		sum(e, "archive_queue_oldest_seconds", "max"),
	]);
	if (seconds < lateSeconds) return [];
	const what = `${batches} batches wait to be stored, the oldest for ${seconds.toFixed(0)} s`;
	return [{ severity: "warning", about, what, todo: "docs/runbooks/ArchiveBehind.md" }];
}

/** What the queue has, in bytes, what it may have, and how often it was full in the last ten minutes. */
interface Queue {
	bytes: number;
	most: number;
	refused: number;
}

async function filling(e: Endpoints): Promise<Complaint[]> {
	const [bytes, most, refused] = await Promise.all([
		sum(e, "archive_queue_bytes", "max"),
		sum(e, "archive_queue_limit_bytes", "max"),
		sum(e, `increase(archive_batches_refused_total{reason="queue_full"}[${recently}])`),
	]);
	return fillingQueue({ bytes, most, refused });
}

/** A queue that soon takes nothing more, or takes nothing already. */
export function fillingQueue({ bytes, most, refused }: Queue): Complaint[] {
	if (most === 0 || bytes < nearlyFull * most) return [];
	const mib = (of: number) => (of / 2 ** 20).toFixed(0);
	const what = `${mib(bytes)} MiB wait to be stored, and ${mib(most)} MiB may`;
	const seen = `in ten minutes ${refused.toFixed(0)} requests were told to come later`;
	const todo = "docs/runbooks/ArchiveQueueFilling.md; what is not taken waits in the collector's queue";
	return [{ severity: "warning", about, what, seen, todo }];
}

/** Spans that come, and get no further than the collector. */
async function arriving(e: Endpoints): Promise<Complaint[]> {
	const [came, arrived, waits] = await Promise.all([
		sum(e, `increase(otelcol_receiver_accepted_spans[${recently}])`),
		sum(e, `increase(archive_batches_received_total[${recently}])`),
		sum(e, 'otelcol_exporter_queue_size{exporter=~".*span_archive"}', "max"),
	]);
	if (came === 0 || arrived > 0) return [];
	const what = `${came.toFixed(0)} spans came in ten minutes, and none of them reached the archive`;
	const seen = `${(waits / 2 ** 20).toFixed(1)} MiB wait for it in the collector's queue`;
	const todo = "the collector's log says what its exporter otlp_http/destination-span_archive is told";
	return [{ severity: waits > 0 ? "broken" : "warning", about: "collector", what, seen, todo }];
}

/** Whether Grafana may read what is stored. */
async function read(e: Endpoints): Promise<Complaint[]> {
	try {
		await grafana(e, `/api/datasources/uid/${uid.archive}/health`);
		return [];
	} catch (error) {
		const what = "it does not reach the archive's database as who reads there";
		const todo = "./tracestack drift; ./tracestack pulumi up --refresh puts the datasource back";
		return [{ severity: "broken", about: "grafana", what, seen: (error as Error).message, todo }];
	}
}

/** What could not be stored at all, by reason, with the newest as it was told. */
async function deadLetters(e: Endpoints): Promise<Complaint[]> {
	if ((await sum(e, "archive_dead_letters", "max")) === 0) return [];
	const reasons = await sql(
		e,
		`SELECT reason, count(*) AS letters, (array_agg(detail ORDER BY died_at DESC))[1] AS newest
		FROM otel.dead_letters GROUP BY 1 ORDER BY 2 DESC`,
	);
	return reasons.map(([reason, letters, newest]) => ({
		severity: "warning",
		about,
		what: `${letters} batches could not be stored: ${reason}`,
		...(newest ? { seen: `${newest}`.slice(0, 240) } : {}),
		todo: "docs/runbooks/ArchiveDeadLetters.md says how to look at them, try again or give them up",
	}));
}
