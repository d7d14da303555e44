// Temporal's HTTP API, as far as the poller asks it: https://github.com/temporalio/api, `google.api.http` in service.proto.

import { setTimeout as sleep } from "node:timers/promises";

/** A workflow execution as a list has it. A server leaves out what it doesn't know. */
export interface Execution {
	execution: { workflowId: string; runId: string };
	type: { name: string };
	status: string;
	startTime?: string;
	/** When it really began: later than `startTime` where a start was delayed. */
	executionTime?: string;
	closeTime?: string;
	/** Of one that is closed, such as `1.5s`. */
	executionDuration?: string;
}

interface Page {
	executions?: Execution[];
	nextPageToken?: string;
}

interface Counts {
	/** Values are payloads of JSON. */
	groups?: { groupValues: { data: string }[]; count?: string }[];
}

interface Description {
	pendingActivities?: { attempt?: number }[];
}

/** What a look asks. */
export interface Api {
	/** How many executions a query finds, by status as Temporal calls it in queries, such as `TimedOut`. */
	countByStatus(query: string): Promise<Record<string, number>>;
	/** The first executions that a query finds, and whether there are more than `limit`. */
	list(query: string, limit: number): Promise<{ executions: Execution[]; more: boolean }>;
	/** Attempts of the activities that an execution waits for; undefined when it is gone. */
	attempts(execution: Execution): Promise<number[] | undefined>;
}

/** A frontend grants each namespace ten questions about its visibility store in a second; half is left for people. */
const pauseMs = 200;

/** The most executions that a server puts on one page, unless it is configured otherwise. */
const pageSize = 1000;

const timeoutMs = 10_000;

class Refused extends Error {
	readonly status: number;
	constructor(status: number, message: string) {
		super(message);
		this.status = status;
	}
}

/**
 * One namespace of a frontend. Every question rejects with what stood in its way: the address and the cause, or the
 * status and what the server said.
 *
 * @param endpoint Of the HTTP API, such as `http://temporal:7243`.
 * @param apiKey Read anew for each question.
 */
export function namespaceOf(endpoint: string, namespace: string, apiKey?: () => string): Api {
	const base = `${endpoint.replace(/\/$/, "")}/api/v1/namespaces/${encodeURIComponent(namespace)}`;

	async function ask<T>(path: string, query: Record<string, string>): Promise<T> {
		const url = `${base}${path}?${new URLSearchParams(query)}`;
		const headers = { accept: "application/json", ...(apiKey && { authorization: `Bearer ${apiKey()}` }) };
		const response = await fetch(url, { headers, signal: AbortSignal.timeout(timeoutMs) }).catch((error) => {
			throw new Error(`${endpoint}: ${error.cause?.code ?? error.message}`);
		});
		const text = await response.text();
		if (!response.ok) throw new Refused(response.status, `${response.status} from ${base}${path}: ${said(text)}`);
		return JSON.parse(text) as T;
	}

	async function askVisibility<T>(path: string, query: Record<string, string>): Promise<T> {
		await sleep(pauseMs);
		return ask<T>(path, query);
	}

	return {
		async countByStatus(query) {
			const { groups = [] } = await askVisibility<Counts>("/workflow-count", {
				query: `${query} GROUP BY ExecutionStatus`,
			});
			return Object.fromEntries(groups.map(({ groupValues, count = "0" }) => [valueIn(groupValues[0]), Number(count)]));
		},

		async list(query, limit) {
			const executions: Execution[] = [];
			let nextPageToken = "";
			do {
				const page = await askVisibility<Page>("/workflows", {
					query,
					pageSize: `${Math.min(pageSize, limit - executions.length)}`,
					...(nextPageToken && { nextPageToken }),
				});
				executions.push(...(page.executions ?? []));
				nextPageToken = page.nextPageToken ?? "";
			} while (nextPageToken && executions.length < limit);
			return { executions, more: nextPageToken !== "" };
		},

		async attempts({ execution: { workflowId, runId } }) {
			try {
				const path = `/workflows/${encodeURIComponent(workflowId)}`;
				const { pendingActivities = [] } = await ask<Description>(path, { "execution.runId": runId });
				return pendingActivities.map(({ attempt = 1 }) => attempt);
			} catch (error) {
				if (error instanceof Refused && error.status === 404) return undefined;
				throw error;
			}
		},
	};
}

function valueIn(payload?: { data: string }): string {
	return payload ? JSON.parse(atob(payload.data)) : "";
}

/** The message of an error in the API's format, or the beginning of any other answer. */
function said(text: string): string {
	try {
		const { message } = JSON.parse(text);
		if (typeof message === "string") return message;
	} catch {
		// A proxy's page.
	}
	return text.trim().slice(0, 200);
}
