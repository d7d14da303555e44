import * as pulumi from "@pulumi/pulumi";
import * as grafana from "@pulumiverse/grafana";
import { grafanaUrl } from "../settings/access.ts";
import { databaseOf } from "../settings/archive.ts";
import type { Settings } from "../settings.ts";
import type { Running } from "../targets/target.ts";
import { type Access, certificateFiles, speaksTls } from "./access.ts";
import { callsOf } from "./calls.ts";
import { amazonPrometheus, type DataSource, dashboardMessage, dataSources } from "./links.ts";
import type { Dashboard, Pack } from "./packs.ts";
import { readConfig } from "./render.ts";
import { sizeOf } from "./sizes.ts";
import type { Offers, Workload } from "./workload.ts";

const owner = { uid: 472, gid: 0 };
const secrets = "/etc/grafana/secrets";
const passwordFile = `${secrets}/admin-password`;
const metricsPasswordFile = `${secrets}/metrics-password`;
const databasePasswordFile = `${secrets}/database-password`;
const database = "grafana";

/** Who reads Grafana's own metrics. */
export const metricsUser = "prometheus";

/** Where Grafana keeps what people make in it, if not in its volume. */
function databaseConfig({ host, port, user }: NonNullable<Offers["database"]>): string {
	const password = `$__file{${databasePasswordFile}}`;
	const all = { type: "postgres", host: `${host}:${port}`, name: database, user, password, ssl_mode: "require" };
	return `\n[database]\n${Object.entries(all)
		.map(([key, value]) => `${key} = ${value}\n`)
		.join("")}`;
}

/** Grafana's server. What it shows is `GrafanaContent`. */
export function grafanaServer(
	settings: Settings,
	password: pulumi.Input<string>,
	access: Access = {},
	offers: Offers & { databasePassword?: pulumi.Input<string> } = {},
): Workload {
	const { plugins } = settings.grafana;
	const { databasePassword = "" } = offers;
	const wanted = [
		...settings.packs.flatMap((pack) => pack.plugins),
		...(offers.metrics ? [amazonPrometheus.plugin] : []),
	];
	const ofPacks = [...new Set(wanted)].filter((one) => !plugins.includes(one));
	const { files, secrets: identity } = certificateFiles(settings, secrets, access);
	const url = grafanaUrl(settings);
	return {
		name: "grafana",
		description: "dashboards and exploration",
		image: settings.image("grafana").image,
		command: [],
		user: owner,
		files: {
			"/etc/grafana/grafana.ini": {
				text: `${readConfig("grafana/grafana.ini")}${offers.database ? databaseConfig(offers.database) : ""}`,
			},
		},
		env: {
			GF_LOG_LEVEL: settings.logLevel,
			GF_SECURITY_ADMIN_USER: settings.grafana.adminUser,
			// Synchronous: a dashboard is never shown before the plugin that it needs.
			...(plugins.length > 0 && { GF_PLUGINS_PREINSTALL_SYNC: plugins.join(",") }),
			// In the background: a Grafana that can't download them would not start. A panel says which plugin it lacks.
			...(ofPacks.length > 0 && { GF_PLUGINS_PREINSTALL: ofPacks.join(",") }),
			// Grafana reads the file itself: the password is in no environment that `docker inspect` shows.
			GF_SECURITY_ADMIN_PASSWORD: `$__file{${passwordFile}}`,
			...(offers.metrics && { GF_AUTH_SIGV4_AUTH_ENABLED: "true" }),
			...(files && {
				GF_SERVER_PROTOCOL: "https",
				GF_SERVER_CERT_FILE: files.certificate,
				GF_SERVER_CERT_KEY: files.key,
			}),
			// Links that people share begin with it.
			GF_SERVER_ROOT_URL: url,
			...(url.startsWith("https:") && { GF_SECURITY_COOKIE_SECURE: "true" }),
			// Everybody else has to log in; this page it shows to all who ask.
			...(settings.access.token && {
				GF_METRICS_BASIC_AUTH_USERNAME: metricsUser,
				GF_METRICS_BASIC_AUTH_PASSWORD: `$__file{${metricsPasswordFile}}`,
			}),
		},
		secrets: [
			{ value: password, as: { file: passwordFile } },
			...(settings.access.token ? [{ value: access.metricsPassword ?? "", as: { file: metricsPasswordFile } }] : []),
			...(offers.database ? [{ value: databasePassword, as: { file: databasePasswordFile } }] : []),
			...identity,
		],
		ports: [
			{
				name: "grafana",
				number: 3000,
				protocol: "http",
				tls: speaksTls(settings),
				reach: "outside",
				audience: "people",
			},
		],
		// Its datasources: their addresses are in its database, not in its configuration.
		calls: [
			...callsOf((at) => dataSources(at, settings.logs.enabled)),
			...(settings.archive.database ? [{ port: databaseOf(settings.archive.database).port }] : []),
		],
		volumes: [
			{ name: "data", path: "/var/lib/grafana", sizeGiB: 2, owner, ownedByImage: true, keep: "replace", fs: "posix" },
		],
		grants: [
			...(offers.database ? [{ database, password: databasePassword }] : []),
			...(offers.metrics ? [{ metrics: "query" as const }] : []),
		],
		ready: { port: "grafana", path: "/api/health", timeoutSeconds: 120 },
		size: sizeOf(settings, "grafana"),
		scale: { min: 1, max: 1, deploy: "stop-first" },
		stopGraceSeconds: 10,
	};
}

