// The task definitions that a stack in production would register, run on local Docker. Nothing of AWS is asked.

import { createServer, type Server } from "node:https";
import { execa } from "execa";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import {
	type Endpoints,
	epoch,
	grafana,
	json,
	otlpGrpcUrl,
	prometheusValue,
	until,
	withQuery,
} from "../../cli/verify/api.ts";
import { gauge, makeSignals } from "../../cli/verify/signals.ts";
import { endpointsOf, verify } from "../../cli/verify/verify.ts";
import { readCatalogue } from "../../settings/catalogue.ts";
import { selfSigned } from "../certificate.ts";
import { isAllowed, type Logged, readAccessLog } from "../iam.ts";
import { awsStack, region } from "../unit/aws-mocks.ts";
import { ofType, one, type Recorded } from "../unit/mocks.ts";
import { bridgeAddress } from "./beside.ts";
import { amp, deploy, hosts, keyOf, runDatabase, runS3, trust } from "./stand-ins.ts";
import { Fargate, type OwnedFile } from "./tasks.ts";

// There is no balancer to ask.
vi.mock("../../targets/aws/asked.ts", () => ({ askedOfAws: async () => ({ problems: [], notes: [] }) }));
vi.mock("../../targets/aws/ready.ts", () => ({ waitUntilReached: async () => undefined }));

const name = "e2e-aws-tasks";
const tasks = ["alertmanager", "collector", "grafana", "loki", "prometheus", "tempo"];
/** What is killed may lose what it has not written yet: docs/durability.md. */
const onEfs = ["alertmanager", "loki", "tempo"];
/** The ports of this machine by task and by port within it. */
const published: Record<string, Record<number, number>> = {
	alertmanager: { 9093: 23400 },
	collector: { 4317: 23401, 4318: 23402 },
	grafana: { 3000: 23403 },
	loki: { 3100: 23404 },
	prometheus: { 9090: 23405 },
	tempo: { 3200: 23406 },
};

let fargate: Fargate;
let catalogue: ReturnType<typeof readCatalogue>;
let resources: Recorded[];
let e: Endpoints;
let longTerm: Server;
let startedBefore: string;
/** What Prometheus has sent to the long term, as it was signed. */
const remoteWrites: { url: string; authorization: string }[] = [];

beforeAll(async () => {
	catalogue = readCatalogue(process.env.TRACESTACK_IMAGES ?? "configs/versions.yaml");
	const image = (service: string) => catalogue[service]?.image ?? "";
	const { certificate, key } = await selfSigned(hosts.map((host) => `DNS:${host}`));
	const bridge = await bridgeAddress();
	longTerm = createServer({ cert: certificate, key }, (request, response) => {
		remoteWrites.push({ url: request.url ?? "", authorization: request.headers.authorization ?? "" });
		request.resume().on("end", () => response.writeHead(200).end());
	});
	await new Promise<void>((resolve) => longTerm.listen(0, bridge, resolve));
	const { port } = longTerm.address() as { port: number };

	const prometheusEndpoint = `https://${amp}:${port}/workspaces/ws-1/`;
	const stack = await awsStack(
		"prod",
		{ size: "small", access: { token: true } },
		{ images: process.env.TRACESTACK_IMAGES, outputs: { "aws:amp/workspace:Workspace": { prometheusEndpoint } } },
	);
	resources = stack.resources;
	fargate = new Fargate({
		name,
		resources,
		image,
		env: (task) => ({ ...keyOf(task), ...trust }),
		hosts: [`${amp}:${bridge}`],
	});
	await fargate.create({ certificate, key });
	const objects = ofType(resources, "aws:s3/bucketObjectv2:BucketObjectv2").map(({ inputs }): [string, OwnedFile] => [
		inputs.key as string,
		{ text: inputs.content as string },
	]);
	await Promise.all([
		runS3(fargate, tasks),
		runDatabase(fargate),
		fargate.volume("deploy", Object.fromEntries(objects)),
	]);
	await until(60, () => deploy(fargate));
	await Promise.all(tasks.map((task) => fargate.start(task, published[task])));

	const at = (task: string, port: number) => `http://127.0.0.1:${published[task]?.[port]}`;
	const [token] = ofType(resources, "aws:secretsmanager/secretVersion:SecretVersion").filter(({ name }) =>
		name.includes("otlp-token"),
	);
	e = {
		alertmanager: at("alertmanager", 9093),
		dashboards: stack.outputs.dashboards as Endpoints["dashboards"],
		grafana: at("grafana", 3000),
		grafanaPassword: "secret-of-grafana-admin",
		grafanaUser: "admin",
		loki: at("loki", 3100),
		otlpGrpc: at("collector", 4317).replace("http://", ""),
		otlpHttp: at("collector", 4318),
		otlpToken: token?.inputs.secretString as string,
		prometheus: at("prometheus", 9090),
		sampling: { metricsFrom: "tempo", waitSeconds: 0 },
		tempo: at("tempo", 3200),
	};
	await ready();
	// Prometheus has the time for them while everything else is looked at.
	await changeRules();
});

