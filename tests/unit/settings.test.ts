import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { portPresets } from "../../settings/ports.ts";
import { parseSettings } from "../../settings.ts";
import { dev, type Mistake, messageOf, onAws, refused, testMistakes } from "./mistakes.ts";

const langfuse = { name: "langfuse", endpoint: "https://langfuse.example.com/api/public/otel" };
const s3 = { backend: "s3", bucket: "traces", endpoint: "s3.example" };
const hosts = ["otel.acme.example", "192.0.2.1"];
const temporal = { endpoint: "http://temporal:7243" };
const scrape = { job: "app", targets: ["app:8080"] };
const webhook = { type: "webhook", name: "audit", url: "https://example.com" };
const email = { type: "email", name: "mail", to: "a@b.example", from: "c@d.example", smarthost: "mail:25" };

const mistakes: Mistake[] = [
	[{ target: "moon" }, "target", 'is "moon" allowed: docker, aws'],
	[{ target: "dokcer" }, "target", "did you mean docker?"],
	[{ target: null }, "target", "is null"],
	[{ size: "huge" }, "size", "allowed: small, medium, large"],
	[{ size: "Large" }, "size", "did you mean large?"],
	[{ namePrefix: "My Stack" }, "namePrefix", "lower-case letters"],
	[{ namePrefix: "-x" }, "namePrefix", 'is "-x"'],
	[{ namePrefix: "x".repeat(41) }, "namePrefix", "up to 40"],
	[{ bindAddress: "localhost" }, "bindAddress", "an IPv4 address"],
	[{ bindAddress: "::1" }, "bindAddress", 'is "::1"'],
	[{ bindAddress: "256.0.0.1" }, "bindAddress", "an IPv4 address"],
	[{ bindAddress: "0.0.0.0", access: { tls: "generated", hosts } }, "access.token", "is false while bindAddress is"],
	[{ bindAddress: "192.0.2.1", access: { token: true } }, "access.tls", 'is "none" while bindAddress is 192.0.2.1'],
	[{ bindAddress: "0.0.0.0", access: { token: true, tls: "generated" } }, "access.hosts", "a certificate needs names"],
	[{ access: { tls: "none", certificate: "x" } }, "access.certificate", "is not used set access.tls to own"],
	[{ access: { tls: "own", certificate: "x" } }, "access.key", "is missing"],
	[{ access: { tls: "own", certificate: "x", key: "hunter2" } }, "access.certificate", "can't be read allowed: PEM"],
	[{ access: { tls: "on" } }, "access.tls", 'is "on" allowed: none, generated, own'],
	[{ access: { hosts: ["https://a"] } }, "access.hosts[0]", "a host name or an IPv4 address"],
	[{ collector: { instances: { max: 2 } } }, "collector.instances.max", "is 2, and Docker runs one allowed: 1"],
	[{ collector: { instances: { min: 2 } } }, "collector.instances.max", "is 1, less than min, which is 2"],
	[{ collector: { instances: { min: 0 } } }, "collector.instances.min", "a whole number from 1 to 50"],
	[{ access: { tokens: true } }, "access.tokens", "did you mean tracestack:access.token?"],
	[{ ports: 3000 }, "ports", "an object with preset, grafana"],
	[{ ports: { grafana: 70000 } }, "ports.grafana", "is 70000 allowed: a port from 1 to 65535"],
	[{ ports: { grafana: 0 } }, "ports.grafana", "is 0"],
	[{ ports: { grafana: 3000.5 } }, "ports.grafana", "is 3000.5"],
	[{ ports: { grafana: "3000" } }, "ports.grafana", 'is "3000"'],
	[{ ports: { grafanna: 3001 } }, "ports.grafanna", "is no setting did you mean tracestack:ports.grafana?"],
	[{ ports: { jaeger: 16686 } }, "ports.jaeger", "there are: preset, grafana"],
	[{ ports: { preset: "jaeger" } }, "ports.preset", "allowed: default, beside-jaeger"],
	[{ ports: { tempo: 3000 } }, "ports", "has 3000 for both grafana and tempo"],
	[
		{ ports: { preset: "beside-jaeger", tempoOtlpHttp: 4319 } },
		"ports",
		"has 4319 for both otlpHttp and tempoOtlpHttp",
	],
	[{ images: "" }, "images", "allowed: a file"],
	[{ images: 3 }, "images", "is 3"],
	[{ tempo: [] }, "tempo", "an object with retention"],
	[{ tempo: { retention: "2w" } }, "tempo.retention", "hours or days, such as 36h or 14d"],
	[{ tempo: { retention: 336 } }, "tempo.retention", "is 336"],
	[{ tempo: { retention: "0h" } }, "tempo.retention", 'is "0h"'],
	[{ tempo: { retension: "1h" } }, "tempo.retension", "did you mean tracestack:tempo.retention?"],
	[{ tempo: { compactedRetention: "" } }, "tempo.compactedRetention", 'is ""'],
	[{ tempo: { retention: "2d", backfill: "49h" } }, "tempo.backfill", "is 49h, longer than tempo.retention"],
	[{ storage: "s3" }, "storage", "an object whose backend is one of local, s3, gcs, azure"],
	[{ storage: {} }, "storage.backend", "is missing allowed: local, s3, gcs, azure"],
	[{ storage: { backend: "s4" } }, "storage.backend", 'is "s4" allowed: local, s3, gcs, azure'],
	[{ storage: { backend: "s3", bucket: "b-1" } }, "storage.endpoint", "is missing: only Docker has"],
	[{ storage: { backend: "s3", endpoint: "s3" } }, "storage.bucket", "is missing: only the stack's own"],
	[{ storage: { ...s3, secretAccessKey: "a" } }, "storage.accessKeyId", "is missing: a key has two parts"],
	[{ storage: { ...s3, prefix: "a/b" } }, "storage.prefix", "letters, digits and single hyphens"],
	[{ storage: { backend: "s3" }, ports: { tempo: 7070 } }, "ports", "has 7070 for both tempo and objectStore"],
	[{ storage: { ...s3, bucket: "Traces" } }, "storage.bucket", "lower-case"],
	[{ storage: { ...s3, endpoint: "http://s3" } }, "storage.endpoint", "a host, or host:port"],
	[{ storage: { ...s3, endpoint: "s3:70000" } }, "storage.endpoint", "a host, or host:port"],
	[{ storage: { ...s3, bukket: "x" } }, "storage.bukket", "did you mean tracestack:storage.bucket?"],
	[{ storage: { ...s3, accessKeyId: "a" } }, "storage.secretAccessKey", "is missing"],
	[{ storage: { ...s3, insecure: "yes" } }, "storage.insecure", "allowed: true, false"],
	[{ storage: { backend: "gcs" } }, "storage.bucket", "is missing"],
	[{ storage: { backend: "azure", container: "abc", account: "A" } }, "storage.account", "3 to 24"],
	[{ collector: { queueMiB: 0 } }, "collector.queueMiB", "is 0 allowed: MiB, a whole number from 1"],
	[{ collector: { jaeger: "yes" } }, "collector.jaeger", 'is "yes" allowed: true, false'],
	[{ collector: { zipkn: true } }, "collector.zipkn", "did you mean tracestack:collector.zipkin?"],
	[{ collector: { zipkin: true }, ports: { tempo: 9411 } }, "ports", "has 9411 for both tempo and zipkin"],
	[
		{ collector: { jaeger: true }, ports: { preset: "beside-jaeger", jaegerGrpc: 14368 } },
		"ports",
		"has 14368 for both jaegerGrpc and jaegerThriftHttp",
	],
	[{ redaction: { values: ["("] } }, "redaction.values[0]", 'is "(" allowed: a regular expression'],
	[{ redaction: { values: ["a(?=b)"] } }, "redaction.values[0]", "without (?=, (?!, (?<,"],
	[{ redaction: { values: ["a{1001}"] } }, "redaction.values[0]", "as RE2 has them"],
	[{ redaction: { values: ["\\u00fc"] } }, "redaction.values[0]", "as RE2 has them"],
	[{ redaction: { keys: ["[^]"] } }, "redaction.keys[0]", "as RE2 has them"],
	[{ redaction: { keys: "ssn" } }, "redaction.keys", "a list of regular expressions"],
	[{ destinations: [{ ...langfuse, name: "Lang Fuse" }] }, "destinations[0].name", "lower-case letters, digits"],
	[{ destinations: [{ ...langfuse, endpoint: "langfuse:443" }] }, "destinations[0].endpoint", "a URL, such as"],
	[{ destinations: [{ name: "a" }] }, "destinations[0].endpoint", "is missing allowed: a URL"],
	[{ destinations: [{ ...langfuse, endpoint: "http://a:99999" }] }, "destinations[0].endpoint", "allowed: a URL"],
	[{ destinations: [{ ...langfuse, protocol: "grpc" }] }, "destinations[0].endpoint", "and gRPC has no path"],
	[{ destinations: [langfuse, langfuse] }, "destinations[1].name", "which another destination is called already"],
	[{ destinations: [{ ...langfuse, signals: [] }] }, "destinations[0].signals", "a list of traces, metrics, logs"],
	[{ destinations: [{ ...langfuse, headers: { a: 77 } }] }, "destinations[0].headers.a", "is [secret]"],
	[{ metrics: { retention: "forever" } }, "metrics.retention", "hours or days"],
	[{ logs: { enabled: "no" } }, "logs.enabled", 'is "no" allowed: true, false'],
	[{ logs: { retention: "23h" } }, "logs.retention", "at least 24h"],
	[{ grafana: { adminUser: "" } }, "grafana.adminUser", "a name without colon"],
	[{ grafana: { adminUser: "a:b" } }, "grafana.adminUser", 'is "a:b"'],
	[{ grafana: { plugins: ["grafana-clock-panel"] } }, "grafana.plugins[0]", "a plugin's id and version"],
	[{ grafana: { plugins: "a-b@1.0.0" } }, "grafana.plugins", "a list of id@version"],
	[{ packs: ["platfrom"] }, "packs[0]", "did you mean platform?"],
	[{ packs: "platform" }, "packs", "a list of folders"],
	[{ scrapes: [{ job: "app" }] }, "scrapes[0].targets", "is missing"],
	[{ scrapes: [{ ...scrape, targets: ["http://app"] }] }, "scrapes[0].targets[0]", "allowed: host:port"],
	[{ scrapes: [{ ...scrape, targets: ["app:99999"] }] }, "scrapes[0].targets[0]", "the port from 1 to 65535"],
	[{ scrapes: [{ ...scrape, targets: ["app:0"] }] }, "scrapes[0].targets[0]", "the port from 1 to 65535"],
	[{ scrapes: [{ ...scrape, job: "tempo" }] }, "scrapes[0].job", "another job is called already"],
	[{ scrapes: [scrape, scrape] }, "scrapes[1].job", 'is "app"'],
	[{ archive: { enabled: "yes" } }, "archive.enabled", 'is "yes" allowed: true, false'],
	[{ archive: { retention: "12h" } }, "archive.retention", "at least 24h"],
	[
		{ archive: { database: "postgres://host/name" } },
		"archive.database",
		"is [secret] allowed: postgres://user:password@",
	],
	[{ archive: { database: "postgres://u:p@host/name?sslmode=prefer" } }, "archive.database", "is [secret]"],
	[{ archive: { database: "postgres://u:%zz@host/name" } }, "archive.database", "is [secret]"],
	[{ archive: { ca: "PEM" } }, "archive.ca", "is not used it is for a server of your own"],
	[{ archive: { ca: "PEM", database: "postgres://u:p@host/name" } }, "archive.ca", "with ?sslmode=verify-full"],
	[
		{ archive: { ca: "PEM", database: "postgres://u:p@host/name?sslmode=verify-full" } },
		"archive.ca",
		"can't be read allowed: PEM",
	],
	[{ archive: { queueMiB: 0 } }, "archive.queueMiB", "is 0 allowed: MiB, a whole number from 1"],
	[{ archive: { enabled: true }, ports: { tempo: 15432 } }, "ports", "has 15432 for both tempo and postgres"],
	[
		{ archive: { enabled: true }, scrapes: [{ ...scrape, job: "otel-worker" }] },
		"scrapes[0].job",
		"another job is called already",
	],
	[{ packs: ["archive"] }, "packs[0]", "comes with archive.enabled: leave it out"],
	[{ temporal: {} }, "temporal.endpoint", "is missing allowed: a URL"],
	[{ temporal: { endpoint: "temporal:7233" } }, "temporal.endpoint", "a URL, such as"],
	[{ temporal: { ...temporal, namespaces: [] } }, "temporal.namespaces", "at least one"],
	[{ temporal: { ...temporal, namespaces: ["a", "a"] } }, "temporal.namespaces", "each once"],
	[{ temporal: { ...temporal, intervalSeconds: 1 } }, "temporal.intervalSeconds", "seconds, from 5 to 120"],
	[{ temporal: { ...temporal, apiKey: 77 } }, "temporal.apiKey", "is [secret]"],
	[{ temporal: { ...temporal, metrics: "a" } }, "temporal.metrics", "host:port"],
	[{ temporal, ports: { tempo: 13233 } }, "ports", "has 13233 for both tempo and temporalPoller"],
	[
		{ temporal: { ...temporal, metrics: "a:1" }, scrapes: [{ ...scrape, job: "temporal" }] },
		"scrapes[0].job",
		"another job is called already",
	],
	[{ scrapes: [{ ...scrape, interval: "1h" }] }, "scrapes[0].interval", "seconds or minutes"],
	[{ scrapes: [{ ...scrape, path: "metrics" }] }, "scrapes[0].path", "begins with /"],
	[{ scrapes: [{ ...scrape, job: "tempo-usage" }] }, "scrapes[0].job", "another job is called already"],
	[{ receivers: [{ type: "sms", name: "me" }] }, "receivers[0].type", "webhook, slack, pagerduty, email"],
	[{ receivers: [{ ...webhook, url: "example.com" }] }, "receivers[0].url", "a URL, such as"],
	[{ receivers: [{ ...webhook, url: "http://a:70000/" }] }, "receivers[0].url", "a URL, such as"],
	[{ receivers: [{ ...webhook, severities: ["fatal"] }] }, "receivers[0].severities[0]", "critical, warning, info"],
	[{ receivers: [webhook, webhook] }, "receivers[1].name", "another receiver is called already"],
	[{ receivers: [{ type: "slack", name: "team" }] }, "receivers[0].webhookUrl", "is missing"],
	[{ receivers: [{ type: "pagerduty", name: "on", routingKey: "" }] }, "receivers[0].routingKey", "is [secret]"],
	[{ receivers: [{ ...email, username: "me" }] }, "receivers[0].password", "is missing: a login has two parts"],
	[{ receivers: [{ ...email, password: "hush" }] }, "receivers[0].username", "is missing: a login has two parts"],
	[{ receivers: [{ ...email, smarthost: "mail:99999" }] }, "receivers[0].smarthost", "the port from 1 to 65535"],
	[{ alerts: { errorRatio: 5 } }, "alerts.errorRatio", "a number from 0 to 1"],
	[{ alerts: { silence: "1h" } }, "alerts.silence", "minutes, such as 15m"],
	[{ services: [{ name: "a" }, { name: "a" }] }, "services[1].name", "another service is called already"],
	[{ sampling: { percent: 0 } }, "sampling.percent", "a number above 0, up to 100"],
	[
		{
			sampling: {
				tail: {
					percent: 1,
					attributes: [
						{ name: "a", values: ["b"] },
						{ name: "a", values: ["c"] },
					],
				},
			},
		},
		"sampling.tail.attributes",
		"each once",
	],
	[{ spanMetrics: { dimensions: ["tier", "tier"] } }, "spanMetrics.dimensions", "a list of attributes, each once"],
	[{ spanMetrics: { dimensions: ["service.name"] } }, "spanMetrics.dimensions", "which are labels anyway"],
	[{ drift: { ignore: [{ subject: "container" }] } }, "drift.ignore[0].reason", "is missing"],
	[{ drift: { ignore: [{ subject: "*", reason: " " }] } }, "drift.ignore[0].reason", "a text that is not empty"],
	[{ sampling: { tail: {} } }, "sampling.tail.percent", "is missing"],
	[{ sampling: { tail: { percent: 1, slowerThan: "2m" } } }, "sampling.tail.slowerThan", "seconds or milliseconds"],
	[{ sampling: { tail: { percent: 1, waitSeconds: 3600 } } }, "sampling.tail.waitSeconds", "from 1 to 300"],
	[{ logLevel: "verbose" }, "logLevel", "allowed: debug, info, warn, error"],
	[{ loglevel: "info" }, "loglevel", "did you mean tracestack:logLevel?"],
	[{ colour: "red" }, "colour", "there are: target, size"],
];

