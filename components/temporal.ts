import { outside } from "../settings/access.ts";
import type { Settings } from "../settings.ts";
import type { Config } from "../workers/temporal-poller/config.ts";
import { type Access, hasAuthority, speaksTls } from "./access.ts";
import { callTo } from "./calls.ts";
import { program } from "./program.ts";
import { sizeOf } from "./sizes.ts";
import type { AddressOf, Secret, Workload } from "./workload.ts";

const name = "temporal-poller";
const port = 8080;
const apiKeyFile = `/etc/${name}/secrets/api-key`;
const tokenFile = `/etc/${name}/secrets/otlp-token`;
const stackCaFile = `/etc/${name}/secrets/ca.crt`;
const temporalCaFile = `/etc/${name}/temporal-ca.crt`;

/** Asks Temporal's HTTP API about workflows and sends metrics of them; nothing where no Temporal is set. */
export function temporalPoller(settings: Settings, at: AddressOf, access: Access = {}): Workload[] {
	const { temporal } = settings;
	if (!temporal) return [];
	const { endpoint, namespaces, apiKey, ca, intervalSeconds } = temporal;
	const tls = speaksTls(settings);
	const config: Config = {
		temporal: { endpoint, namespaces, ...(apiKey && { apiKeyFile }) },
		intervalSeconds,
		otlp: {
			url: `${tls ? "https" : "http"}://${at("collector", 4318)}/v1/metrics`,
			...(settings.access.token && { tokenFile }),
			...(tls && { tls: { name: outside(settings).host, ...(hasAuthority(settings) && { caFile: stackCaFile }) } }),
		},
		prometheus: `http://${at("prometheus", 9090)}`,
		port,
	};
	const { files, ...rest } = program(settings, name, config);
	const secret = (value: Secret["value"] | undefined, file: string): Secret[] => [{ value: value ?? "", as: { file } }];
	return [
		{
			...rest,
			name,
			description: "metrics of Temporal's workflows",
			files: { ...files, ...(ca && { [temporalCaFile]: { text: ca } }) },
			env: ca ? { NODE_EXTRA_CA_CERTS: temporalCaFile } : {},
			secrets: [
				...(apiKey ? secret(apiKey, apiKeyFile) : []),
				...(settings.access.token ? secret(access.token, tokenFile) : []),
				...(hasAuthority(settings) ? secret(access.ca, stackCaFile) : []),
			],
			ports: [{ name: "temporalPoller", number: port, protocol: "http", reach: "host" }],
			calls: [callTo(endpoint)],
			volumes: [],
			ready: {
				port: "temporalPoller",
				path: "/",
				timeoutSeconds: 120,
				ask: ["node", "-e", `fetch("http://127.0.0.1:${port}/").then(({ ok }) => process.exit(ok ? 0 : 1))`],
			},
			size: sizeOf(settings, name),
			scale: { min: 1, max: 1, deploy: "stop-first" },
			stopGraceSeconds: 10,
		},
	];
}