afterAll(async () => {
	longTerm?.close();
	await fargate?.remove();
});

it("every task starts from its files in S3, and verify holds every link", async () => {
	await fillGrafana();
	// Whoever asks a stack on AWS reaches its entrances only: Grafana asks the others for them.
	const { grafana, otlpGrpc, otlpHttp, ...rest } = e;
	const entrances = endpointsOf(name, { ...rest, urls: { grafana, otlpGrpc, otlpHttp }, retention: { loki: "14d" } });
	const results = await verify(entrances);
	expect(results.filter(({ ok }) => !ok)).toEqual([]);
	expect(results.length).toBeGreaterThan(12);
});

it("each answers what ECS asks it, but those that a balancer asks", async () => {
	// An earlier version, which a patch adapts the configuration to, may lack the program that asks.
	const asked = tasks.filter((task) => !catalogue[task]?.patch);
	const answers = await Promise.all(asked.map(async (task) => [task, await fargate.ask(task)] as const));
	const byBalancer = answers.filter(([, answered]) => !answered).map(([task]) => task);
	expect(byBalancer).toEqual(["collector", "grafana"]);
});

it("Prometheus writes to the long term as its role, signed", async () => {
	await until(30, async () => expect(remoteWrites.length).toBeGreaterThan(0));
	expect(remoteWrites[0]?.url).toBe("/workspaces/ws-1/api/v1/remote_write");
	expect(remoteWrites[0]?.authorization).toMatch(
		new RegExp(`^AWS4-HMAC-SHA256 Credential=prometheus/\\d{8}/${region}/aps/aws4_request`),
	);
});

it("rules that have changed in S3 reach Prometheus in the task that it has", async () => {
	await until(90, async () => expect(JSON.stringify(await json(`${e.prometheus}/api/v1/rules`))).toContain("0.4321"));
	expect(await processStarted()).toBe(startedBefore);
});

it("all tasks are replaced: what lies on EFS, in S3 and in the database is found again, and the rest is gone", async () => {
	const signals = makeSignals(e);
	await Promise.all([signals.sendFrontendByGrpc(otlpGrpcUrl(e)), signals.sendBackendByHttp(e.otlpHttp)]);
	await Promise.all([signals.sendLog(e.otlpHttp), signals.sendMetric(e.otlpHttp)]);
	const traced = async () => {
		const { trace } = await json<{ trace?: object }>(`${e.tempo}/api/v2/traces/${signals.traceId}`);
		expect(JSON.stringify(trace).split('"spanId"').length - 1).toBe(signals.spans);
	};
	const measured = async () =>
		expect(await prometheusValue(e.prometheus, `max(${gauge.prometheus})`)).toBe(signals.value);
	const query = `{service_name=~".+"} | trace_id="${signals.traceId}"`;
	const logged = async () => {
		const { data } = await json<{ data: { result: unknown[] } }>(
			withQuery(`${e.loki}/loki/api/v1/query_range`, { query, start: epoch(-3600), end: epoch(60) }),
		);
		expect(data.result).toHaveLength(1);
	};
	for (const there of [traced, logged, measured]) await until(30, there);
	await silence();
	// Else chunks wait in its log.
	await fetch(`${e.loki}/flush`, { method: "POST" });

	await Promise.all(
		tasks.map(async (task) => {
			await fargate.end(task, onEfs.includes(task) ? "stop" : "kill");
			await fargate.start(task, published[task]);
		}),
	);
	await ready();

	for (const there of [traced, logged]) await until(30, there);
	expect(await json<unknown[]>(`${e.alertmanager}/api/v2/silences`)).toHaveLength(1);
	expect(await grafana<{ uid: string }[]>(e, "/api/search?type=dash-db")).toHaveLength(e.dashboards.length);
	await expect(measured()).rejects.toThrow();
});

