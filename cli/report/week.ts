// Renders a week as Markdown: KPIs compared with the week before, alerts that fired, slow operations. Pure, so that it can be tested.

import { exploreTraces } from "../../components/links.ts";
import type { Kpi } from "../../settings/pack.ts";
import { code, table } from "../markdown.ts";

/** One series of a KPI; a value is undefined in a week without data. */
export interface Series {
	labels: Record<string, string>;
	now?: number;
	before?: number;
}

/** A KPI with its values. */
export interface Measured extends Kpi {
	series: Series[];
	/** Why it could not be queried. */
	error?: string;
}

/** An alert that fired. */
export interface Fired {
	alert: string;
	severity: string;
	/** The service that it was about; empty without one. */
	service: string;
	minutes: number;
	times: number;
	/** Whether it fires at the end of the week. */
	still: boolean;
}

/** A slow operation. */
export interface Operation {
	service: string;
	name: string;
	requests: number;
	p95Seconds: number;
	/** TraceQL that finds traces in which it was slow. */
	query: string;
	/** One of the slowest that Tempo has; undefined where none is stored any more. */
	trace?: { id: string; seconds: number };
	/** Why Tempo could not be asked. */
	error?: string;
}

/** The content of a weekly report. */
export interface Week {
	stack: string;
	grafana: string;
	/** In seconds since 1970; the week before ends where this one begins. */
	from: number;
	to: number;
	/** Hours of each week in which Prometheus has anything at all. */
	hours: { now: number; before: number };
	packs: { title: string; kpis: Measured[] }[];
	alerts: Fired[];
	operations: Operation[];
}

const hoursOfAWeek = 168;

/** How many rows a KPI has: its largest series. */
const mostRows = 20;

const none = "no data";

/** The report, as Markdown. */
export function renderWeek(week: Week): string {
	const { stack, grafana, from, to, packs, alerts, operations } = week;
	const lines = [
		`# Week of ${code(stack)}, to ${day(to)}`,
		"",
		`From ${time(from)} to ${time(to)}, compared with the seven days before. [Grafana](${grafana}).`,
		"",
		...coverage(week.hours),
		...packs.flatMap(({ title, kpis }) => ["", `## ${title}`, "", ...kpiTable(kpis)]),
		"",
		"## Alerts that fired",
		"",
		...(alerts.length > 0 ? alertTable(alerts) : [week.hours.now > 0 ? "None." : `There is ${none}.`]),
		"",
		"## Slowest operations",
		"",
		...(operations.length > 0 ? operationTable(week) : [`There is ${none}: no span of a request.`]),
	];
	return `${lines.join("\n")}\n`;
}

/** Says for how many hours of both weeks there is data: an incomplete week can't be compared. */
function coverage({ now, before }: Week["hours"]): string[] {
	const told = (hours: number) => (hours === 0 ? none : `data of ${hours} of ${hoursOfAWeek} hours`);
	if (now === hoursOfAWeek && before === hoursOfAWeek) return ["Prometheus has data of every hour of both weeks."];
	return [`Prometheus has ${told(now)} of this week, and ${told(before)} of the week before.`];
}

function kpiTable(kpis: Measured[]): string[] {
	const rows = kpis.flatMap(({ name, unit, better, series, error }): string[][] => {
		if (error) return [[name, "", `not known: ${code(error, 120)}`, "", ""]];
		if (series.length === 0) return [[name, "", none, none, ""]];
		const size = ({ now, before }: Series) => now ?? before ?? 0;
		const largest = series.toSorted((a, b) => size(b) - size(a) || (nameOf(a) < nameOf(b) ? -1 : 1));
		const left = series.length - mostRows;
		return [
			...largest
				.slice(0, mostRows)
				.map((one) => [
					name,
					nameOf(one) && code(nameOf(one)),
					valueInWords(one.now, unit),
					valueInWords(one.before, unit),
					change(one, unit, better),
				]),
			...(left > 0 ? [[name, `… and ${left} more`, "", "", ""]] : []),
		];
	});
	return table(["KPI", "of", "this week", "week before", "change"], rows, [2, 3, 4]);
}

/** The name of a row: the values of its labels. */
function nameOf({ labels }: Series): string {
	return Object.values(labels).join(", ");
}

export function valueInWords(value: number | undefined, unit: Kpi["unit"]): string {
	if (value === undefined) return none;
	if (unit === "ratio") return `${short(value * 100)} %`;
	if (unit === "number") return short(value);
	if (value >= 120) return `${short(value / 60)} min`;
	return value < 1 ? `${short(value * 1000)} ms` : `${short(value)} s`;
}

/** A number with three significant digits, or all of its integer digits. */
function short(value: number): string {
	const whole = Math.abs(value) >= 100;
	return value.toLocaleString("en-US", whole ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 });
}

/**
 * The change from the week before, of a ratio in percentage points, else in percent, and whether it is an improvement.
 */
function change({ now, before }: Series, unit: Kpi["unit"], better: Kpi["better"]): string {
	if (now === undefined || before === undefined) return "";
	const difference = unit === "ratio" ? (now - before) * 100 : ((now - before) / before) * 100;
	if (now === before) return "same";
	const amount = Number.isFinite(difference) ? `${difference > 0 ? "+" : ""}${short(difference)} ` : "";
	const by = amount ? `${amount}${unit === "ratio" ? "points" : "%"}` : "from 0";
	if (!better) return by;
	return `${by}, ${now > before === (better === "higher") ? "better" : "**worse**"}`;
}

function alertTable(alerts: Fired[]): string[] {
	const rows = alerts.map(({ alert, severity, service, minutes, times, still }) => [
		code(alert),
		severity,
		service && code(service),
		`${duration(minutes)}${still ? ", still" : ""}`,
		String(times),
	]);
	return table(["alert", "severity", "service", "how long", "how often"], rows, [3, 4]);
}

function duration(minutes: number): string {
	const parts = [
		[Math.floor(minutes / 1440), "d"],
		[Math.floor(minutes / 60) % 24, "h"],
		[minutes % 60, "min"],
	];
	return parts
		.filter(([amount]) => amount)
		.map(([amount, unit]) => `${amount} ${unit}`)
		.join(" ");
}

function operationTable({ operations, grafana, from, to }: Week): string[] {
	const range = { from: from * 1000, to: to * 1000 };
	const rows = operations.map(({ service, name, requests, p95Seconds, query, trace, error }) => [
		code(service),
		code(name),
		valueInWords(Math.round(requests), "number"),
		valueInWords(p95Seconds, "seconds"),
		trace
			? `[${valueInWords(trace.seconds, "seconds")}](${exploreTraces(grafana, trace.id, range)})`
			: error
				? `not known: ${code(error)}`
				: "none stored any more",
		`[search](${exploreTraces(grafana, query, range)})`,
	]);
	return table(["service", "operation", "requests", "p95", "a slow trace", "others"], rows, [2, 3]);
}

function day(seconds: number): string {
	return new Date(seconds * 1000).toISOString().slice(0, 10);
}

function time(seconds: number): string {
	return `${day(seconds)} ${new Date(seconds * 1000).toISOString().slice(11, 16)} UTC`;
}
