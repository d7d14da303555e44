// Whether what arrives gets into the archive's PostgreSQL, and what to do where it does not.

import { uid } from "../../components/links.ts";
import type { Context } from "../drift/finding.ts";
import { sql } from "../query/sql.ts";
import { type Endpoints, grafana, text } from "../verify/api.ts";
import type { Complaint } from "./complaint.ts";
import { recently, sum } from "./servers.ts";

/** Of the queue, from which on it is reported. */
const nearlyFull = 0.8;

/** A batch that waits for longer has not just arrived: PostgreSQL is behind. */
const lateSeconds = 60;

const about = "otel-worker";

/** Complaints about the archive; none in a stack without one. */
export async function archive({ endpoints: e }: Context): Promise<Complaint[]> {
	if (!e.dashboards.some(({ pack }) => pack === "archive")) return [];
	const away = await unreached(e);
	if (away) return [away];
	return (await Promise.all([waiting(e), filling(e), arriving(e), read(e), deadLetters(e)])).flat();
}

/** The complaint that the archive's program does not run, or is not ready. */
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
		what: "it stores nothing: it does not run, or can't reach its database",
		seen,
		todo: "docs/runbooks/ArchiveDown.md; meanwhile spans wait in the collector's queue",
	};
}

/** Batches that arrive faster than they are stored. */
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
	const seen = `in ten minutes ${refused.toFixed(0)} requests were told to retry`;
	const todo = "docs/runbooks/ArchiveQueueFilling.md; what is refused waits in the collector's queue";
	return [{ severity: "warning", about, what, seen, todo }];
}

/** Spans that arrive at the collector, and get no further. */
async function arriving(e: Endpoints): Promise<Complaint[]> {
	const [came, arrived, waits] = await Promise.all([
		sum(e, `increase(otelcol_receiver_accepted_spans[${recently}])`),
		sum(e, `increase(archive_batches_received_total[${recently}])`),
		sum(e, 'otelcol_exporter_queue_size{exporter=~".*span_archive"}', "max"),
	]);
	if (came === 0 || arrived > 0) return [];
	const what = `${came.toFixed(0)} spans arrived in ten minutes, and none of them reached the archive`;
	const seen = `${(waits / 2 ** 20).toFixed(1)} MiB wait for it in the collector's queue`;
	const todo = "see the collector's log about its exporter otlp_http/destination-span_archive";
	return [{ severity: waits > 0 ? "broken" : "warning", about: "collector", what, seen, todo }];
}

/** Whether Grafana can read what is stored. */
async function read(e: Endpoints): Promise<Complaint[]> {
	try {
		await grafana(e, `/api/datasources/uid/${uid.archive}/health`);
		return [];
	} catch (error) {
		const what = "it can't read the archive's database";
		const todo = "./tracestack drift; ./tracestack pulumi up --refresh restores the datasource";
		return [{ severity: "broken", about: "grafana", what, seen: (error as Error).message, todo }];
	}
}

/** Batches that could not be stored at all, by reason, with the newest error of each. */
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
		todo: "docs/runbooks/ArchiveDeadLetters.md says how to look at them, try again or discard them",
	}));
}
