// How long and where data is kept: what the settings say, compared with what the servers report.

import { parse } from "yaml";
import type { Place } from "../components/storage.ts";
import { json, text } from "./verify/api.ts";

/** The retention of one kind of data. */
export interface Kept {
	what: "traces" | "metrics" | "logs" | "archive";
	/** Hours and storage backend according to the settings, such as `336h, local`. */
	declared: string;
	/** The same as the running server reports it, or why it can't be asked. */
	reported: string;
	/** Whether both are the same. */
	ok: boolean;
}

/** The outputs of a stack that say what is kept. */
export interface Declared {
	urls: Record<string, string>;
	/** Hours by service, such as `336h`. */
	retention: Record<string, string>;
	storage: Place;
}

/** Asks every server that stores data. A server that does not answer is a result, too. */
export async function kept({ urls, retention, storage }: Declared): Promise<Kept[]> {
	type Question = [what: Kept["what"], service: string, url: string | undefined, place: string, ask: Ask];
	const questions: Question[] = [
		["traces", "tempo", urls.tempo, storage.backend, tempo],
		["metrics", "prometheus", urls.prometheus, "local", prometheus],
		["logs", "loki", urls.loki, storage.backend, loki],
		["archive", "otel-worker", urls.otelWorker, "postgres", archive],
	];
	const asked = questions.map(async ([what, service, url, place, ask]): Promise<Kept[]> => {
		const kept = retention[service];
		if (!kept || !url) return [];
		const declared = `${hours(kept)}h, ${place}`;
		const reported = await ask(url).catch((error: Error) => `no answer: ${error.message}`);
		return [{ what, declared, reported, ok: declared === reported }];
	});
	return (await Promise.all(asked)).flat();
}

type Ask = (url: string) => Promise<string>;

/** The configuration that a running Tempo has loaded. */
export async function tempoConfig(url: string) {
	// YAML after a heading.
	const [, config = ""] = (await text(`${url}/status/config`)).split(/^---$/m);
	return parse(config);
}

async function tempo(url: string): Promise<string> {
	const { overrides, storage } = await tempoConfig(url);
	return `${hours(overrides.defaults.compaction.block_retention)}h, ${storage.trace.backend}`;
}

async function prometheus(url: string): Promise<string> {
	type Answer = { data: Record<string, string> };
	const { data } = await json<Answer>(`${url}/api/v1/status/flags`);
	return `${hours(data["storage.tsdb.retention.time"] ?? "")}h, local`;
}

async function loki(url: string): Promise<string> {
	const { limits_config, schema_config } = parse(await text(`${url}/config`));
	const { object_store } = schema_config.configs.at(-1);
	return `${hours(limits_config.retention_period)}h, ${object_store === "filesystem" ? "local" : object_store}`;
}

async function archive(url: string): Promise<string> {
	const found = /^archive_retention_seconds(?:\{.*\})? (\S+)$/m.exec(await text(`${url}/metrics`));
	if (!found) throw new Error("its metrics have no archive_retention_seconds");
	return `${Number(found[1]) / 3600}h, postgres`;
}

const units: Record<string, number> = { w: 168, d: 24, h: 1, m: 1 / 60, s: 1 / 3600 };

/** Hours of a duration, to two places, as Go (`336h0m0s`) or Prometheus (`2w1d`) writes it. */
export function hours(duration: string): number {
	const parts = [...duration.matchAll(/(\d+)([wdhms])/g)];
	if (parts.map(([part]) => part).join("") !== duration || duration === "")
		throw new Error(`${duration || "nothing"} is no duration`);
	const sum = parts.reduce((all, [, amount, unit]) => all + Number(amount) * units[unit!]!, 0);
	return Math.round(sum * 100) / 100;
}