describe("a mistake names its key, its value, what is allowed and what was meant", () => testMistakes(mistakes));

describe("settings", () => {
	it("have a default for everything", () => {
		const settings = parseSettings({}, dev);
		expect(settings).toMatchObject({
			target: "docker",
			size: "medium",
			namePrefix: "tracestack-dev",
			bindAddress: "127.0.0.1",
			access: { token: false, tls: "none", hosts: [] },
			ports: portPresets.default,
			tempo: { retention: "336h", compactedRetention: "1h", backfill: "6h" },
			storage: { backend: "local" },
			metrics: { retention: "360h" },
			logs: { enabled: true, retention: "168h" },
			packs: [{ name: "platform" }],
			scrapes: [],
		});
		expect(settings.image("tempo").image).toBe("grafana/tempo:3.0.3");
	});

	it("of a stack on AWS that says nothing of storage ask for a bucket, and for what they say otherwise", () => {
		const stored = (more: object) => parseSettings({ ...onAws({}), ...more }, dev).storage;
		expect(stored({})).toEqual(stored({ storage: { backend: "s3" } }));
		expect(stored({})).toMatchObject({ backend: "s3" });
		expect(stored({ storage: { backend: "local" } })).toEqual({ backend: "local" });
	});

	it("let a stack on Docker name its own machine, and one on AWS hosts that only begin like it", () => {
		const of = (raw: object, host: string) =>
			parseSettings({ ...raw, destinations: [{ name: "a", endpoint: `http://${host}:4318` }] }, dev).destinations;
		expect(of({}, "host.docker.internal")).toHaveLength(1);
		expect(of(onAws({}), "localhost.example.com")).toHaveLength(1);
	});

	it("show all mistakes at once, whatever kind they are", () => {
		const message = refused({
			target: "moon",
			ports: { grafana: 70000, grafanna: 1, tempo: 3100 },
			logs: { retention: "1h" },
			packs: ["nope"],
			colour: "red",
		});
		expect(message).toContain("Pulumi.dev.yaml has 7 mistakes");
		for (const key of ["target", "ports.grafana", "ports.grafanna", "ports", "logs.retention", "packs[0]", "colour"])
			expect(message).toContain(`\n  tracestack:${key} `);
	});

	it("take patterns with escapes within classes, and characters by their number", () => {
		const values = ["token=[^\\s]+", "key=[^\\]]*", "\\[\\]", "a\\{1001}", "\\x{2028}", "[\\x{00}-\\x{1F}]"];
		expect(parseSettings({ redaction: { values } }, dev).redaction.values).toEqual(values);
	});

	it("never have traces come later than they are kept", () => {
		expect(parseSettings({ tempo: { retention: "2h" } }, dev).tempo.backfill).toBe("2h");
	});

	it("beside a Jaeger leave it the OTLP ports, each of which may still be chosen", () => {
		const { ports } = parseSettings({ ports: { preset: "beside-jaeger", tempoOtlpHttp: 4318, otlpGrpc: 14317 } }, dev);
		expect(ports).toMatchObject({ otlpHttp: 4319, otlpGrpc: 14317, collectorMetrics: 8890, tempoOtlpHttp: 4318 });
	});

	it("beside a Jaeger take none of its ports, whichever version it is", () => {
		const udp = [5775, 6831, 6832];
		const first = [4317, 4318, 5778, 9411, 14250, 14268, 14269, 14271, 16685, 16686, 16687];
		const second = [4317, 4318, 5778, 5779, 8888, 8889, 9411, 13132, 13133, 14250, 14268, 16685, 16686, 27777];
		const ours: number[] = Object.values(portPresets["beside-jaeger"]);
		expect(ours.filter((port) => [...udp, ...first, ...second].includes(port))).toEqual([]);
	});

	it("leave ports to others that nothing of the stack listens on", () => {
		const { ports } = parseSettings({ ports: { tempo: 9411, loki: 14250, grafana: 14268 } }, dev);
		expect(ports).toMatchObject({ tempo: 9411, loki: 14250, grafana: 14268 });
	});

	it("take days as well as hours, which not every server reads", () => {
		const { tempo } = parseSettings({ tempo: { retention: "2d", compactedRetention: "36h" } }, dev);
		expect(tempo).toMatchObject({ retention: "48h", compactedRetention: "36h" });
	});

	it("never show a credential, nor anything of a setting that holds a secret", () => {
		const secret = "hunter2";
		const raw = { tempo: { retention: secret }, storage: { ...s3, accessKeyId: [secret], [secret]: 1 } };
		const encrypted = { ...dev, secretKeys: new Set(["tempo", "storage"]) };
		const message = messageOf(() => parseSettings(raw, encrypted));
		expect(message).toContain("tracestack:tempo.retention is [secret]");
		expect(message).toContain("tracestack:storage.accessKeyId is [secret]");
		expect(message.replaceAll(`storage.${secret}`, "")).not.toContain(secret);
		expect(refused({ storage: { ...s3, secretAccessKey: 5150 } })).not.toContain("5150");
	});

	it("say that a key in a misspelled namespace is not read", () => {
		const message = messageOf(() => parseSettings({}, { ...dev, misplaced: ["tracestak:target"] }));
		expect(message).toMatch(/tracestak:target is in no namespace that is read\s+did you mean tracestack:target\?/);
	});

	it("say that a key of the AWS provider's own namespace is not read, where the stack is on AWS", () => {
		const unheard = ["aws:profile"];
		const message = messageOf(() => parseSettings(onAws({}), { ...dev, unheard }));
		expect(message).toMatch(/aws:profile is not read\s+set tracestack:aws\.region/);
		expect(messageOf(() => parseSettings({}, { ...dev, unheard }))).toBe("");
	});

	it("say which image catalogue can't be read or has no entry", () => {
		expect(refused({}, "/nowhere.yaml")).toContain("the image catalogue /nowhere.yaml can't be read");
		expect(() => parseSettings({}, dev).image("zipkin")).toThrow('configs/versions.yaml has no entry "zipkin"');
	});

	it("are accepted or refused in words, whatever they are", () => {
		const names = fc.constantFrom(
			"target",
			"ports",
			"tempo",
			"storage",
			"backend",
			"scrapes",
			"packs",
			"logs",
			"__proto__",
		);
		const key = fc.oneof(names, fc.string());
		const value = fc.letrec((tie) => ({
			any: fc.oneof({ depthSize: "small" }, fc.anything(), fc.dictionary(key, tie("any")), fc.array(tie("any"))),
		})).any;
		fc.assert(
			fc.property(fc.dictionary(key, value), (raw) => {
				const message = refused(raw);
				expect(message).toMatch(/^($|Pulumi\.dev\.yaml has |the image catalogue )/);
			}),
			{ numRuns: 200 },
		);
	});
});
