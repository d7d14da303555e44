// One look at a namespace: what there is, what has closed since the last look, and what is tried again.

import type { Api, Execution } from "./api.ts";

/** What one look may ask for: it must end before the next, and leave the frontend to those that work with it. */
export interface Limits {
	/** Workflow types that are counted. */
	types: number;
	/** Running executions whose activities are looked at, the newest first. */
	running: number;
	/** Executions that have closed since the last look; the others are counted by the next. */
	closed: number;
}

export const limits: Limits = { types: 50, running: 100, closed: 5000 };

/** Every status that there is, in metrics' spelling; in a query it is `TimedOut`, in an answer `WORKFLOW_EXECUTION_STATUS_TIMED_OUT`. */
const statuses = ["running", "completed", "failed", "canceled", "terminated", "continued_as_new", "timed_out"];

/** Closed executions are asked for in windows of time; one of a second is not halved any more. */
const shortestMs = 1000;

/** What closed longer ago than this is not counted any more, after an outage or a load that is too much. */
const longestMs = 3_600_000;

/** What a look has seen. Times are milliseconds since 1970. */
export interface Look {
	/** Executions by workflow type and status. */
	executions: { type: string; status: string; count: number }[];
	/** Attempts beyond the first of pending activities, by workflow type. */
	retries: { type: string; count: number }[];
	closed: { type: string; status: string; seconds: number }[];
	/** Everything that had closed by then is counted. */
	closedUntil: number;
	/** Where there was more than `limits` allow. */
	capped: Record<keyof Limits, boolean>;
}

/**
 * @param types Workflow types that were seen before; those that are found are added, those without executions are taken out.
 * @param since What closed before it was counted by an earlier look.
 * @param until What closed before it is counted by this one. A visibility store is some seconds late: not now.
 */
export async function look(
	api: Api,
	types: Set<string>,
	since: number,
	until: number,
	most: Limits = limits,
): Promise<Look> {
	const running = await api.list("ExecutionStatus = 'Running'", most.running);
	const closed = await closedWithin(api, Math.max(since, until - longestMs), until, most.closed);
	for (const { type } of [...running.executions, ...closed.executions]) types.add(type.name);
	const allTypes = await findTypes(api, types, most.types);
	const counted = [...types].sort().slice(0, most.types);
	const executions: Look["executions"] = [];
	for (const type of counted) {
		const counts = await api.countByStatus(`WorkflowType = ${quoted(type)}`);
		const found = Object.fromEntries(Object.entries(counts).map(([status, count]) => [statusInMetrics(status), count]));
		if (Object.keys(found).length === 0) types.delete(type);
		else
			for (const status of new Set([...statuses, ...Object.keys(found)]))
				executions.push({ type, status, count: found[status] ?? 0 });
	}
	const tried = await retries(
		api,
		running.executions,
		counted.filter((type) => types.has(type)),
	);
	return {
		executions,
		retries: tried.sums,
		closed: closed.executions.map((execution) => ({
			type: execution.type.name,
			status: statusInMetrics(execution.status),
			seconds: secondsOf(execution),
		})),
		closedUntil: closed.until,
		capped: {
			types: !allTypes,
			running: running.more || tried.missed,
			closed: closed.until < until || closed.more || since < until - longestMs,
		},
	};
}

/** `ContinuedAsNew`, and `WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW`, as `continued_as_new`. */
export function statusInMetrics(status: string): string {
	const plain = status.replace(/^WORKFLOW_EXECUTION_STATUS_/, "");
	return (plain === status ? plain.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_") : plain).toLowerCase();
}

/** How long a closed execution took. */
export function secondsOf({ executionDuration, startTime, executionTime, closeTime }: Execution): number {
	if (executionDuration) return Number.parseFloat(executionDuration);
	const from = Date.parse(executionTime ?? startTime ?? "");
	return Math.max(0, (Date.parse(closeTime ?? "") - from) / 1000) || 0;
}

/** A text in a query. */
export function quoted(text: string): string {
	return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}

/** Temporal counts by status only, not by type: so which types there are is asked for, until no other is found. */
async function findTypes(api: Api, types: Set<string>, limit: number): Promise<boolean> {
	for (;;) {
		// Thousands of names are more than an address holds.
		if (types.size > limit) return false;
		const others = types.size > 0 ? `WorkflowType NOT IN (${[...types].map(quoted).join(", ")})` : "";
		const { executions } = await api.list(others, 100);
		if (executions.length === 0) return true;
		if (types.size === limit || executions.every(({ type }) => types.has(type.name))) return false;
		for (const { type } of executions) types.add(type.name);
	}
}

/** What closed in a time, or in its beginning, where more closed than may be asked for. Windows follow one another: none is counted twice. */
async function closedWithin(api: Api, since: number, until: number, limit: number) {
	const [from, to] = [since, until].map((ms) => new Date(ms).toISOString());
	if (until <= since) return { executions: [], more: false, until: since };
	const found = await api.list(`CloseTime >= '${from}' AND CloseTime < '${to}'`, limit);
	if (!found.more || until - since <= shortestMs) return { ...found, until };
	return closedWithin(api, since, Math.floor((since + until) / 2), limit);
}

/** What each type tries again. `missed`: a frontend has no path for an id with a slash, and says that it does not exist. */
async function retries(api: Api, running: Execution[], types: string[]) {
	const sums = new Map(types.map((type) => [type, 0]));
	let missed = false;
	for (const execution of running) {
		const attempts = await api.attempts(execution);
		if (!attempts && execution.execution.workflowId.includes("/")) missed = true;
		const beyond = (attempts ?? []).reduce((sum, attempt) => sum + Math.max(0, attempt - 1), 0);
		const { name } = execution.type;
		if (sums.has(name)) sums.set(name, sums.get(name)! + beyond);
	}
	return { sums: [...sums].map(([type, count]) => ({ type, count })), missed };
}