export interface GrafanaContentArgs {
	settings: Settings;
	/** Datasources, with the links that lead out of them. */
	sources: DataSource[];
	/** Each is a folder. */
	packs: Pack[];
	/** Those of the packs, without panels whose datasource is not there. */
	dashboards: Dashboard[];
	/** The server; its address resolves once it answers. */
	server: Running;
	/** Of the administrator, as whom everything is made. */
	password: pulumi.Output<string>;
	/** Replaces placeholders in an address by what they stand for: see `Target.resolve`. */
	resolve: (text: string) => pulumi.Input<string>;
	/** The authority's certificate in PEM. @default none: systems know it, or the server speaks plain HTTP */
	ca?: pulumi.Input<string>;
}

/** What Grafana shows: datasources with their links, a folder a pack, the packs' dashboards. */
export class GrafanaContent extends pulumi.ComponentResource {
	constructor(
		name: string,
		{ settings, sources: all, packs, dashboards, server, password, resolve, ca }: GrafanaContentArgs,
		opts?: pulumi.ComponentResourceOptions,
	) {
		super("tracestack:grafana:Content", name, {}, opts);
		const entrance = server.outside.grafana;
		if (!entrance) throw new Error("the Grafana workload publishes no port called grafana");
		const provider = new grafana.Provider(
			name,
			{
				url: pulumi.interpolate`${entrance.tls ? "https" : "http"}://${entrance.address}`,
				...(ca && { caCert: ca }),
				auth: pulumi.secret(pulumi.interpolate`${settings.grafana.adminUser}:${password}`),
			},
			{ parent: this },
		);
		// These objects live in Grafana's database: they are gone with its volume, and still there when only the container is
		// replaced. So the engine need not delete them one by one from a server that goes away, nor make them again.
		const options = { parent: this, provider, deletedWith: server.keeper };
		const sources = all.map(
			(source) =>
				new grafana.oss.DataSource(
					source.uid,
					{
						uid: source.uid,
						name: source.name,
						type: source.type,
						url: resolve(source.url),
						accessMode: "proxy",
						isDefault: source.isDefault,
						...(source.username && { username: source.username }),
						jsonDataEncoded: resolve(JSON.stringify(source.jsonData)),
						...(source.secrets && { secureJsonDataEncoded: pulumi.secret(source.secrets) }),
					},
					options,
				),
		);
		const folders = new Map<string, grafana.oss.Folder>();
		for (const pack of packs) {
			folders.set(pack.name, new grafana.oss.Folder(pack.name, { uid: pack.name, title: pack.title }, options));
		}
		for (const dashboard of dashboards) {
			const folder = folders.get(dashboard.pack);
			new grafana.oss.Dashboard(
				dashboard.uid,
				{ configJson: dashboard.json, folder: folder?.uid, overwrite: true, message: dashboardMessage },
				{ ...options, dependsOn: sources },
			);
		}
		this.registerOutputs({});
	}
}
