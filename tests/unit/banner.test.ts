import { expect, it } from "vitest";
import { banner } from "../../cli/banner.ts";
import type { Endpoints } from "../../cli/verify/api.ts";

const grafana = "https://192.168.100.100:23000";
const endpoints = {
	tempo: "http://127.0.0.1:3200",
	prometheus: "http://127.0.0.1:9090",
	alertmanager: "http://127.0.0.1:9093",
	grafana,
	otlpGrpc: "127.0.0.1:4317",
	otlpHttp: "https://127.0.0.1:4318",
	grafanaUser: "admin",
	otlpToken: "x",
	ca: "x",
} as Endpoints;

const titles = [
	"Services",
	"OpenTelemetry Billing Session Tracing",
	"A title of sixty characters, as somebody may well write one",
];

it.each(titles.map((title) => [title]))("has no line over 80 columns, and every address whole: %s", (title) => {
	const dashboards = [...titles.slice(0, 1), title].map((title, i) => ({
		uid: `a-dashboard-whose-uid-says-it-${i}`,
		title,
	}));
	const told = banner({ ...endpoints, dashboards }, "a-long-name-of-a-stack");
	const lines = told.split("\n");
	expect(Math.max(...lines.map((line) => line.length)), told).toBeLessThanOrEqual(80);
	expect(told).toContain(title);
	for (const { uid } of dashboards) expect(told).toContain(`${grafana}/d/${uid}\n`);
});

it("has as many addresses beside their names as fit", () => {
	const dashboards = [
		{ uid: "kvonce-trace-overview", title: "KvOnce Trace Overview" },
		{ uid: "billing-session-tracing", title: "OpenTelemetry Billing Session Tracing" },
	];
	const told = banner({ ...endpoints, dashboards }, "dev");
	expect(told).toMatch(/^ {2}KvOnce Trace Overview https:/m);
	expect(told).toMatch(/^ {2}OpenTelemetry Billing Session Tracing\n {4}https:/m);
	expect(told).toMatch(/^ {2}user +admin, password/m);
});

it("has its addresses in a column", () => {
	const told = banner({ ...endpoints, dashboards: [{ uid: "a", title: "x".repeat(100) }] }, "dev");
	expect(told).toContain("Tempo              http://127.0.0.1:3200");
	expect(Math.max(...told.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
});
