// The parts of GitHub's API that the workflows need. Without dependencies: jobs with write permissions install nothing.

/** The user that workflows act as. Others may write the same marker; their comments must not be changed. */
export const bot = "github-actions[bot]";

/** A comment or an issue. */
interface Written {
	user: { login: string } | null;
	body: string | null;
}

/** A comment on a pull request. */
export interface Comment extends Written {
	id: number;
}

/** An issue. */
export interface Issue extends Written {
	number: number;
	/** Set for pull requests, which the API lists among issues. */
	pull_request?: unknown;
}

/** A pull request. */
export interface Pull extends Written {
	number: number;
	head: { ref: string; sha: string };
}

/** A request to the API, with a path below the workflow's repository. @throws with the answer when it is refused. */
export async function github<T>(method: string, path: string, body?: object): Promise<T> {
	const { GITHUB_API_URL = "https://api.github.com", GITHUB_REPOSITORY, GITHUB_TOKEN } = process.env;
	const response = await fetch(`${GITHUB_API_URL}/repos/${GITHUB_REPOSITORY}${path}`, {
		method,
		headers: {
			accept: "application/vnd.github+json",
			authorization: `Bearer ${GITHUB_TOKEN}`,
			"x-github-api-version": "2022-11-28",
		},
		body: body && JSON.stringify(body),
		signal: AbortSignal.timeout(30_000),
	});
	const text = await response.text();
	if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 300)}`);
	return (text ? JSON.parse(text) : undefined) as T;
}

/** All items of a list, from all of its pages. */
export async function all<T>(path: string): Promise<T[]> {
	const size = 100;
	const items: T[] = [];
	for (let page = 1; ; page++) {
		const more = await github<T[]>("GET", `${path}${path.includes("?") ? "&" : "?"}per_page=${size}&page=${page}`);
		items.push(...more);
		if (more.length < size) return items;
	}
}

/** Whether a workflow wrote this, with this marker. */
export function isOurs({ user, body }: Written, marker: string): boolean {
	return user?.login === bot && (body ?? "").startsWith(marker);
}

/**
 * The hidden first line by which a report is found again.
 *
 * @throws when a text has none: it would be posted anew each time.
 */
export function markerOf(text: string): string {
	const [first = ""] = text.split("\n");
	if (!/^<!-- tracestack [\w-]+: [\w.-]+ -->$/.test(first.trim()))
		throw new Error(
			`the report does not begin with a marker, such as <!-- tracestack drift: prod -->, but with: ${first}`,
		);
	return first.trim();
}
