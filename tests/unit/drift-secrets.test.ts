// The state does not say which file of a list is the secret one: its name has to.

import { expect, it } from "vitest";
import { isSecretFile, isSecretVariable } from "../../cli/drift/secrets.ts";
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