it("whatever the tasks asked S3 for, their roles allow", async () => {
	const logged = async () =>
		readAccessLog(await fargate.logs("s3")).filter(({ requester }) => tasks.includes(requester));
	// Otherwise not everything that they do is in the log.
	const expected = [
		/^tempo s3:PutObject .*store-id\/tempo\/.*\/meta\.json$/,
		/^loki s3:PutObject .*store-id\/loki\/fake\//,
		/^loki s3:PutObject .*store-id\/loki\/index\//,
		...tasks.map((task) => new RegExp(`^${task} s3:GetObject .*configuration-id/${task}/`)),
	];
	await until(60, async () => {
		const did = (await logged()).map(({ requester, request }) => `${requester} ${request.action} ${request.resource}`);
		for (const one of expected) expect([...new Set(did)]).toContainEqual(expect.stringMatching(one));
	});
	const asked = await logged();
	const refused: Logged[] = [];
	const open: Logged[] = [];
	for (const one of distinct(asked)) {
		if (!(await isAllowedToTask(one))) refused.push(one);
		const requester = one.requester === "tempo" ? "loki" : "tempo";
		if (await isAllowedToTask({ ...one, requester })) open.push(one);
	}
	expect(refused).toEqual([]);
	expect(open, "what another's role allows as well").toEqual([]);
});

/** What the program has Grafana show, put there by hand: no engine runs. */
async function fillGrafana(): Promise<void> {
	const post = (path: string, body: unknown) => grafana(e, path, { method: "POST", body: JSON.stringify(body) });
	for (const { inputs } of ofType(resources, "grafana:oss/folder:Folder"))
		await post("/api/folders", { uid: inputs.uid, title: inputs.title });
	for (const { inputs } of ofType(resources, "grafana:oss/dataSource:DataSource"))
		await post("/api/datasources", {
			...{ uid: inputs.uid, name: inputs.name, type: inputs.type, url: inputs.url, access: "proxy" },
			...{ isDefault: inputs.isDefault, jsonData: JSON.parse(inputs.jsonDataEncoded as string) },
		});
	for (const { inputs } of ofType(resources, "grafana:oss/dashboard:Dashboard"))
		await post("/api/dashboards/db", {
			...{ dashboard: JSON.parse(inputs.configJson as string), folderUid: inputs.folder, overwrite: true },
		});
}

/** Another threshold, as an `up` would put it there. */
async function changeRules(): Promise<void> {
	const key = "prometheus/live/etc/prometheus/rules/thresholds.yaml";
	const rules = resources.find(({ inputs }) => inputs.key === key)?.inputs.content as string;
	startedBefore = await processStarted();
	await fargate.volume("deploy", { [key]: { text: rules.replace(/vector\([^)]+\)/, "vector(0.4321)") } });
	await deploy(fargate);
}

/** When Prometheus began, as Docker says. */
async function processStarted(): Promise<string> {
	const { stdout } = await execa("docker", [
		"inspect",
		"--format",
		"{{.State.StartedAt}}",
		fargate.container("prometheus"),
	]);
	return stdout;
}

async function silence(): Promise<void> {
	const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
	await json(`${e.alertmanager}/api/v2/silences`, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({
			matchers: [{ name: "alertname", value: "Any", isRegex: false }],
			...{ startsAt: at(0), endsAt: at(3600), createdBy: "test", comment: "kept" },
		}),
	});
}

/** Waits until every task does its job. */
async function ready(): Promise<void> {
	const paths = {
		[`${e.alertmanager}/-/ready`]: "alertmanager",
		[`${e.grafana}/api/health`]: "grafana",
		[`${e.loki}/ready`]: "loki",
		[`${e.prometheus}/-/ready`]: "prometheus",
		[`${e.tempo}/ready`]: "tempo",
	};
	await Promise.all(
		Object.entries(paths).map(([url, task]) =>
			until(120, async () => {
				const { ok, status } = await fetch(url, { signal: AbortSignal.timeout(2000) });
				if (!ok) throw new Error(`${task} answers ${status}`);
			}).catch(async (error: Error) => {
				throw new Error(`${error.message}\n${(await fargate.logs(task)).split("\n").slice(-15).join("\n")}`);
			}),
		),
	);
}

async function isAllowedToTask({ requester, request }: Logged): Promise<boolean> {
	const policyOf = (type: string, of: string) => JSON.parse(one(resources, type, of).inputs.policy as string);
	const bucket = /^arn:aws:s3:::(\w+)-id/.exec(request.resource)?.[1] ?? "";
	return isAllowed(
		request,
		policyOf("aws:iam/rolePolicy:RolePolicy", `${requester}-task`),
		policyOf("aws:s3/bucketPolicy:BucketPolicy", bucket),
	);
}

function distinct(all: Logged[]): Logged[] {
	return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
}
