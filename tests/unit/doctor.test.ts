import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it, test } from "vitest";
import { errorsOf } from "../../cli/doctor/causes.ts";
import { certificates } from "../../cli/doctor/certificates.ts";
import { forStack, report } from "../../cli/doctor/doctor.ts";
import { roomLeft } from "../../cli/doctor/engine.ts";
import { commandOf, mistakes, otlp } from "../../cli/doctor/senders.ts";
import type { Context } from "../../cli/drift/finding.ts";
import { selfSigned } from "../certificate.ts";

describe("a server's log", () => {
	it.each([
		[
			"the collector's, a name that nobody has",
			'2026-11-21T10:00:00.000Z\tinfo\tinternal/retry_sender.go:133\tExporting failed. Will retry the request after interval.\t{"error": "rpc error: code = Unavailable desc = no children to pick from", "otelcol.component.id": "otlp_grpc/tempo", "interval": "5s"}',
			/resolve the name of a host/,
		],
		[
			"the collector's, a port where nobody listens",
			'2026-11-21T10:00:00.000Z\tinfo\tinternal/retry_sender.go:133\tExporting failed. Will retry the request after interval.\t{"error": "rpc error: code = Unavailable desc = connection error: desc = \\"transport: Error while dialing: dial tcp 172.18.0.3:4317: connect: connection refused\\""}',
			/nothing listens/,
		],
		[
			"Tempo's, a volume of somebody else",
			'level=error ts=2026-11-21T10:00:00Z caller=main.go:122 msg="error running Tempo" err="mkdir /var/tempo/wal: permission denied"',
			/may not write/,
		],
		[
			"Prometheus's, a full disk",
			'time=2026-11-21T10:00:00.000Z level=ERROR source=head.go:1 msg="compaction failed" err="write /prometheus/01: no space left on device"',
			/disk is full/,
		],
		[
			"Grafana's, an expired certificate",
			'logger=tsdb t=2026-11-21T10:00:00Z level=error msg="query failed" error="tls: failed to verify certificate: x509: certificate has expired"',
			/certificate/,
		],
		[
			"the collector's, a destination that wants another header",
			'2026-11-21T10:00:00.000Z\terror\tinternal/queue_sender.go:50\tExporting failed. Dropping data.\t{"otelcol.component.id": "otlp_http/destination-mlflow", "error": "not retryable error: Permanent error: rpc error: code = Unauthenticated desc = error exporting items, request to http://mlflow:5000/v1/traces responded with HTTP Status Code 401", "dropped_items": 1}',
			/a destination refuses/,
		],
	])("%s: has a cause", (_, line, what) => {
		const [told] = errorsOf(`level=info msg="starting"\n${line}\n`);
		expect(told?.cause?.what).toMatch(what);
	});

	it("counts the same error once, whatever time, id and number it has", () => {
		const line = (i: number) =>
			`level=error ts=2026-11-21T10:00:0${i}Z msg="block ${i} of 0b9c41d2e${i} is torn" err="unexpected end: ${i}"`;
		expect(errorsOf([1, 2, 3].map(line).join("\n"))).toEqual([{ line: "unexpected end: 3", count: 3 }]);
	});

	it("is forgiven what it wrote while it started, but what does not pass", () => {
		const log = [
			'2026-11-21T10:00:00.123456789Z level=error msg="empty ring"',
			'2026-11-21T10:00:01Z level=error err="mkdir /var/tempo/wal: permission denied"',
			'2026-11-21T10:01:00Z level=error err="later"',
		].join("\n");
		expect(errorsOf(log, Date.parse("2026-11-21T10:00:30Z")).map(({ line }) => line)).toEqual([
			"mkdir /var/tempo/wal: permission denied",
			"later",
		]);
	});

	it("is without errors, although words like error are in it", () => {
		const fine = [
			'level=info msg="no errors in the last run" error_count=0',
			'level=warn msg="slow query" err="context canceled"',
			"2026-11-21T10:00:00.000Z\tinfo\tservice@v0.158.0/service.go:1\tEverything is ready.\t{}",
			'level=info msg="GET /certificate 200"',
			'level=info caller=metrics.go:1 query="{service_name=\\"shop\\"} |= \\"no space left on device\\"" status=200',
			'2026-11-21T10:00:00.000Z\tinfo\tx.go:1\tseen\t{"body": "open /data: permission denied"}',
		];
		expect(errorsOf(fine.join("\n"))).toEqual([]);
	});
});

