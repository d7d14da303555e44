// The task definitions that a stack in production would register, run on local Docker. Nothing of AWS is asked.

import { createServer, type Server } from "node:https";
import { afterAll, beforeAll, expect, it } from "vitest";
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
import { verify } from "../../cli/verify/verify.ts";
import { readCatalogue } from "../../settings/catalogue.ts";
import { selfSigned } from "../certificate.ts";
import { isAllowed, type Logged, readAccessLog } from "../iam.ts";
import { awsStack, region } from "../unit/aws-stack.ts";
import { ofType, one, type Recorded } from "../unit/mocks.ts";
import { bridgeAddress } from "./beside.ts";
import { Fargate, type OwnedFile } from "./tasks.ts";

const name = "e2e-aws-tasks";
const images = process.env.TRACESTACK_IMAGES;
const tasks = ["alertmanager", "collector", "grafana", "loki", "prometheus", "tempo"];
/** What is killed may lose what it has not written yet: docs/durability.md. */
const onEfs = ["alertmanager", "loki", "tempo"];
const s3 = `s3.${region}.amazonaws.com`;
const amp = `aps-workspaces.${region}.amazonaws.com`;
const objectType = "aws:s3/bucketObjectv2:BucketObjectv2";

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
let resources: Recorded[];
let e: Endpoints;
let longTerm: Server;
/** What Prometheus has sent there, as it was signed. */
const remoteWrites: { url: string; authorization: string }[] = [];

beforeAll(async () => {
	const catalogue = readCatalogue(images ?? "configs/versions.yaml");
	const image = (service: string) => catalogue[service]?.image ?? "";
	const hosts = [s3, `*.${s3}`, "database.rds.amazonaws.com", amp];
	const { certificate, key } = await selfSigned(hosts.map((host) => `DNS:${host}`));
	const bridge = await bridgeAddress();
	longTerm = createServer({ cert: certificate, key }, (request, response) => {
		remoteWrites.push({ url: request.url ?? "", authorization: request.headers.authorization ?? "" });
		request.resume().on("end", () => response.writeHead(200).end());
	});
	await new Promise<void>((resolve) => longTerm.listen(0, bridge, resolve));
	const { port } = longTerm.address() as { port: number };

	const stack = await awsStack(
		"prod",
		{ size: "small", access: { token: true } },
		{
			images,
			outputs: {
				"aws:amp/workspace:Workspace": { prometheusEndpoint: `https://${amp}:${port}/workspaces/ws-1/` },
			},
		},
	);
	resources = stack.resources;
	fargate = new Fargate({
		name,
		resources,
		busybox: image("busybox"),
		standIn: {
			env: (task) => ({
				...keyOf(task),
				AWS_REGION: region,
				AWS_CA_BUNDLE: "/stand-in/ca.pem",
				SSL_CERT_FILE: "/stand-in/ca.pem",
			}),
			mounts: [`type=volume,src=${name}-stand-in,dst=/stand-in,readonly`],
			hosts: [`${amp}:${bridge}`],
		},
	});
	await fargate.create();

	const buckets = ["configuration-id", "store-id"];
	const accounts = tasks.map((task) => [
		task,
		{ access: task, secret: keyOf(task).AWS_SECRET_ACCESS_KEY, role: "admin", userID: 0, groupID: 0, projectID: 0 },
	]);
	const objects = ofType(resources, objectType).map(({ inputs }): [string, OwnedFile] => [
		inputs.key as string,
		{ text: inputs.content as string },
	]);
	await Promise.all([
		fargate.volume("stand-in", {
			"ca.pem": { text: certificate },
			"cert.pem": { text: certificate },
			// PostgreSQL wants it to be its own.
			"key.pem": { text: key, uid: 999, mode: 0o600 },
		}),
		fargate.volume("s3-data", Object.fromEntries(buckets.map((bucket) => [`${bucket}/.keep`, { text: "" }]))),
		fargate.volume("s3-iam", {
			"users.json": { text: JSON.stringify({ accessAccounts: Object.fromEntries(accounts) }) },
		}),
		fargate.volume("deploy", Object.fromEntries(objects)),
	]);
	const standIn = ["--mount", `type=volume,src=${name}-stand-in,dst=/stand-in,readonly`];
	const tls = ["--cert", "/stand-in/cert.pem", "--key", "/stand-in/key.pem"];
	await Promise.all([
		fargate.service(
			"s3",
			[s3, ...buckets.map((bucket) => `${bucket}.${s3}`)],
			[
				...standIn,
				...["--volume", `${name}-s3-data:/data`, "--volume", `${name}-s3-iam:/iam`, "--user", "0:0"],
				...["--env", "ROOT_ACCESS_KEY_ID=deployer", "--env", "ROOT_SECRET_ACCESS_KEY=secret-of-deployer"],
			],
			image("objectstore"),
			[
				...["--port", ":443", ...tls, "--region", region, "--virtual-domain", s3, "--iam-dir", "/iam"],
				...["--quiet", "--access-log", "stdout", "posix", "/data"],
			],
		),
		fargate.service(
			"database",
			["database.rds.amazonaws.com"],
			[
				...standIn,
				...["--env", "POSTGRES_USER=tracestack", "--env", "POSTGRES_DB=grafana"],
				...["--env", "POSTGRES_PASSWORD=secret-of-database"],
			],
			image("postgres"),
			["-c", "ssl=on", "-c", "ssl_cert_file=/stand-in/cert.pem", "-c", "ssl_key_file=/stand-in/key.pem"],
		),
	]);
	await until(60, () => deploy());
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
});

