// What people do to a stack beside its code: with `docker`, and in Grafana.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { execa } from "execa";
import { type Endpoints, grafana, json, until } from "../../cli/verify/api.ts";

export const docker = (...args: string[]) => execa("docker", args);

/** Where each service has its configuration. */
export const paths = {
	tempo: "/etc/tempo/tempo.yaml",
	collector: "/etc/otelcol-contrib/config.yaml",
	prometheus: "/etc/prometheus/prometheus.yaml",
	loki: "/etc/loki/loki.yaml",
	alertmanager: "/etc/alertmanager/alertmanager.yaml",
	grafana: "/etc/grafana/grafana.ini",
} as const;

export interface Shown {
	dashboard: {
		id: number;
		title: string;
		panels: { title: string; fieldConfig: { defaults: { unit?: string } } }[];
	};
	meta: { folderUid: string };
}

type Edit = (text: string) => string;

/** Hands on one stack. */
export class Hands {
	readonly stack: string;
	/** For files on their way. */
	readonly #dir: string;
	readonly #endpoints: Endpoints;
	#last: Promise<unknown> = Promise.resolve();

	constructor(stack: string, dir: string, endpoints: Endpoints) {
		this.stack = stack;
		this.#dir = dir;
		this.#endpoints = endpoints;
	}

	container(service: string): string {
		return `tracestack-${this.stack}-${service}`;
	}

	/** A file inside a container, written as `docker cp` does it. */
	async put(service: string, path: string, text: string): Promise<void> {
		const file = join(this.#dir, `${service}-${basename(path)}`);
		writeFileSync(file, text);
		await docker("cp", file, `${this.container(service)}:${path}`);
	}

	async read(service: string, path: string): Promise<string> {
		const file = join(this.#dir, `read-${service}-${basename(path)}`);
		await docker("cp", `${this.container(service)}:${path}`, file);
		return readFileSync(file, "utf8");
	}

	/** Edits a file inside a container. Returns what it was. */
	async edit(service: string, path: string, change: Edit): Promise<string> {
		const before = await this.read(service, path);
		await this.put(service, path, changed(before, change));
		return before;
	}

	/** Tells a service to read its files again, and waits until it tells what is new in them. */
	async reload(service: "prometheus" | "alertmanager", page = "", what = ""): Promise<void> {
		await docker("kill", "--signal", "HUP", this.container(service));
		if (!what) return;
		const url = `${this.#endpoints[service]}${page}`;
		await until(10, async () => {
			if (!JSON.stringify(await json(url)).includes(what)) throw new Error(`${url} knows no ${what}`);
		});
	}

	/** Removes a container and makes it again by hand as it was, but for what is given; only these files come with it. */
	async recreate(
		service: string,
		{ flags = [], command = (arg) => arg, files }: { flags?: string[]; command?: Edit; files: Record<string, Edit> },
	): Promise<void> {
		const { stdout } = await docker("inspect", this.container(service));
		const [{ Config, HostConfig, Mounts, Image }] = JSON.parse(stdout);
		const texts = new Map<string, string>();
		for (const path of Object.keys(files)) texts.set(path, await this.read(service, path));
		await docker("rm", "--force", this.container(service));
		const as = [
			...Object.entries(Config.Labels).map(([label, value]) => `--label=${label}=${value}`),
			...Mounts.map((mount: { Name: string; Destination: string }) => `--volume=${mount.Name}:${mount.Destination}`),
			...Object.entries(HostConfig.PortBindings).flatMap(([port, bound]) =>
				(bound as { HostIp: string; HostPort: string }[]).map(
					({ HostIp, HostPort }) => `--publish=${HostIp}:${HostPort}:${port}`,
				),
			),
			...Config.Env.filter((line: string) => line.startsWith("GOMEMLIMIT")).map((line: string) => `--env=${line}`),
			...[`--network=tracestack-${this.stack}`, `--network-alias=${service}`, `--hostname=${service}`],
			...["--restart=unless-stopped", "--cap-drop=ALL", "--security-opt=no-new-privileges", `--user=${Config.User}`],
			...["--log-opt=max-size=10m", "--log-opt=max-file=3", `--stop-timeout=${Config.StopTimeout}`],
			...["--add-host=host.docker.internal:host-gateway"],
			...[`--memory=${HostConfig.Memory}`, `--memory-swap=${HostConfig.MemorySwap}`],
		];
		await docker("create", "--name", this.container(service), ...as, ...flags, Image, ...Config.Cmd.map(command));
		for (const folder of new Set([...texts.keys()].map(dirname))) await this.#folder(service, folder);
		for (const [path, text] of texts) await this.put(service, path, files[path]!(text));
		await docker("start", this.container(service));
	}

	async #folder(service: string, path: string): Promise<void> {
		const empty = join(this.#dir, "empty", basename(path));
		mkdirSync(empty, { recursive: true });
		await docker("cp", empty, `${this.container(service)}:${dirname(path)}`);
	}

	/** Grafana's API; one request after the other, as its database wants it. */
	ask<T>(path: string, method = "GET", body?: unknown): Promise<T> {
		const init = { method, ...(body !== undefined && { body: JSON.stringify(body) }) };
		const asked = this.#last.then(() => grafana<T>(this.#endpoints, path, init));
		this.#last = asked.catch(() => {});
		return asked;
	}

	/** Saves a dashboard in Grafana after a change. @param folderUid Where to. @default where it is */
	async save(
		uid: string,
		change: (dashboard: Shown["dashboard"]) => Shown["dashboard"] = (dashboard) => dashboard,
		folderUid?: string,
	): Promise<void> {
		const { dashboard, meta } = await this.ask<Shown>(`/api/dashboards/uid/${uid}`);
		const saved = { dashboard: change(dashboard), folderUid: folderUid ?? meta.folderUid, message: "mine" };
		await this.ask("/api/dashboards/db", "POST", saved);
	}
}

/** A text after an edit that found what it edits. */
function changed(text: string, change: Edit): string {
	const after = change(text);
	if (after === text) throw new Error(`nothing to edit in ${text.slice(0, 300)}`);
	return after;
}

/** A dashboard with another title, without a panel, and with another unit in one. */
export function edited({ panels, ...dashboard }: Shown["dashboard"]): Shown["dashboard"] {
	const others = panels
		.filter(({ title }) => title !== "Error ratio")
		.map((panel) => {
			const { fieldConfig, ...rest } = panel;
			if (panel.title !== "Request rate") return panel;
			return { ...rest, fieldConfig: { ...fieldConfig, defaults: { ...fieldConfig.defaults, unit: "cps" } } };
		});
	return { ...dashboard, title: "By hand", panels: others };
}
