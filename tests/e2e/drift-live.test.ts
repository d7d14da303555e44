// What hands change beside the code: each change is found, by its right name, and gone after what its `restore` says. What
// changes nothing is no finding.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import type { Change, Finding } from "../../cli/drift/finding.ts";
import { root } from "../../cli/paths.ts";
import { type Endpoints, grafana, json } from "../../cli/verify/api.ts";
import { readCatalogue } from "../../settings/catalogue.ts";
import { TestStack } from "./stack.ts";

const name = "e2e-drift-live";
const dir = mkdtempSync(join(tmpdir(), "tracestack-drift-"));
const images = readCatalogue(process.env.TRACESTACK_IMAGES ?? "configs/versions.yaml");
/** A tag of this test's own: those of the catalogue are what other stacks run. */
const ownTag = `tracestack-${name}/alertmanager:deployed`;
let stack: TestStack;
let e: Endpoints;

const docker = (...args: string[]) => execa("docker", args);
const container = (service: string) => `tracestack-${name}-${service}`;

beforeAll(async () => {
	const original = images.alertmanager!.image;
	if ((await execa("docker", ["image", "inspect", original], { reject: false })).failed) await docker("pull", original);
	await docker("tag", original, ownTag);
	const catalogue = join(dir, "versions.yaml");
	writeFileSync(
		catalogue,
		stringify({ images: { ...images, alertmanager: { ...images.alertmanager, image: ownTag } } }),
	);
	process.env.TRACESTACK_IMAGES = catalogue;
	stack = await TestStack.create(name, 48000);
	stack.configure({ size: "small" });
	const up = await stack.tracestack("up", "--no-verify");
	if (up.code !== 0) throw new Error(up.all);
	e = await stack.endpoints();
});

afterAll(async () => {
	await execa("docker", ["rm", "--force", `${name}-stranger`], { reject: false });
	await stack.remove();
	await execa("docker", ["network", "rm", `${name}-other`], { reject: false });
	await execa("docker", ["rmi", ownTag], { reject: false });
	rmSync(dir, { recursive: true });
});

/** What `./tracestack drift` finds that was changed by hand, and how long it took. */
async function drift(): Promise<{ findings: Finding[]; seconds: number; code: number }> {
	const started = Date.now();
	const { code, stdout, all } = await stack.tracestack("drift", "--format", "json");
	const seconds = (Date.now() - started) / 1000;
	expect([0, 2], all).toContain(code);
	const { findings, failed } = JSON.parse(stdout);
	expect(failed).toEqual([]);
	return { findings, seconds, code };
}

/** A file inside a container, replaced as `docker cp` does it. */
async function put(service: string, path: string, text: string): Promise<void> {
	const file = join(dir, `${service}-${basename(path)}`);
	writeFileSync(file, text);
	await docker("cp", file, `${container(service)}:${path}`);
}

async function read(service: string, path: string): Promise<string> {
	const file = join(dir, `read-${service}-${basename(path)}`);
	await docker("cp", `${container(service)}:${path}`, file);
	return readFileSync(file, "utf8");
}

async function edit(service: string, path: string, change: (text: string) => string): Promise<string> {
	const before = await read(service, path);
	const after = change(before);
	expect(after, `${path} has what is edited`).not.toBe(before);
	await put(service, path, after);
	return before;
}

const hangup = (service: string) => docker("kill", "--signal", "HUP", container(service));

const ask = <T>(path: string, method = "GET", body?: unknown) =>
	grafana<T>(e, path, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });

interface Shown {
	dashboard: { title: string; panels: { title: string; fieldConfig: { defaults: { unit?: string } } }[] };
	meta: { folderUid: string };
}

async function save(uid: string, change: (dashboard: Shown["dashboard"]) => Shown["dashboard"]): Promise<void> {
	const { dashboard, meta } = await ask<Shown>(`/api/dashboards/uid/${uid}`);
	await ask("/api/dashboards/db", "POST", { dashboard: change(dashboard), folderUid: meta.folderUid, message: "mine" });
}

/** Keys the other way round, at every level. */
function reversed<T>(value: T): T {
	if (Array.isArray(value)) return value.map(reversed) as T;
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(
		Object.entries(value)
			.reverse()
			.map(([key, item]) => [key, reversed(item)]),
	) as T;
}

