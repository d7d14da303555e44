// A server that answers as GitHub's API does, as far as the workflows ask it.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { vi } from "vitest";

/** Who writes for a workflow. */
export const bot = { login: "github-actions[bot]" };

/** A comment, an issue or a pull request, as the server keeps it. */
type Item = Record<string, unknown> & { body: string };

export interface Github {
	lists: Record<"/issues/7/comments" | "/issues" | "/pulls", Item[]>;
	/** `GET /issues`, in their order. */
	asked: string[];
	reset(): void;
	close(): void;
}

/** Starts it, and tells the scripts where it is. */
export async function startGithub(): Promise<Github> {
	let lists: Github["lists"];
	let asked: string[];
	const reset = () => {
		lists = { "/issues/7/comments": [], "/issues": [], "/pulls": [] };
		asked = [];
	};
	reset();
	const server = createServer(async (request, response) => {
		const url = new URL(request.url ?? "", "http://github");
		const path = url.pathname.replace("/repos/acme/tracestack", "");
		const body = JSON.parse((await request.setEncoding("utf8").toArray()).join("") || "{}");
		asked.push(`${request.method} ${path}`);
		const answer = (status: number, json: unknown) => response.writeHead(status).end(JSON.stringify(json));
		if (request.headers.authorization !== "Bearer job-token") return answer(401, { message: "Bad credentials" });
		const list = lists[path as keyof typeof lists];
		if (request.method === "GET" && list) {
			const [page, size] = ["page", "per_page"].map((name) => Number(url.searchParams.get(name)));
			const shown = list.filter((item) => !item.state || item.state === (url.searchParams.get("state") ?? item.state));
			return answer(200, shown.slice((page! - 1) * size!, page! * size!));
		}
		if (request.method === "POST" && list) {
			const pull = path === "/pulls" && { head: { ref: body.head, sha: "" } };
			list.push({ ...body, ...pull, id: 1000, number: 1000, user: bot, state: "open" });
			return answer(201, {});
		}
		const one = Object.values(lists)
			.flat()
			.find((item) =>
				["issues/comments", "issues", "pulls"].some((kind) => path === `/${kind}/${item.number ?? item.id}`),
			);
		if (request.method !== "PATCH" || !one) return answer(404, { message: "Not Found" });
		Object.assign(one, body);
		return answer(200, {});
	});
	await once(server.listen(0, "127.0.0.1"), "listening");
	vi.stubEnv("GITHUB_API_URL", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
	vi.stubEnv("GITHUB_REPOSITORY", "acme/tracestack");
	vi.stubEnv("GITHUB_TOKEN", "job-token");
	return {
		get lists() {
			return lists;
		},
		get asked() {
			return asked;
		},
		reset,
		close: () => server.close(),
	};
}
