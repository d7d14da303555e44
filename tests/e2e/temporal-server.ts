// A stand-in for Temporal's HTTP API: its paths, its queries as far as the poller has them, its JSON.

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

/** A workflow execution. Times are milliseconds since 1970. */
export interface Workflow {
	type: string;
	/** As in a query: `Running`, `TimedOut`. */
	status: string;
	start: number;
	close?: number;
	/** Attempts of its pending activities. */
	attempts?: number[];
}

export class TemporalServer {
	readonly workflows: Workflow[] = [];
	/** What it answers instead, while it is broken. */
	broken: { status: number; body: string } | undefined;
	readonly authorization = new Set<string | undefined>();

	readonly listener: RequestListener = (request, response) => {
		this.authorization.add(request.headers.authorization);
		const { status, body } = this.broken ?? this.#answer(request);
		response.writeHead(status, { "content-type": "application/json" }).end(body);
	};

	#answer({ url = "" }: Pick<IncomingMessage, "url">): { status: ServerResponse["statusCode"]; body: string } {
		const { pathname, searchParams } = new URL(url, "http://temporal");
		const [, namespace, what, id] = /^\/api\/v1\/namespaces\/([^/]+)\/([^/]+)(?:\/([^/]+))?$/.exec(pathname) ?? [];
		if (namespace !== "default") return refused(404, 5, `Namespace ${namespace} is not found.`);
		const query = searchParams.get("query") ?? "";
		if (what === "workflow-count") return answered(this.#count(query));
		if (what === "workflows" && id) return this.#describe(Number(id), searchParams.get("execution.runId"));
		return answered(this.#list(query, searchParams));
	}

	#count(query: string): unknown {
		const counts = Map.groupBy(this.#found(query.replace(/ GROUP BY ExecutionStatus$/, "")), ({ status }) => status);
		const groups = [...counts].map(([status, { length }]) => ({ groupValues: [payload(status)], count: `${length}` }));
		return { count: `${groups.reduce((sum, { count }) => sum + Number(count), 0)}`, groups };
	}

	#list(query: string, params: URLSearchParams): unknown {
		const size = Number(params.get("pageSize"));
		const from = Number(atob(params.get("nextPageToken") ?? "") || 0);
		const found = this.#found(query);
		const executions = found.slice(from, from + size).map((workflow) => this.#info(workflow));
		return { executions, nextPageToken: from + size < found.length ? btoa(`${from + size}`) : "" };
	}

	#describe(id: number, runId: string | null): { status: number; body: string } {
		const workflow = this.workflows[id];
		if (!workflow || runId !== `run-${id}`) return refused(404, 5, "workflow not found for ID");
		const pendingActivities = (workflow.attempts ?? []).map((attempt, i) => ({
			activityId: `${i}`,
			state: "PENDING_ACTIVITY_STATE_SCHEDULED",
			attempt,
		}));
		return answered({ workflowExecutionInfo: this.#info(workflow), pendingActivities });
	}

	#info(workflow: Workflow): unknown {
		const { type, status, start, close } = workflow;
		const id = this.workflows.indexOf(workflow);
		const iso = (ms: number) => new Date(ms).toISOString();
		return {
			execution: { workflowId: `${id}`, runId: `run-${id}` },
			type: { name: type },
			startTime: iso(start),
			executionTime: iso(start),
			status: `WORKFLOW_EXECUTION_STATUS_${status.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase()}`,
			...(close && { closeTime: iso(close), executionDuration: `${(close - start) / 1000}s` }),
		};
	}

	#found(query: string): Workflow[] {
		const conditions = query ? query.split(" AND ").map(condition) : [];
		return this.workflows.filter((workflow) => conditions.every((holds) => holds(workflow)));
	}
}

function condition(text: string): (workflow: Workflow) => boolean {
	const [, name, operator, value = ""] = /^(\w+) (=|>=|<|NOT IN) (.+)$/.exec(text) ?? [];
	const values = [...value.matchAll(/'([^']*)'/g)].map(([, one]) => one);
	if (name === "WorkflowType" && operator === "=") return ({ type }) => type === values[0];
	if (name === "WorkflowType" && operator === "NOT IN") return ({ type }) => !values.includes(type);
	if (name === "ExecutionStatus" && operator === "=") return ({ status }) => status === values[0];
	const at = Date.parse(values[0] ?? "");
	if (name === "CloseTime" && operator === ">=") return ({ close }) => close !== undefined && close >= at;
	if (name === "CloseTime" && operator === "<") return ({ close }) => close !== undefined && close < at;
	throw new Error(`the stand-in does not know ${text}`);
}

function payload(value: string) {
	const metadata = { encoding: btoa("json/plain"), type: btoa("Keyword") };
	return { metadata, data: btoa(JSON.stringify(value)) };
}

function answered(body: unknown) {
	return { status: 200, body: JSON.stringify(body) };
}

function refused(status: number, code: number, message: string) {
	return { status, body: JSON.stringify({ code, message, details: [] }) };
}
