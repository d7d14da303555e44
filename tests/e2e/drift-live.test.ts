// What hands change beside the code: each change is found, by its right name, and gone after what its `restore` says. What
// changes nothing is no finding. The same stack has what the engine itself can tell, and the doctor.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { exportDashboards } from "../../cli/dashboards/dashboards.ts";
import type { Finding } from "../../cli/drift/finding.ts";
import { prepare } from "../../cli/engine.ts";
import { root } from "../../cli/paths.ts";
import type { Endpoints } from "../../cli/verify/api.ts";
import { ruleFiles } from "../../components/rules.ts";
import { readCatalogue } from "../../settings/catalogue.ts";
import { parseSettings } from "../../settings.ts";
import { soundToTheDoctor, troubles } from "./doctor.ts";
import { driftOfTheEngine } from "./drift.ts";
import { expectFound, findings, restore } from "./findings.ts";
import { docker, edited, Hands, paths } from "./hands.ts";
import { harmless, ordinary } from "./harmless.ts";
import { TestStack } from "./stack.ts";

const name = "e2e-drift-live";
const dir = mkdtempSync(join(tmpdir(), "tracestack-drift-"));
const images = readCatalogue(process.env.TRACESTACK_IMAGES ?? "configs/versions.yaml");
const busybox = images.busybox!.image;
/** A tag of this test's own: those of the catalogue are what other stacks run. */
const ownTag = `tracestack-${name}/alertmanager:deployed`;
const network = `${name}-other`;
const stranger = `${name}-stranger`;
const settings = { size: "small" };
let stack: TestStack;
let endpoints: Endpoints;
let hands: Hands;

beforeAll(async () => {
	const original = images.alertmanager!.image;
	if ((await execa("docker", ["image", "inspect", original], { reject: false })).failed) await docker("pull", original);
	await docker("tag", original, ownTag);
	const catalogue = join(dir, "versions.yaml");
	const own = { ...images, alertmanager: { ...images.alertmanager, image: ownTag } };
	writeFileSync(catalogue, stringify({ images: own }));
	process.env.TRACESTACK_IMAGES = catalogue;
	await removeHandMade();
	stack = await TestStack.create(name, 31200);
	stack.configure(settings);
	const up = await stack.tracestack("up", "--no-verify");
	if (up.code !== 0) throw new Error(up.all);
	endpoints = await stack.endpoints();
	hands = new Hands(name, dir, endpoints);
});

afterAll(async () => {
	await removeHandMade();
	await stack.remove();
	await execa("docker", ["rmi", ownTag], { reject: false });
	rmSync(dir, { recursive: true });
});

/** What only a hand knows of holds on to volumes and networks. */
async function removeHandMade(): Promise<void> {
	const filter = `label=tracestack.stack=tracestack/${name}`;
	const { stdout } = await docker("ps", "--all", "--quiet", "--filter", filter);
	if (stdout) await docker("rm", "--force", ...stdout.split("\n"));
	await execa("docker", ["rm", "--force", `${name}-theirs`], { reject: false });
	await execa("docker", ["network", "rm", network], { reject: false });
}

const drift = () => findings(stack);
const scene = () => ({ stack, hands, endpoints });

soundToTheDoctor(scene);

describe("no finding is", () => {
	it([...Object.keys(harmless), ...Object.keys(ordinary)].join(", "), async () => {
		const all = { ...scene(), dir, image: ownTag, busybox };
		await Promise.all(Object.values(harmless).map((happens) => happens(all)));
		for (const [what, happens] of Object.entries(ordinary)) expect(await happens(all), what).toMatchObject({ code: 0 });
		expect(await drift()).toEqual([]);
	});
});

const rules = "/etc/prometheus/rules";
const restarts = { action: "update", severity: "restarts a service" } as const;
const cosmetic = { component: "grafana", action: "update", severity: "cosmetic" } as const;
const lost = { subject: "container", severity: "breaks data" } as const;