afterAll(async () => {
	longTerm?.close();
	await fargate?.remove();
});

it("every task starts from its files in S3, and verify holds every link", async () => {
	await fillGrafana();
	const results = await verify(e);
	expect(results.filter(({ ok }) => !ok)).toEqual([]);
	expect(results.length).toBeGreaterThan(12);
});

it("Prometheus writes to the long term as its role, signed", async () => {
	await until(30, async () => expect(remoteWrites.length).toBeGreaterThan(0));
	expect(remoteWrites[0]?.url).toBe("/workspaces/ws-1/api/v1/remote_write");
	expect(remoteWrites[0]?.authorization).toMatch(
		new RegExp(`^AWS4-HMAC-SHA256 Credential=prometheus/\\d{8}/${region}/aps/aws4_request`),
	);
});

it("rules that change in S3 reach Prometheus in the task that it has", async () => {
	const key = "prometheus/live/etc/prometheus/rules/thresholds.yaml";
	const rules = resources.find(({ inputs }) => inputs.key === key)?.inputs.content as string;
	const started = await prometheusValue(e.prometheus, 'process_start_time_seconds{job="prometheus"}');
	await fargate.volume("deploy", { [key]: { text: rules.replace(/vector\([^)]+\)/, "vector(0.4321)") } });
	await deploy();
	await until(90, async () => expect(JSON.stringify(await json(`${e.prometheus}/api/v1/rules`))).toContain("0.4321"));
	expect(await prometheusValue(e.prometheus, 'process_start_time_seconds{job="prometheus"}')).toBe(started);
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
	const own = async () => {
		const all = readAccessLog(await fargate.logs("s3")).filter(({ requester }) => tasks.includes(requester));
		// Otherwise not everything that they do is in the log.
		const did = (task: string, action: string, what: RegExp) =>
			all.some(
				({ requester, request }) => requester === task && request.action === action && what.test(request.resource),
			);
		expect(did("tempo", "s3:PutObject", /store-id\/tempo\/.*meta\.json/)).toBe(true);
		expect(did("loki", "s3:PutObject", /store-id\/loki\/fake\//)).toBe(true);
		expect(did("loki", "s3:PutObject", /store-id\/loki\/index\//)).toBe(true);
		for (const task of tasks) expect(did(task, "s3:GetObject", new RegExp(`configuration-id/${task}/`))).toBe(true);
		return all;
	};
	const asked = await until(60, own);
	const refused: Logged[] = [];
	for (const one of distinct(asked)) if (!(await isAllowedToTask(one))) refused.push(one);
	expect(refused).toEqual([]);
});

/** Puts what the program would have put into S3. */
async function deploy(): Promise<void> {
	await fargate.once(
		"deploy",
		[
			...["--mount", `type=volume,src=${name}-stand-in,dst=/stand-in,readonly`],
			...["--volume", `${name}-deploy:/deploy:ro`, "--env", "AWS_CA_BUNDLE=/stand-in/ca.pem"],
			...["--env", "AWS_ACCESS_KEY_ID=deployer", "--env", "AWS_SECRET_ACCESS_KEY=secret-of-deployer"],
			...["--env", `AWS_REGION=${region}`],
		],
		readCatalogue(images ?? "configs/versions.yaml").awscli?.image ?? "",
		["s3", "cp", "--recursive", "--only-show-errors", "/deploy", "s3://configuration-id/"],
	);
}

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

function keyOf(task: string) {
	return { AWS_ACCESS_KEY_ID: task, AWS_SECRET_ACCESS_KEY: `secret-of-${task}` };
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
