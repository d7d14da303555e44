// What happens to a stack on an ordinary day, and is no drift.

import { join } from "node:path";
import { parse, stringify } from "yaml";
import { type Endpoints, json } from "../../cli/verify/api.ts";
import { docker, type Hands, paths, type Shown } from "./hands.ts";
import type { Outcome, TestStack } from "./stack.ts";

interface Scene {
	stack: TestStack;
	hands: Hands;
	endpoints: Endpoints;
	dir: string;
	/** An image that is the stack's, and one that is on the engine anyway. */
	image: string;
	busybox: string;
}

type Happening = (scene: Scene) => Promise<Outcome | unknown>;

/** By what it is; those that only Docker or one service sees may happen at once. */
export const harmless: Record<string, Happening> = {
	"a container restarted": ({ hands }) => docker("restart", hands.container("loki")),
	"a container killed, and started again": async ({ hands }) => {
		await docker("kill", hands.container("collector"));
		await docker("start", hands.container("collector"));
	},
	"a YAML file's keys in another order": ({ hands }) =>
		hands.edit("tempo", paths.tempo, (text) => stringify(reversed(parse(text)))),
	"comments in a file": ({ hands }) =>
		hands.edit("collector", paths.collector, (text) => `# mine\n\n${text}\n# and mine\n`),
	"a value written otherwise, and loaded": async ({ hands }) => {
		await hands.edit("prometheus", paths.prometheus, (text) =>
			text.replace("evaluation_interval: 15s", "evaluation_interval: 15000ms"),
		);
		await hands.edit("prometheus", "/etc/prometheus/rules/platform-platform.yaml", (text) =>
			stringify(parse(text, { merge: true }), { lineWidth: 40 }),
		);
		await hands.reload("prometheus");
	},
	"a retention in days instead of hours": ({ hands }) =>
		hands.edit("loki", paths.loki, (text) => text.replace("retention_period: 168h", "retention_period: 7d")),
	"a file with the same bytes and another date, and loaded": async ({ hands }) => {
		await hands.put("alertmanager", paths.alertmanager, await hands.read("alertmanager", paths.alertmanager));
		await hands.reload("alertmanager");
	},
	"comments and empty lines in grafana.ini": ({ hands }) =>
		hands.edit("grafana", paths.grafana, (text) => text.replaceAll("\n[", "\n; mine\n\n[")),
	"a file where no configuration is": ({ hands }) => hands.put("tempo", "/var/tempo/notes.txt", "mine"),
	"a silence": ({ endpoints }) =>
		json(`${endpoints.alertmanager}/api/v2/silences`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({
				matchers: [{ name: "alertname", value: "Mine", isRegex: false }],
				startsAt: new Date().toISOString(),
				endsAt: new Date(Date.now() + 3_600_000).toISOString(),
				createdBy: "me",
				comment: "mine",
			}),
		}),
	"a dashboard saved as it was": ({ hands }) => hands.save("services"),
	"a dashboard's JSON in another order": ({ hands }) => hands.save("alerts", reversed),
	"a dashboard saved with what the editor adds": ({ hands }) =>
		hands.save("trace-explorer", ({ panels, ...dashboard }) => ({
			...dashboard,
			weekStart: "",
			fiscalYearStartMonth: 0,
			panels: panels.map((panel) => ({ transparent: false, ...panel, pluginVersion: "13.2.1" })),
		})),
	"a dashboard looked at and starred": async ({ hands }) => {
		const { dashboard } = await hands.ask<Shown>("/api/dashboards/uid/platform-health");
		await hands.ask(`/api/user/stars/dashboard/${dashboard.id}`, "POST");
	},
	"an annotation": ({ hands }) => hands.ask("/api/annotations", "POST", { text: "mine", time: Date.now() }),
	"a user": ({ hands }) => hands.ask("/api/admin/users", "POST", { login: "somebody", password: "their-own-password" }),
	"a team": ({ hands }) => hands.ask("/api/teams", "POST", { name: "theirs" }),
	"a preference": ({ hands }) => hands.ask("/api/user/preferences", "PUT", { theme: "light" }),
	"a query in Explore": ({ hands }) => {
		const queries = [{ refId: "A", datasource: { uid: "prometheus" }, expr: "up" }];
		return hands.ask("/api/ds/query", "POST", { queries, from: "now-5m", to: "now" });
	},
	"another name for the same image": async ({ image }) => {
		const another = image.replace(/:[^:]*$/, ":another");
		await docker("tag", image, another);
		await docker("rmi", another);
	},
	"a container of a stack of the same name in another project": ({ hands, busybox }) =>
		docker(
			"create",
			"--label",
			`tracestack.stack=theirs/${hands.stack}`,
			"--name",
			`${hands.stack}-theirs`,
			busybox,
			"true",
		),
};

/** Commands of the stack itself. One after the other: each wants the state. A proof was before. */
export const ordinary: Record<string, Happening> = {
	"a refresh": ({ stack }) => stack.pulumi("refresh", "--yes", "--skip-preview"),
	"a backup": ({ stack, dir }) => stack.tracestack("backup", join(dir, "backup.tar")),
};

/** Keys the other way round, at every level. */
function reversed<T>(value: T): T {
	if (Array.isArray(value)) return value.map(reversed) as T;
	if (typeof value !== "object" || value === null) return value;
	const entries = Object.entries(value).reverse();
	return Object.fromEntries(entries.map(([key, item]) => [key, reversed(item)])) as T;
}
