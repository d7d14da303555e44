// What is secret in a state, and that nothing of it is shown.

import { describe, expect, it } from "vitest";
import { type Finding, masked } from "../../cli/drift/finding.ts";
import { markdown } from "../../cli/drift/markdown.ts";
import { makeReport } from "../../cli/drift/report.ts";
import { hide, isSecretFile, isSecretVariable, narrowed, secretTexts } from "../../cli/drift/secrets.ts";
import { text } from "../../cli/drift/text.ts";
import { isSecret, revealed } from "../../cli/state.ts";
import { platform } from "../../components/platform.ts";
import { parseSettings } from "../../settings.ts";

const guarded = { access: { token: true, tls: "generated" } };
const destination = { name: "x", endpoint: "https://x.example.com", headers: { authorization: "hunter2hunter2" } };
const receivers = [
	{ type: "webhook", name: "hook", url: "https://example.com", token: "hunter2hunter2" },
	{ type: "slack", name: "chat", webhookUrl: "https://hooks.slack.com/services/hunter2" },
	{ type: "pagerduty", name: "oncall", routingKey: "hunter2hunter2hunter2hunter2hunt" },
];
const s3 = { backend: "s3", bucket: "acme", endpoint: "s3:7070", accessKeyId: "me", secretAccessKey: "hunter2hunter2" };

it.each([
	["a token, TLS and a destination", { ...guarded, destinations: [destination] }],
	["receivers", { receivers }],
	["the stack's own S3 server", { storage: { backend: "s3" } }],
	["S3", { storage: s3 }],
	["Azure", { storage: { backend: "azure", container: "traces", account: "acme", accountKey: "hunter2" } }],
	["GCS", { storage: { backend: "gcs", bucket: "acme", serviceAccountKey: "{}" } }],
])("what is secret says so by its name: %s", (_, raw) => {
	const settings = parseSettings(raw, { project: "tracestack", name: "dev" });
	const made = { token: "a", metricsPassword: "b", certificate: "c", key: "d", ca: "e" };
	const workloads = platform(settings, (host, port) => `${host}:${port}`, {
		password: "x",
		storeKey: "y",
		access: made,
	});
	const secrets = workloads.flatMap((workload) => workload.secrets.map(({ as }) => as));
	const unmarked = secrets.filter((as) => ("file" in as ? !isSecretFile(as.file) : !isSecretVariable(`${as.env}=x`)));
	expect(secrets.length).toBeGreaterThan(0);
	expect(unmarked).toEqual([]);
	// And nothing else does: it would be hidden from a reviewer.
	const plain = workloads.flatMap(({ files, env }) => [
		...Object.keys(files).filter(isSecretFile),
		...Object.entries(env).flatMap(([name, value]) => (isSecretVariable(`${name}=${value}`) ? [name] : [])),
	]);
	expect(plain).toEqual([]);
});

const edit: Finding = {
	kind: "drifted",
	component: "grafana",
	subject: "dashboard services",
	action: "update",
	severity: "cosmetic",
	stateful: false,
	changes: [],
};

describe("secrets", () => {
	const mark = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };
	const secret = (value: unknown) => ({ ...mark, plaintext: JSON.stringify(value) });
	const state = {
		password: secret("hunter2hunter2"),
		uploads: [{ file: "/key", content: secret("-----BEGIN-----\nMIIabcdef\n-----END-----\n") }],
		nested: secret({ headers: { authorization: "Bearer tokentoken" }, on: true, short: "ab" }),
		plain: "tempo",
	};

	it("of a state are readable for comparing, and masked for showing", () => {
		expect(isSecret(state.password)).toBe(true);
		expect(revealed<typeof state>(state).uploads[0]?.content).toContain("MIIabcdef");
	});

	it("are only those of a list that are, where the engine hides all of it because of one", () => {
		const files = [
			{ file: "/etc/grafana/grafana.ini", content: "[server]\nhttp_port = 3000" },
			{ file: "/etc/grafana/secrets/admin-password", content: "hunter2hunter2" },
		];
		const envs = ["LOG_LEVEL=warning", "ROOT_SECRET_ACCESS_KEY=0123456789", "PASSWORD=$__file{/a/b}"];
		const [grafana, store] = narrowed([{ uploads: secret(files) }, { envs: secret(envs) }]);
		expect(grafana).toEqual({ uploads: [files[0], { file: files[1]?.file, content: secret("hunter2hunter2") }] });
		expect(store).toEqual({ envs: [envs[0], secret(envs[1]), envs[2]] });
		expect(secretTexts([grafana])).toEqual(["hunter2hunter2"]);
		expect(narrowed(state)).toEqual(state);
	});

	it("are hidden wherever a look has put them: in a text, a key, a line of several", () => {
		const texts = secretTexts(state);
		expect(texts).not.toContain("ab");
		const leaky: Finding = {
			...edit,
			subject: "url http://u:hunter2hunter2@x",
			changes: [{ path: "MIIabcdef", from: { "Bearer tokentoken": 1 }, to: ["hunter2hunter2"] }],
		};
		const told = JSON.stringify(hide([leaky], texts));
		expect(told).not.toMatch(/hunter2|MIIabc|tokentoken/);
		expect(told).toContain(`http://u:${masked}@x`);
	});

	it("have company that is none: the name of the key to the stack's own store is this program's as well", () => {
		const key = { accessKeyId: "tracestack", secretAccessKey: "0123456789" };
		const texts = secretTexts({ reports: secret(key) });
		expect(hide("./tracestack status 0123456789", texts)).toBe(`./tracestack status ${masked}`);
	});

	it("that changed are told as changed, without a value", () => {
		const found = { ...edit, changes: [{ path: "auth", from: masked, to: masked }] };
		const changed = makeReport("dev", { findings: [found], failed: [] });
		expect(markdown(changed)).toContain("`auth` (a secret)");
		expect(markdown(changed)).toContain("! auth: a secret changed");
		expect(text(changed)).toContain("auth: a secret changed");
	});
});
