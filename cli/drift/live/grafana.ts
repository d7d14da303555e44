// Compares Grafana's content with what was deployed: edits, deletions, and what was added by hand.

import { postgresql } from "../../../components/links.ts";
import { isDefault } from "../../dashboards/defaults.ts";
import { dashboardChanges, type Model } from "../../dashboards/model.ts";
import { compare, lastKey } from "../../diff/compare.ts";
import { lastEdit } from "../../edits.ts";
import { revealed, type StateResource, types } from "../../state.ts";
import { grafana } from "../../verify/api.ts";
import type { Context, Finding } from "../finding.ts";
import { answers } from "./files.ts";
import { deployed, engine, standing } from "./inspect.ts";
import { refresh, removeFromGrafana } from "./restore.ts";

interface Found {
	uid: string;
	title: string;
	type: "dash-db" | "dash-folder";
	folderUid?: string;
}

interface Shown {
	dashboard: Model;
	meta: { folderUid?: string };
}

interface Source {
	uid: string;
	name: string;
	type: string;
	url: string;
	access: string;
	isDefault: boolean;
	jsonData: Model;
}

/**
 * Findings about dashboards, folders and datasources; none while Grafana does not run, which is a finding of its
 * container.
 */
export async function inGrafana(context: Context): Promise<Finding[]> {
	const there = await engine(context);
	const server = deployed(context).find(({ component, inputs }) => component === "grafana" && inputs.mustRun !== false);
	const found = server && standing(server, there);
	if (!server || !found || !answers(found, server)) return [];
	const ask = <T>(path: string) => grafana<T>(context.endpoints, path);
	const [shown, sources] = await Promise.all([
		ask<Found[]>("/api/search?limit=5000"),
		ask<Source[]>("/api/datasources"),
	]);
	const of = (type: Found["type"]) => shown.filter((one) => one.type === type);
	const resources = (type: string) =>
		(context.state.deployment.resources ?? []).filter((resource) => resource.type === type);
	return [
		...(await dashboards(context, resources(types.dashboard), of("dash-db"))),
		...folders(context, resources(types.folder), of("dash-folder")),
		...dataSources(context, resources(types.dataSource), sources),
	];
}

const finding = { kind: "drifted", component: "grafana", severity: "cosmetic", stateful: false } as const;

async function dashboards(context: Context, ours: StateResource[], shown: Found[]): Promise<Finding[]> {
	const { endpoints, stack } = context;
	const known = new Map(ours.map(({ inputs, outputs }) => [`${outputs?.uid}`, { inputs, version: outputs?.version }]));
	const edited = [...known].map(async ([uid, { inputs, version }]): Promise<Finding[]> => {
		const subject = `dashboard ${uid}`;
		const restore = refresh(stack);
		const from: Model = JSON.parse(revealed<string>(inputs?.configJson));
		if (!shown.some((one) => one.uid === uid))
			return [{ ...finding, subject, action: "delete", changes: [{ path: "title", from: from.title }], restore }];
		const { dashboard, meta } = await grafana<Shown>(endpoints, `/api/dashboards/uid/${uid}`);
		const changes = [
			...compare(inputs?.folder ?? "", meta.folderUid ?? "", { at: "folder" }),
			...dashboardChanges(from, dashboard),
		];
		if (changes.length === 0) return [];
		const edit = await lastEdit(endpoints, uid, version);
		return [{ ...finding, subject, action: "update", changes, ...told(edit), restore }];
	});
	const added = shown
		.filter(({ uid }) => !known.has(uid))
		.map(async ({ uid, title, folderUid }): Promise<Finding[]> => {
			const changes = [{ path: "title", to: title }, ...compare(undefined, folderUid, { at: "folder" })];
			const edit = await lastEdit(endpoints, uid);
			const restore = removeFromGrafana(context, `dashboards/uid/${encodeURIComponent(uid)}`);
			return [{ ...finding, subject: `dashboard ${uid}`, action: "create", changes, ...told(edit), restore }];
		});
	return (await Promise.all([...edited, ...added])).flat();
}

function told(edit: { since: string; by: string } | undefined): Pick<Finding, "since" | "by"> {
	return edit ? { since: edit.since, by: edit.by } : {};
}

function folders(context: Context, ours: StateResource[], shown: Found[]): Finding[] {
	const known = new Map(ours.map(({ inputs }) => [`${inputs?.uid}`, `${inputs?.title}`]));
	const restore = refresh(context.stack);
	return [
		...[...known].flatMap(([uid, title]): Finding[] => {
			const subject = `folder ${uid}`;
			const now = shown.find((folder) => folder.uid === uid)?.title;
			const changes = compare(title, now, { at: "title" });
			return changes.length > 0 ? [{ ...finding, subject, action: now ? "update" : "delete", changes, restore }] : [];
		}),
		...shown
			.filter(({ uid }) => !known.has(uid))
			.map(({ uid, title }): Finding => {
				const changes = [{ path: "title", to: title }];
				const undo = removeFromGrafana(context, `folders/${encodeURIComponent(uid)}`);
				return { ...finding, subject: `folder ${uid}`, action: "create", changes, restore: undo };
			}),
	];
}

/** A datasource's type by the name that is declared: newer versions of Grafana list it by another one. */
export function typeOf({ type }: Pick<Source, "type">): string {
	return type === "grafana-postgresql-datasource" ? postgresql : type;
}

/** Findings about datasources. They are serious: panels show nothing without theirs, or something else. */
function dataSources(context: Context, ours: StateResource[], sources: Source[]): Finding[] {
	const known = new Map(ours.map(({ inputs }) => [`${inputs?.uid}`, revealed<Model>(inputs)]));
	const restore = refresh(context.stack);
	return [
		...[...known].flatMap(([uid, inputs]): Finding[] => {
			const subject = `datasource ${uid}`;
			const source = sources.find((one) => one.uid === uid);
			const severity = "restarts a service";
			if (!source)
				return [
					{ ...finding, severity, subject, action: "delete", changes: [{ path: "name", from: inputs.name }], restore },
				];
			const { name, type, url, isDefault: first } = inputs;
			const from = {
				name,
				type,
				url,
				access: inputs.accessMode,
				isDefault: first,
				jsonData: JSON.parse(`${inputs.jsonDataEncoded ?? "{}"}`),
			};
			const { jsonData, access, isDefault: firstNow } = source;
			const to = { name: source.name, type: typeOf(source), url: source.url, access, isDefault: firstNow, jsonData };
			const changes = compare(from, to, {
				skip: ({ path, from: was, to: is }) => was === undefined && isDefault(lastKey(path), is),
			});
			return changes.length > 0 ? [{ ...finding, severity, subject, action: "update", changes, restore }] : [];
		}),
		...sources
			.filter(({ uid }) => !known.has(uid))
			.map(({ uid, name, type, url }): Finding => {
				const changes = [
					{ path: "name", to: name },
					{ path: "type", to: type },
					...(url ? [{ path: "url", to: url }] : []),
				];
				const undo = removeFromGrafana(context, `datasources/uid/${encodeURIComponent(uid)}`);
				return { ...finding, subject: `datasource ${uid}`, action: "create", changes, restore: undo };
			}),
	];
}