describe("what a hand did", () => {
	let found: Finding[];

	it("to containers and their files is found", async () => {
		const extra = stringify({ groups: [{ name: "mine", rules: [{ alert: "Mine", expr: "vector(1)" }] }] });
		const parsed = parseSettings({}, { project: "tracestack", name }, process.env.TRACESTACK_IMAGES);
		const kept = ruleFiles(parsed).flatMap((file) => (file.name === "thresholds.yaml" ? [] : `${rules}/${file.name}`));
		await Promise.all([
			// Not loaded: Tempo reads its file when it starts.
			hands.edit("tempo", paths.tempo, (text) => text.replaceAll("block_retention: 336h", "block_retention: 24h")),
			hands
				.edit("collector", paths.collector, (text) => text.replace("check_interval: 1s", "check_interval: 5s"))
				.then(() => hands.put("collector", "/etc/otelcol-contrib/more.yaml", "password: their-own\n"))
				.then(() => docker("restart", hands.container("collector")))
				.then(() => docker("network", "create", network))
				.then(() => docker("network", "connect", network, hands.container("collector")))
				.then(() => docker("network", "disconnect", `tracestack-${name}`, hands.container("collector")))
				.then(() =>
					docker("update", "--memory=900m", "--memory-swap=900m", "--restart=no", hands.container("collector")),
				),
			hands
				.recreate("prometheus", {
					command: (arg) => arg.replace(/(retention.time)=.*/, "$1=24h"),
					files: {
						[paths.prometheus]: (text) => text,
						...Object.fromEntries(kept.map((path) => [path, (text: string) => text])),
						[`${rules}/platform-platform.yaml`]: (text) => text.replace("for: 1m", "for: 59m"),
					},
				})
				.then(() => hands.put("prometheus", `${rules}/mine.yaml`, extra))
				.then(() => docker("restart", hands.container("prometheus"))),
			hands
				.recreate("alertmanager", {
					flags: ["--env=MINE=yes", "--env=GOMEMLIMIT=1GiB", "--label=mine=yes", "--memory=200m", "--memory-swap=200m"],
					files: { [paths.alertmanager]: (text) => text },
				})
				.then(() => docker("stop", hands.container("alertmanager"))),
			docker("rm", "--force", hands.container("loki")),
		]);
		found = await drift();
		const file = (path: string) => ({ component: "prometheus", subject: `file ${rules}/${path}` });
		expectFound(found, [
			{
				component: "tempo",
				subject: `file ${paths.tempo} (takes effect at the next restart)`,
				action: "update",
				severity: "breaks data",
				changes: [{ path: "overrides.defaults.compaction.block_retention", from: "336h", to: "24h" }],
			},
			{
				component: "collector",
				subject: `file ${paths.collector}`,
				...restarts,
				changes: [{ path: "processors.memory_limiter.check_interval", from: "1s", to: "5s" }],
			},
			{
				component: "collector",
				subject: "file /etc/otelcol-contrib/more.yaml",
				...restarts,
				action: "create",
				changes: [{ path: "password", to: "[secret]" }],
			},
			{
				component: "prometheus",
				...lost,
				action: "replace",
				changes: [expect.objectContaining({ path: "command", to: expect.stringContaining("retention.time=24h") })],
			},
			{
				component: "prometheus",
				subject: "retention of metrics",
				action: "update",
				severity: "breaks data",
				changes: [{ path: "kept", from: "360h, local", to: "24h, local" }],
			},
			{
				...file("platform-platform.yaml"),
				...restarts,
				changes: [{ path: 'groups[name="platform"].rules[0].for', from: "1m", to: "59m" }],
			},
			{ ...file("mine.yaml"), ...restarts, action: "create" },
			{ ...file("thresholds.yaml"), ...restarts, action: "delete" },
			{
				component: "alertmanager",
				...lost,
				action: "replace",
				changes: [
					{ path: "state", from: "running", to: "exited" },
					{ path: "env.MINE", to: "yes" },
					{ path: "env.GOMEMLIMIT", from: "102MiB", to: "1GiB" },
					{ path: "labels.mine", to: "yes" },
					{ path: "memory", from: 128, to: 200 },
				],
			},
			{
				component: "collector",
				...lost,
				action: "update",
				changes: [
					expect.objectContaining({ path: "memory", to: 900 }),
					{ path: "restart", from: "unless-stopped", to: "no" },
					{ path: `networks.${network}`, to: "attached" },
					{ path: `networks.tracestack-${name}`, from: "collector" },
				],
			},
			{ component: "loki", ...lost, action: "delete" },
		]);
	});

	it("is over after what `restore` says, and what was done to the rest then is found", async () => {
		await restore(found);
		const sources = "/api/datasources";
		const mine = "receiver: none\n  routes:\n    - receiver: none\n      matchers: [team=mine]";
		const route = async () => {
			const edit = (text: string) => text.replace("receiver: none", mine);
			const before = await hands.edit("alertmanager", paths.alertmanager, edit);
			await hands.reload("alertmanager", "/api/v2/status", "mine");
			await hands.put("alertmanager", paths.alertmanager, before);
		};
		const labels = ["--label", `tracestack.stack=tracestack/${name}`, "--label", "tracestack.service=tempo"];
		await Promise.all([
			route(),
			docker("create", "--name", stranger, ...labels, busybox, "true"),
			docker("tag", busybox, ownTag),
			hands.save("services", edited),
			hands.ask("/api/dashboards/uid/alerts", "DELETE"),
			hands.ask("/api/dashboards/db", "POST", { dashboard: { uid: "mine", title: "Mine" }, folderUid: "platform" }),
			hands
				.ask("/api/folders", "POST", { uid: "my-folder", title: "My folder" })
				.then(() => hands.save("platform-health", (dashboard) => dashboard, "my-folder")),
			hands
				.ask<object>(`${sources}/uid/prometheus`)
				.then((source) => hands.ask(`${sources}/uid/prometheus`, "PUT", { ...source, url: "http://elsewhere:9090" })),
			hands
				.ask(`${sources}/uid/alertmanager`, "DELETE")
				.then(() =>
					hands.ask(sources, "POST", { uid: "my-source", name: "Mine", type: "prometheus", access: "proxy" }),
				),
		]);
		found = await drift();
		expectFound(found, [
			{
				component: "alertmanager",
				subject: "running configuration",
				...restarts,
				changes: [{ path: "route.routes[0]", to: expect.objectContaining({ receiver: "none" }) }],
			},
			{
				component: "alertmanager",
				subject: "image",
				...restarts,
				changes: [expect.objectContaining({ path: ownTag })],
			},
			{ component: "stack", subject: `container ${stranger}`, action: "create", severity: "cosmetic" },
			{
				...cosmetic,
				subject: "dashboard services",
				by: "admin",
				changes: [
					{ path: "title", from: "Services", to: "By hand" },
					{ path: 'panel "Error ratio"', from: "timeseries" },
					{ path: 'panel "Request rate".fieldConfig.defaults.unit', from: "reqps", to: "cps" },
				],
			},
			{ ...cosmetic, subject: "dashboard alerts", action: "delete" },
			{ ...cosmetic, subject: "dashboard mine", action: "create", by: "admin" },
			{
				...cosmetic,
				subject: "dashboard platform-health",
				changes: [{ path: "folder", from: "platform", to: "my-folder" }],
			},
			{ ...cosmetic, subject: "folder my-folder", action: "create" },
			{
				component: "grafana",
				subject: "datasource prometheus",
				...restarts,
				changes: [{ path: "url", from: "http://prometheus:9090", to: "http://elsewhere:9090" }],
			},
			{ component: "grafana", subject: "datasource alertmanager", ...restarts, action: "delete" },
			{ ...cosmetic, subject: "datasource my-source", action: "create" },
		]);
	});

	it("in Grafana can be told panel by panel", async () => {
		const { code, stdout } = await stack.tracestack("dashboards", "diff");
		expect(code).toBe(2);
		expect(stdout).toContain('platform/services\n  ~ title: "Services" → "By hand"');
		expect(stdout).toContain('- panel "Error ratio": "timeseries"');
		expect(stdout).toContain("platform/alerts\n  only in the files");
		expect(stdout).toContain("platform/mine\n  only in Grafana");
	});

	it("in Grafana can be taken over into the packs' files", async () => {
		const folder = join(dir, "packs");
		cpSync(join(root, "configs/packs"), folder, { recursive: true });
		const environment = await prepare({ stack: name }, "look");
		const { written, refused } = await exportDashboards(environment, name, { folder });
		const file = (uid: string) => join(folder, "platform/dashboards", `${uid}.json`);
		expect(written).toEqual([file("mine"), file("services")]);
		expect(refused).toEqual([]);
		const before = readFileSync(join(root, "configs/packs/platform/dashboards/services.json"), "utf8").split("\n");
		const lines = readFileSync(file("services"), "utf8").split("\n");
		const added = lines.filter((line) => !before.includes(line)).map((line) => line.trim().replace(/,$/, ""));
		expect(added).toEqual(['"title": "By hand"', '"unit": "cps"']);
	});

	it("is over after what `restore` says", async () => {
		await restore(found);
		// Nothing to write: files and Grafana agree, byte by byte.
		const { code, all } = await stack.tracestack("dashboards", "export");
		expect(code, all).toBe(0);
		expect(all).toContain("nothing to write");
	});

	driftOfTheEngine(scene, settings);
});

troubles(scene);
