// Who is told of alerts, as Alertmanager's configuration has them.

import type { Settings } from "../settings.ts";
import { callTo } from "./calls.ts";
import type { Patch } from "./render.ts";
import type { Call, Secret } from "./workload.ts";

/** A receiver as the settings describe it. */
export type Receiver = Settings["receivers"][number];

/** The name of the alert that `./tracestack smoke` sends: it is routed to nobody, whatever receivers ask for. */
export const smokeAlert = "TracestackSmoke";

/** The first route: it takes the smoke test's alert, and no route after it sees that. */
export const quietRoute = { receiver: "none", matchers: [`alertname="${smokeAlert}"`] };

/** A route for each receiver. `continue` lets an alert reach every receiver that matches, not only the first. */
export function routesOf(receivers: Receiver[]) {
	return receivers.map(({ name, severities, envs, teams }) => ({
		receiver: name,
		matchers: [...matcher("severity", severities), ...matcher("env", envs), ...matcher("team", teams)],
		continue: true,
	}));
}

function matcher(label: string, values: string[]): string[] {
	if (values.length === 0) return [];
	// Only what RE2 reads as more than itself: it refuses an escaped letter, such as \ü.
	const pattern = values.map((value) => value.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|");
	return [`${label}=~${JSON.stringify(pattern)}`];
}

/** Path of a receiver's secret: Alertmanager expands no environment variables. */
function secretFile({ name }: Receiver): string {
	return `/etc/alertmanager/secrets/${name}`;
}

/** A receiver's credential; undefined where it has none. */
function secretOf(receiver: Receiver): string | undefined {
	switch (receiver.type) {
		case "webhook":
			return receiver.token;
		case "slack":
			return receiver.webhookUrl;
		case "pagerduty":
			return receiver.routingKey;
		case "email":
			return receiver.password;
	}
}

/** Every alert of a group: its description, and a link to the page that says what to do, where there is one. */
const text =
	"{{ range .Alerts }}{{ .Annotations.description }}{{ with .Annotations.runbook_url }}\n{{ . }}{{ end }}\n{{ end }}";

/**
 * What a group is about, in a line. A group is one alert name of one service, and may have several alerts, such as one for each
 * exporter: an annotation that differs between them is not common, and would leave the line empty.
 */
const title =
	"{{ .Status | toUpper }} {{ .CommonLabels.env }}: " +
	"{{ with .CommonAnnotations.summary }}{{ . }}" +
	"{{ else }}{{ .CommonLabels.alertname }}{{ if gt (len .Alerts) 1 }}, {{ len .Alerts }} alerts{{ end }}{{ end }}";

/** A receiver in Alertmanager's configuration. */
export function integration(receiver: Receiver): Patch {
	const { name, resolved: send_resolved } = receiver;
	const file = secretFile(receiver);
	switch (receiver.type) {
		case "webhook": {
			const authorization = { type: "Bearer", credentials_file: file };
			const http_config = receiver.token ? { http_config: { authorization } } : {};
			return { name, webhook_configs: [{ send_resolved, url: receiver.url, ...http_config }] };
		}
		case "slack": {
			const { channel } = receiver;
			return {
				name,
				slack_configs: [{ send_resolved, api_url_file: file, ...(channel && { channel }), title, text }],
			};
		}
		case "pagerduty": {
			const { url } = receiver;
			return {
				name,
				pagerduty_configs: [
					{
						send_resolved,
						routing_key_file: file,
						...(url && { url }),
						description: title,
						severity: "{{ if .CommonLabels.severity }}{{ .CommonLabels.severity }}{{ else }}error{{ end }}",
						details: { text },
					},
				],
			};
		}
		case "email": {
			const { to, from, smarthost, username, password, requireTls: require_tls } = receiver;
			const login = {
				...(username && { auth_username: username }),
				...(password && { auth_password_file: file }),
			};
			return {
				name,
				email_configs: [{ send_resolved, to, from, smarthost, require_tls, ...login, headers: { subject: title } }],
			};
		}
	}
}

/** The ports that notifications go to, beyond the stack. */
export function callsOfReceivers(receivers: Receiver[]): Call[] {
	return receivers.map((receiver) => {
		switch (receiver.type) {
			case "webhook":
				return callTo(receiver.url);
			case "email":
				return callTo(receiver.smarthost);
			default:
				return { port: 443 };
		}
	});
}

/** Secrets of receivers as files. */
export function secretsOf(receivers: Receiver[]): Secret[] {
	return receivers.flatMap((receiver) => {
		const value = secretOf(receiver);
		return value ? [{ value, as: { file: secretFile(receiver) } }] : [];
	});
}
