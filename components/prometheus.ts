import { outside, serverUrl } from "../settings/access.ts";
import type { Settings } from "../settings.ts";
import { type Access, hasAuthority, speaksTls } from "./access.ts";
import { worker, workerPort } from "./archive.ts";
import { callTo } from "./calls.ts";
import { metricsUser } from "./grafana.ts";
import { renderYaml } from "./render.ts";
import { ruleFiles } from "./rules.ts";
import { sizeOf } from "./sizes.ts";
import type { AddressOf, Offers, Rendered, Workload } from "./workload.ts";

const nobody = { uid: 65534, gid: 65534 };
const secrets = "/etc/prometheus/secrets";
const caFile = `${secrets}/ca.crt`;
const passwordFile = `${secrets}/grafana-metrics`;

/** Where its database lies, in GiB. */
const volumeGiB = 20;

/**
 * Share of a volume with a quota that blocks may take. The rest is for the log of the last hours and for compaction: Prometheus's
 * documentation advises 80 to 85 %. Without it a full volume ends Prometheus; with it the oldest samples go before their time.
 */
const blockShare = 0.8;

/** Where each service shows its own metrics. */
const scraped = {
	tempo: 3200,
	collector: 8888,
	prometheus: 9090,
	loki: 3100,
	alertmanager: 9093,
	grafana: 3000,
	[worker]: workerPort,
};

/** Bytes of spans by service: what each costs. */
const usage = { job_name: "tempo-usage", metrics_path: "/usage_metrics" };

/** Prometheus's configuration for a stack: the file under configs/ with addresses in place. */
function prometheusConfig(settings: Settings, at: AddressOf, { metrics }: Offers): string {
	const { patch } = settings.image("prometheus");
	return renderYaml(
		"prometheus/prometheus.yaml",
		{
			// Alertmanager routes by it; a series' own value of the label stays.
			global: { external_labels: { env: settings.alerts.env } },
			...(metrics && { remote_write: [longTerm(metrics)] }),
			alerting: { alertmanagers: [{ static_configs: [{ targets: [at("alertmanager", 9093)] }] }] },
			scrape_configs: [
				...Object.entries(scraped)
					.filter(([service]) => service !== "loki" || settings.logs.enabled)
					.filter(([service]) => service !== worker || settings.archive.enabled)
					.map(([service, port]) => ({
						job_name: service,
						...(service === "grafana" && admittedByGrafana(settings)),
						...targetsOf(service, at(service, port), settings),
					})),
				{ ...usage, static_configs: [{ targets: [at("tempo", scraped.tempo)] }] },
				...settings.scrapes.map(({ job, targets, path, scheme, interval }) => ({
					job_name: job,
					scrape_interval: interval,
					metrics_path: path,
					scheme,
					static_configs: [{ targets }],
				})),
			],
		},
		patch,
	);
}

/** A store for the long term: samples without exemplars, which it does not keep and refuses in part. */
function longTerm({ url, region }: NonNullable<Offers["metrics"]>) {
	return {
		url: `${url}/api/v1/remote_write`,
		sigv4: { region },
		send_exemplars: false,
		send_native_histograms: true,
		// What AWS advises: https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-onboard-ingest-metrics-remote-write-EC2.html
		queue_config: { max_samples_per_send: 1000, max_shards: 200, capacity: 2500 },
	};
}

/** Where a service's metrics are: of several collectors, at each address that their name has. */
function targetsOf(service: string, address: string, { collector: { instances } }: Settings) {
	if (service !== "collector" || instances.max === 1) return { static_configs: [{ targets: [address] }] };
	const [name, port] = address.split(":");
	return { dns_sd_configs: [{ names: [name], type: "A", port: Number(port), refresh_interval: "15s" }] };
}

/** What Grafana asks for where others reach it, and how it is known: by the name that it has for them. */
function admittedByGrafana(settings: Settings) {
	const known = { ...(hasAuthority(settings) && { ca_file: caFile }), server_name: outside(settings).host };
	return {
		...(settings.access.token && { basic_auth: { username: metricsUser, password_file: passwordFile } }),
		...(speaksTls(settings) && { scheme: "https", tls_config: known }),
	};
}

/** Prometheus: metrics with exemplars, by scrape, remote write and OTLP; evaluates alert rules. */
export function prometheus(settings: Settings, at: AddressOf, access: Access = {}, offers: Offers = {}): Workload {
	const files: Record<string, Rendered> = {
		"/etc/prometheus/prometheus.yaml": { text: prometheusConfig(settings, at, offers) },
	};
	const url = serverUrl(settings, "prometheus");
	for (const rule of ruleFiles(settings)) files[`/etc/prometheus/rules/${rule.name}`] = { text: rule.text, live: true };
	return {
		name: "prometheus",
		description: "metrics with exemplars, alert rules",
		image: settings.image("prometheus").image,
		command: [
			"--config.file=/etc/prometheus/prometheus.yaml",
			"--storage.tsdb.path=/prometheus",
			`--storage.tsdb.retention.time=${settings.metrics.retention}`,
			...(offers.quotas ? [`--storage.tsdb.retention.size=${volumeGiB * blockShare}GB`] : []),
			// Notifications lead to the query of their alert.
			...(url ? [`--web.external-url=${url}`] : []),
			"--web.enable-remote-write-receiver",
			"--web.enable-otlp-receiver",
			`--enable-feature=exemplar-storage${offers.liveFiles ? ",auto-reload-config" : ""}`,
			...(offers.liveFiles ? ["--config.auto-reload-interval=15s"] : []),
			`--log.level=${settings.logLevel}`,
		],
		user: nobody,
		files,
		env: {},
		secrets: [
			...(settings.access.token ? [{ value: access.metricsPassword ?? "", as: { file: passwordFile } }] : []),
			...(hasAuthority(settings) ? [{ value: access.ca ?? "", as: { file: caFile } }] : []),
		],
		ports: [{ name: "prometheus", number: 9090, protocol: "http", reach: "host" }],
		calls: settings.scrapes.flatMap(({ targets, scheme }) => targets.map((target) => callTo(`${scheme}://${target}`))),
		volumes: [
			// The database maps files and breaks on a network file system.
			{
				name: "data",
				path: "/prometheus",
				sizeGiB: volumeGiB,
				owner: nobody,
				ownedByImage: true,
				keep: "replace",
				fs: "posix",
			},
		],
		grants: offers.metrics ? [{ metrics: "remote-write" }] : [],
		ready: {
			port: "prometheus",
			path: "/-/ready",
			timeoutSeconds: 60,
			ask: ["/bin/promtool", "check", "ready", "--url=http://127.0.0.1:9090"],
		},
		size: sizeOf(settings, "prometheus"),
		scale: { min: 1, max: 1, deploy: "stop-first" },
		stopGraceSeconds: 60,
	};
}
