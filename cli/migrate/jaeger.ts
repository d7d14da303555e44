// Reads traces through Jaeger's HTTP API v3.

import { UserError } from "../output.ts";
import { withQuery } from "../verify/api.ts";
import { byTrace, type ResourceSpans, spansIn } from "./otlp.ts";
import { patiently, request, Temporary } from "./patience.ts";
import type { Window } from "./windows.ts";

/** A Jaeger, by the address of its user interface. */
export class Jaeger {
	readonly url: string;

	/** @param url With its base path, if it has one; a trailing `/` does not matter. */
	constructor(url: string) {
		if (!/^https?:\/\/[^/\s]+/.test(url))
			throw new UserError(`--from is "${url}": it takes the address of Jaeger's user interface, http://host:16686`);
		this.url = url.replace(/\/+$/, "");
	}

	/** Names of all services. @throws UserError when there is no answer, or not that of a Jaeger. */
	async services(): Promise<string[]> {
		const url = `${this.url}/api/v3/services`;
		let answer: { status: number; text: string };
		try {
			const response = await request(url, { seconds: 15 });
			answer = { status: response.status, text: await response.text() };
		} catch (error) {
			throw new UserError(
				`Jaeger can't be reached at ${this.url}: ${(error as Error).message}\n` +
					"--from takes the address of its user interface, whose port is 16686 by default.",
			);
		}
		const services = answer.status === 200 ? listOf(answer.text) : undefined;
		if (services) return services.sort();
		throw new UserError(
			`The answer from ${url} is not what a Jaeger from 1.25 on sends: HTTP ${answer.status} ${answer.text.trim().slice(0, 100)}`,
		);
	}

	/** At most `limit` traces that have a span of the service which began in the window, by id, as they are stored. */
	async traces(service: string, { from, to }: Window, limit: number): Promise<Map<string, ResourceSpans[]>> {
		const url = withQuery(`${this.url}/api/v3/traces`, {
			"query.service_name": service,
			"query.start_time_min": new Date(from).toISOString(),
			"query.start_time_max": new Date(to).toISOString(),
			"query.num_traces": limit,
			// Without the clock skew adjustment of the user interface.
			"query.raw_traces": "true",
		});
		try {
			return await patiently(60, () => this.#found(url));
		} catch (error) {
			const window = `${new Date(from).toISOString()} to ${new Date(to).toISOString()}`;
			throw new UserError(`Jaeger gave no traces of ${service}, ${window}: ${(error as Error).message}`);
		}
	}

	async #found(url: string): Promise<Map<string, ResourceSpans[]>> {
		const response = await request(url, { seconds: 120 });
		// There are none; later versions return an empty answer instead.
		if (response.status === 404) return new Map();
		const text = await response.text().catch((error: Error) => {
			throw new Temporary(error.message);
		});
		if (!response.ok) throw new Error(`HTTP ${response.status} ${text.trim().slice(0, 200)}`);
		return byTrace(spansIn(text));
	}
}

/** The names in an answer, which omits an empty list. Undefined for any other answer. */
function listOf(answer: string): string[] | undefined {
	let value: unknown;
	try {
		value = JSON.parse(answer);
	} catch {
		return undefined;
	}
	const { services, ...rest } = Object(value) as { services?: unknown };
	if (Array.isArray(services)) return services;
	return services === undefined && Object.keys(rest).length === 0 ? [] : undefined;
}