const tempoFile = "/etc/tempo/tempo.yaml";
const collectorFile = "/etc/otelcol-contrib/config.yaml";
const prometheusFile = "/etc/prometheus/prometheus.yaml";
const alertmanagerFile = "/etc/alertmanager/alertmanager.yaml";
const lokiFile = "/etc/loki/loki.yaml";
const rulesFile = "/etc/prometheus/rules/platform-platform.yaml";

describe("what changes nothing is no finding:", () => {
	const harmless: Record<string, () => Promise<unknown>> = {
		"a container restarted": () => docker("restart", container("loki")),
		"a container killed, and started again by the engine": () =>
			docker("kill", container("collector")).then(() => docker("start", container("collector"))),
		"a YAML file's keys in another order": () => edit("tempo", tempoFile, (text) => stringify(reversed(parse(text)))),
		"comments in a file": () => edit("collector", collectorFile, (text) => `# mine\n\n${text}\n# and mine\n`),
		"a file's values written otherwise, and loaded": () =>
			edit("prometheus", prometheusFile, (text) =>
				text.replace("evaluation_interval: 15s", "evaluation_interval: 15000ms"),
			).then(() => hangup("prometheus")),
		"a retention in days instead of hours": () =>
			edit("loki", lokiFile, (text) => text.replace("retention_period: 168h", "retention_period: 7d")),
		"a rule file written with other spaces": () =>
			edit("prometheus", rulesFile, (text) => stringify(parse(text, { merge: true }), { lineWidth: 40 })),
		"a file with the same bytes, and another date": async () =>
			put("alertmanager", alertmanagerFile, await read("alertmanager", alertmanagerFile)),
		"Alertmanager told to read it again": () => hangup("alertmanager"),
		"comments and empty lines in grafana.ini": () =>
			edit("grafana", "/etc/grafana/grafana.ini", (text) => text.replaceAll("\n[", "\n; mine\n\n[")),
		"a file where no configuration is": () => put("tempo", "/var/tempo/notes.txt", "mine"),
		"a silence": () =>
			json(`${e.alertmanager}/api/v2/silences`, {
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
		"a dashboard saved as it was": () => save("services", (dashboard) => dashboard),
		"a dashboard's JSON in another order": () => save("alerts", reversed),
		"a dashboard saved with what the editor adds": () =>
			save("trace-explorer", ({ panels, ...dashboard }) => ({
				...dashboard,
				weekStart: "",
				fiscalYearStartMonth: 0,
				panels: panels.map((panel) => ({ transparent: false, ...panel, pluginVersion: "13.2.1" })),
			})),
		"a dashboard looked at and starred": async () => {
			const { dashboard } = await ask<{ dashboard: { id: number } }>("/api/dashboards/uid/platform-health");
			await ask(`/api/user/stars/dashboard/${dashboard.id}`, "POST");
		},
		"an annotation": () => ask("/api/annotations", "POST", { text: "mine", time: Date.now() }),
		"a user, a team and a preference": async () => {
			await ask("/api/admin/users", "POST", { login: "somebody", password: "their-own-password" });
			await ask("/api/teams", "POST", { name: "theirs" });
			await ask("/api/user/preferences", "PUT", { theme: "light" });
		},
		"a query in Explore": () =>
			ask("/api/ds/query", "POST", {
				queries: [{ refId: "A", datasource: { uid: "prometheus" }, expr: "up" }],
				from: "now-5m",
				to: "now",
			}),
		"another name for the same image": async () => docker("tag", ownTag, `tracestack-${name}/alertmanager:another`),
		"a network and a container of somebody else": async () => {
			await docker("network", "create", `${name}-other`);
			await docker("create", "--name", `${name}-somebody`, images.busybox!.image, "true");
		},
		"a refresh": () => stack.pulumi("refresh", "--yes", "--skip-preview"),
		"a proof": () => stack.tracestack("verify"),
		"a backup": () => stack.tracestack("backup", join(dir, "backup.tar")),
	};

	it("nothing at all", async () => {
		const { findings, seconds, code } = await drift();
		console.log(`drift took ${seconds.toFixed(1)} s`);
		expect(findings).toEqual([]);
		expect(code).toBe(0);
	});

	it(Object.keys(harmless).join(", "), async () => {
		// One after the other where they stop what the next would ask.
		for (const [what, happens] of Object.entries(harmless)) {
			const outcome = await happens();
			const { code, all } = (outcome ?? {}) as { code?: number; all?: string };
			expect(code ?? 0, `${what}: ${all}`).toBe(0);
		}
		await docker("rm", `${name}-somebody`);
		await docker("rmi", `tracestack-${name}/alertmanager:another`);
		expect((await drift()).findings).toEqual([]);
	});
});

/** What a finding must say. */
interface Expected {
	of: string;
	subject: string;
	action: Finding["action"];
	severity: Finding["severity"];
	/** At least these, whatever else. */
	changes?: Change[];
	by?: string;
}

/** Everything that is expected was found, as it should be told, and nothing else. */
function expectFound(findings: Finding[], expected: Expected[]): void {
	const title = ({ component, subject }: Finding) => `${component}: ${subject}`;
	expect(findings.map(title).sort()).toEqual(expected.map(({ of, subject }) => `${of}: ${subject}`).sort());
	for (const { of: component, changes = [], ...rest } of expected) {
		const found = findings.find((finding) => finding.component === component && finding.subject === rest.subject);
		expect(found).toMatchObject({ kind: "drifted", component, ...rest });
		expect(found?.changes, title(found!)).toEqual(expect.arrayContaining(changes));
		expect(found?.restore, title(found!)).toBeTruthy();
	}
}

/** Does what `restore` says, each command once: what stops containers first, what makes them again last. */
async function restore(findings: Finding[]): Promise<void> {
	const commands = new Set(findings.flatMap(({ restore }) => restore!.split(" && ")));
	const kinds = [
		/^(curl|docker tag)/,
		/^docker stop/,
		/^docker (rm|restart)/,
		/^\.\/tracestack up/,
		/^\.\/tracestack pulumi/,
	];
	expect([...commands].filter((command) => !kinds.some((kind) => kind.test(command)))).toEqual([]);
	for (const kind of kinds) {
		const batch = [...commands].filter((command) => kind.test(command));
		await Promise.all(
			batch.map((command) => {
				const asked = command
					.replace("tracestack up", "$& --no-verify")
					.replace("pulumi up", "$& --yes --non-interactive");
				return execa("bash", ["-c", asked], { cwd: root });
			}),
		);
	}
}

/** Makes a container again as it was, but for what is given. */
async function recreate(
	service: string,
	given: string[],
	command: (args: string[]) => string[] = (args) => args,
): Promise<void> {
	const { stdout } = await docker("inspect", container(service));
	const [{ Config, HostConfig, Mounts, Image }] = JSON.parse(stdout);
	const files = new Map<string, string>();
	for (const path of service === "prometheus" ? [prometheusFile] : [alertmanagerFile])
		files.set(path, await read(service, path));
	await docker("rm", "--force", container(service));
	const flags = [
		...Object.entries(Config.Labels).map(([label, value]) => `--label=${label}=${value}`),
		...Mounts.map((mount: { Name: string; Destination: string }) => `--volume=${mount.Name}:${mount.Destination}`),
		...Object.entries(HostConfig.PortBindings).flatMap(([port, bound]) =>
			(bound as { HostIp: string; HostPort: string }[]).map(
				({ HostIp, HostPort }) => `--publish=${HostIp}:${HostPort}:${port}`,
			),
		),
		...[`--network=${HostConfig.NetworkMode}`, `--network-alias=${service}`, `--hostname=${service}`],
		...[`--user=${Config.User}`, `--env=${Config.Env.find((line: string) => line.startsWith("GOMEMLIMIT"))}`],
		...[
			"--restart=unless-stopped",
			"--cap-drop=ALL",
			"--security-opt=no-new-privileges",
			`--stop-timeout=${Config.StopTimeout}`,
		],
		...["--add-host=host.docker.internal:host-gateway", "--log-opt=max-size=10m", "--log-opt=max-file=3"],
		...[`--memory=${HostConfig.Memory}`, `--memory-swap=${HostConfig.MemorySwap}`],
	];
	await docker("create", "--name", container(service), ...flags, ...given, Image, ...command(Config.Cmd));
	for (const [path, text] of files) await put(service, path, text);
	await docker("start", container(service));
}

describe("what a hand changed in containers", () => {
	let found: Finding[];
	let other: string;

	beforeAll(async () => {
		const busybox = images.busybox!.image;
		await edit("tempo", tempoFile, (text) => text.replaceAll("block_retention: 336h", "block_retention: 24h"));
		await edit("collector", collectorFile, (text) => text.replace("check_interval: 1s", "check_interval: 5s"));
		await put("collector", "/etc/otelcol-contrib/more.yaml", "a: 1\n");
		await edit("prometheus", rulesFile, (text) => text.replace("for: 1m", "for: 59m"));
		await put(
			"prometheus",
			"/etc/prometheus/rules/mine.yaml",
			stringify({ groups: [{ name: "mine", rules: [{ alert: "Mine", expr: "vector(1)" }] }] }),
		);
		const routes = 'receiver: none\n  routes:\n    - receiver: none\n      matchers: [team="mine"]';
		const before = await edit("alertmanager", alertmanagerFile, (text) => text.replace("receiver: none", routes));
		await Promise.all([docker("restart", container("collector")), hangup("prometheus"), hangup("alertmanager")]);
		await docker("update", "--memory", "300m", "--memory-swap", "300m", "--restart", "no", container("loki"));
		await docker("network", "connect", `${name}-other`, container("loki"));
		const labels = ["--label", `tracestack.stack=tracestack/${name}`, "--label", "tracestack.service=tempo"];
		await docker("create", "--name", `${name}-stranger`, ...labels, busybox, "true");
		await docker("tag", busybox, ownTag);
		other = (await docker("image", "inspect", "--format", "{{.Id}}", busybox)).stdout;
		await expect.poll(async () => JSON.stringify(await json(`${e.alertmanager}/api/v2/status`))).toContain("mine");
		await expect.poll(async () => JSON.stringify(await json(`${e.prometheus}/api/v1/rules`))).toContain("Mine");
		await put("alertmanager", alertmanagerFile, before);
		found = (await drift()).findings;
	});

	it("is found", () => {
		const rule = { path: 'groups[name="platform"].rules[0].for', from: "1m", to: "59m" };
		expectFound(found, [
			{
				of: "tempo",
				subject: `file ${tempoFile} (takes effect at the next restart)`,
				action: "update",
				severity: "breaks data",
				changes: [{ path: "overrides.defaults.compaction.block_retention", from: "336h", to: "24h" }],
			},
			{
				of: "collector",
				subject: `file ${collectorFile}`,
				action: "update",
				severity: "restarts a service",
				changes: [{ path: "processors.memory_limiter.check_interval", from: "1s", to: "5s" }],
			},
			{
				of: "collector",
				subject: "file /etc/otelcol-contrib/more.yaml",
				action: "create",
				severity: "restarts a service",
			},
			{
				of: "prometheus",
				subject: `file ${rulesFile}`,
				action: "update",
				severity: "restarts a service",
				changes: [rule],
			},
			{
				of: "prometheus",
				subject: "file /etc/prometheus/rules/mine.yaml",
				action: "create",
				severity: "restarts a service",
			},
			{
				of: "alertmanager",
				subject: "running configuration",
				action: "update",
				severity: "restarts a service",
				changes: [{ path: "route.routes[0]", to: expect.objectContaining({ receiver: "none" }) }],
			},
			{
				of: "loki",
				subject: "container",
				action: "update",
				severity: "restarts a service",
				changes: [
					{ path: "memory", from: "512 MiB", to: "300 MiB" },
					{ path: "restart", from: "unless-stopped", to: "no" },
					{ path: `networks.${name}-other`, to: "attached" },
				],
			},
			{ of: "stack", subject: `container ${name}-stranger`, action: "create", severity: "cosmetic" },
			{
				of: "alertmanager",
				subject: `image ${ownTag}`,
				action: "update",
				severity: "restarts a service",
				changes: [expect.objectContaining({ path: "id", to: other })],
			},
		]);
	});

	it("is over after what `restore` says, and what was done to containers and in Grafana then is found", async () => {
		await restore(found);
		await docker("stop", container("tempo"));
		await docker("rm", "--force", container("collector"));
		await recreate("prometheus", [], (args) => args.map((arg) => arg.replace(/(retention.time)=.*/, "$1=24h")));
		const given = [
			"--env=MINE=yes",
			"--env=GOMEMLIMIT=1GiB",
			"--label=mine=yes",
			"--memory=200m",
			"--memory-swap=200m",
			"--cap-add=NET_RAW",
		];
		await recreate("alertmanager", given);
		await docker("network", "disconnect", `tracestack-${name}`, container("loki"));

		await save("services", (dashboard) => ({
			...dashboard,
			title: "Services, by hand",
			panels: dashboard.panels
				.filter(({ title }) => title !== "Error ratio")
				.map((panel) =>
					panel.title === "Request rate"
						? {
								...panel,
								fieldConfig: { ...panel.fieldConfig, defaults: { ...panel.fieldConfig.defaults, unit: "cps" } },
							}
						: panel,
				),
		}));
		await ask("/api/dashboards/uid/alerts", "DELETE");
		await ask("/api/dashboards/db", "POST", {
			dashboard: { uid: "mine", title: "Mine", panels: [] },
			folderUid: "platform",
		});
		await ask("/api/folders", "POST", { uid: "my-folder", title: "My folder" });
		const moved = await ask<Shown>("/api/dashboards/uid/platform-health");
		await ask("/api/dashboards/db", "POST", { dashboard: moved.dashboard, folderUid: "my-folder" });
		const source = await ask<object>("/api/datasources/uid/prometheus");
		await ask("/api/datasources/uid/prometheus", "PUT", { ...source, url: "http://elsewhere:9090" });
		await ask("/api/datasources/uid/alertmanager", "DELETE");
		await ask("/api/datasources", "POST", {
			uid: "my-source",
			name: "Mine",
			type: "prometheus",
			url: "http://mine",
			access: "proxy",
		});

		found = (await drift()).findings;
		expectFound(found, [
			{
				of: "tempo",
				subject: "container",
				action: "update",
				severity: "breaks data",
				changes: [{ path: "state", from: "running", to: "exited" }],
			},
			{ of: "collector", subject: "container", action: "delete", severity: "breaks data" },
			{
				of: "prometheus",
				subject: "container",
				action: "replace",
				severity: "breaks data",
				changes: [expect.objectContaining({ path: "command", to: expect.stringContaining("retention.time=24h") })],
			},
			{
				of: "prometheus",
				subject: "retention of metrics",
				action: "update",
				severity: "breaks data",
				changes: [{ path: "kept", from: "360h, local", to: "24h, local" }],
			},
			...rulesGone(),
			{
				of: "alertmanager",
				subject: "container",
				action: "replace",
				severity: "restarts a service",
				changes: [
					{ path: "env.MINE", to: "yes" },
					{ path: "env.GOMEMLIMIT", from: "204MiB", to: "1GiB" },
					{ path: "labels.mine", to: "yes" },
					{ path: "memory", from: "256 MiB", to: "200 MiB" },
					{ path: "capabilities", from: "-ALL", to: "+NET_RAW, -ALL" },
				],
			},
			{
				of: "loki",
				subject: "container",
				action: "update",
				severity: "breaks data",
				changes: [expect.objectContaining({ path: `networks.tracestack-${name}` })],
			},
			{
				of: "grafana",
				subject: "dashboard services",
				action: "update",
				severity: "cosmetic",
				by: "admin",
				changes: [
					{ path: "title", from: "Services", to: "Services, by hand" },
					{ path: 'panel "Error ratio"', from: "timeseries" },
					{ path: 'panel "Request rate".fieldConfig.defaults.unit', from: "reqps", to: "cps" },
				],
			},
			{ of: "grafana", subject: "dashboard alerts", action: "delete", severity: "cosmetic" },
			{
				of: "grafana",
				subject: "dashboard mine",
				action: "create",
				severity: "cosmetic",
				by: "admin",
				changes: [{ path: "title", to: "Mine" }],
			},
			{
				of: "grafana",
				subject: "dashboard platform-health",
				action: "update",
				severity: "cosmetic",
				changes: [{ path: "folder", from: "platform", to: "my-folder" }],
			},
			{
				of: "grafana",
				subject: "folder my-folder",
				action: "create",
				severity: "cosmetic",
				changes: [{ path: "title", to: "My folder" }],
			},
			{
				of: "grafana",
				subject: "datasource prometheus",
				action: "update",
				severity: "restarts a service",
				changes: [{ path: "url", from: "http://prometheus:9090", to: "http://elsewhere:9090" }],
			},
			{ of: "grafana", subject: "datasource alertmanager", action: "delete", severity: "restarts a service" },
			{ of: "grafana", subject: "datasource my-source", action: "create", severity: "cosmetic" },
		]);
	});

	it("is over after what `restore` says", async () => {
		await restore(found);
		expect((await drift()).findings).toEqual([]);
	});
});

/** The container that was made by hand got none of the rules. */
function rulesGone(): Expected[] {
	return ["platform-platform", "platform-requests", "thresholds"].map((file) => ({
		of: "prometheus",
		subject: `file /etc/prometheus/rules/${file}.yaml`,
		action: "delete",
		severity: "restarts a service",
	}));
}