test.each([
	["a large disk that is nearly full", { share: 0.03, gib: 50 }, undefined],
	["a disk with room", { share: 0.5, gib: 10 }, undefined],
	["a disk that is nearly full", { share: 0.04, gib: 5 }, "warning"],
	["a full disk", { share: 0.01, gib: 0.5 }, "broken"],
	["a small disk with a tenth of it left", { share: 0.1, gib: 1 }, "broken"],
])("%s is told of by what is left", (_, left, severity) => {
	expect(roomLeft(left)[0]?.severity).toBe(severity);
});

describe("an application's environment", () => {
	const doors = { grpc: "127.0.0.1:4317", http: "127.0.0.1:4318" };
	const of = (change: Record<string, string>, contained = false, unheard = false, inside = false) => {
		const env = Object.fromEntries(
			Object.entries(change).map(([name, value]) => [`OTEL_EXPORTER_OTLP_${name}`, value]),
		);
		return mistakes({ env, contained, inside }, doors, unheard).map(({ what, todo }) => `${what} → ${todo}`);
	};

	it.each([
		[
			{ ENDPOINT: "http://localhost:4317", PROTOCOL: "http/protobuf" },
			/^speaks HTTP to localhost:4317, .* → .*localhost:4318/,
		],
		[
			{ ENDPOINT: "http://127.0.0.1:4318", PROTOCOL: "grpc" },
			/^speaks gRPC to 127\.0\.0\.1:4318, .* → .*=http\/protobuf/,
		],
		[{ ENDPOINT: "localhost:4317", PROTOCOL: "http/json" }, /^speaks HTTP/],
		[{ ENDPOINT: "http://localhost:4317", PROTOCOL: "grpc", TRACES_PROTOCOL: "http/protobuf" }, /^speaks HTTP/],
		[
			{ ENDPOINT: "http://elsewhere", LOGS_ENDPOINT: "http://localhost:4317/v1/logs", PROTOCOL: "http/json" },
			/^speaks HTTP/,
		],
	])("that can't work is named: %j", (env, told) => {
		expect(of(env)).toEqual([expect.stringMatching(told)]);
	});

	it.each<Record<string, string>>([
		{ ENDPOINT: "http://localhost:4317", PROTOCOL: "grpc" },
		{ ENDPOINT: "http://localhost:4318", PROTOCOL: "http/protobuf" },
		// What it speaks then is its SDK's own affair.
		{ ENDPOINT: "http://localhost:4317" },
		{ ENDPOINT: "https://otlp.example.com:4317", PROTOCOL: "http/protobuf" },
		{ ENDPOINT: "http://localhost:14317", PROTOCOL: "http/protobuf" },
		{ ENDPOINT: "not an address", PROTOCOL: "http/protobuf" },
		{ PROTOCOL: "http/protobuf" },
	])("that works, or is about somebody else, is not: %j", (env) => {
		expect(of(env)).toEqual([]);
	});

	it("that names the gRPC port and no protocol is asked about, where nothing comes by gRPC", () => {
		const silent = (env: Record<string, string>) => of(env, false, true);
		expect(silent({ ENDPOINT: "http://localhost:4317" })).toEqual([
			expect.stringMatching(/sets no protocol; .* → is it idle/),
		]);
		expect(silent({ ENDPOINT: "http://localhost:4317", PROTOCOL: "grpc" })).toEqual([]);
		expect(silent({ ENDPOINT: "http://localhost:4318" })).toEqual([]);
	});

	it("of a container that sends to itself is named", () => {
		expect(of({ ENDPOINT: "http://localhost:4318" }, true)).toEqual([
			expect.stringMatching(/the container itself → .*collector:4317/),
		]);
		expect(of({ ENDPOINT: "http://host.docker.internal:4318" }, true)).toEqual([]);
	});

	it("of a container in the stack's network is named, with an address that it reaches", () => {
		const env = { ENDPOINT: "http://collector:4317", PROTOCOL: "http/protobuf" };
		expect(of(env, true, false, true)).toEqual([
			expect.stringMatching(/^speaks HTTP to collector:4317, .* → .* collector:4318, /),
		]);
		const outside = { ENDPOINT: "http://host.docker.internal:4318", PROTOCOL: "grpc" };
		expect(of(outside, true)).toEqual([expect.stringMatching(/ → .* host\.docker\.internal:4317, /)]);
	});

	it("of a container elsewhere, with a collector of its own, is not", () => {
		for (const host of ["collector", "otel-collector"])
			expect(of({ ENDPOINT: `http://${host}:4317`, PROTOCOL: "http/protobuf" }, true, true)).toEqual([]);
	});

	it("is told with the program's name, without arguments", () => {
		expect(commandOf("/usr/bin/node\0server.js\0--token=hush\0")).toBe("node");
		expect(commandOf("python app.py --password=hush/er")).toBe("python");
	});

	it("is not kept but for where OTLP goes, and no secret of that is shown", () => {
		const lines = [
			"PATH=/bin",
			"PASSWORD=hush",
			"OTEL_EXPORTER_OTLP_HEADERS=authorization=hush",
			"X_OTEL_EXPORTER_OTLP_ENDPOINT=hush",
			"",
		];
		expect(otlp([...lines, "OTEL_EXPORTER_OTLP_ENDPOINT=http://a=b", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=grpc"])).toEqual(
			{
				OTEL_EXPORTER_OTLP_ENDPOINT: "http://a=b",
				OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: "grpc",
			},
		);
		const told = of({ ENDPOINT: "http://me:hush@localhost:4317/?key=hush", PROTOCOL: "http/protobuf" });
		expect(told).toHaveLength(1);
		expect(told.join()).not.toContain("hush");
	});
});

describe("a certificate", () => {
	it.each([
		[12, /^its certificate expires in 11 days$/],
		[90, undefined],
	])("that is valid for %s days", async (days, what) => {
		const { certificate, key } = await selfSigned(["IP:127.0.0.1"], days);
		const server = createServer({ cert: certificate, key }).listen(0, "127.0.0.1");
		await once(server, "listening");
		const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
		const endpoints = { grafana: url, otlpHttp: "http://127.0.0.1:1" };
		const complaints = await certificates({ endpoints, stack: "dev" } as Context);
		server.close();
		expect(complaints.map((complaint) => complaint.what)).toEqual(what ? [expect.stringMatching(what)] : []);
	});
});

it("tells what is wrong in lines that fit, and what to do", () => {
	const complaint = {
		severity: "broken",
		about: "tempo",
		what: "it may not write to its data directory (12 in 15 minutes)",
		seen: `mkdir /var/tempo/wal: permission denied ${"and so on ".repeat(10)}`,
		todo: "the volume belongs to another user",
	} as const;
	const lines = report(
		[
			{ check: "disk, as volumes need it", complaints: [] },
			{ check: "logs, without errors", complaints: [complaint] },
		],
		60,
	).map(stripVTControlCharacters);
	expect(lines[0]).toBe("✓ disk, as volumes need it");
	expect(lines[1]).toBe("✗ logs, without errors");
	expect(lines[2]).toMatch(/^ {4}tempo: it may not write/);
	expect(lines.join("\n")).toContain("      | mkdir /var/tempo/wal: permission denied");
	expect(lines.join("\n")).toContain("      → the volume belongs to another user");
	expect(lines.at(-1)).toBe("1 broken, 0 to look at");
	for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
	expect(
		report([{ check: "x", complaints: [] }], 60)
			.map(stripVTControlCharacters)
			.at(-1),
	).toBe("nothing is wrong");
});

it("shows a terminal nothing that somebody sent as it is", () => {
	const complaint = {
		severity: "warning",
		about: "$& \u001b[2J",
		what: "fires",
		seen: "\u001b]0;x\u0007\nagain",
		todo: "look",
	} as const;
	const lines = report([{ check: "no alert fires", complaints: [complaint] }], 80).map(stripVTControlCharacters);
	expect(lines[1]).toBe("    $& \\u001b[2J: fires");
	expect(lines[2]).toBe("      | \\u001b]0;x\\u0007 again");
});

describe("advice", () => {
	it("names the stack in every command, or it would be about another one", () => {
		const todo =
			"./tracestack drift; ./tracestack pulumi up --refresh puts it back, ./tracestack up --stack prod renews";
		expect(forStack(todo, "prod")).toBe(
			"./tracestack drift --stack prod; ./tracestack pulumi up --refresh --stack prod puts it back, ./tracestack up --stack prod renews",
		);
	});

	it("leaves out what is the default, but for Pulumi, which has another one", () => {
		expect(forStack("./tracestack status, ./tracestack pulumi up --refresh", "dev")).toBe(
			"./tracestack status, ./tracestack pulumi up --refresh --stack dev",
		);
	});
});
