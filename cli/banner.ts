// What `up` ends with.

import { paint, shorten } from "./output.ts";
import { type Endpoints, otlpGrpcUrl } from "./verify/api.ts";

/** Columns that a name may push the addresses to the right. */
const mostWidth = 40;

/**
 * Where everything is, and what an application needs. No line is longer than 80 columns, but for an address that is: it must
 * be whole to be copied.
 */
export function banner(e: Endpoints, stack: string): string {
	const suffix = stack === "dev" ? "" : ` --stack ${stack}`;
	const addresses: [name: string, address: string | undefined][] = [
		["Grafana", e.grafana],
		["  user", `${e.grafanaUser}, password: ./tracestack password${suffix}`],
		...e.dashboards.map(({ title, uid }): [string, string] => [`  ${title}`, `${e.grafana}/d/${uid}`]),
		["Tempo", e.tempo],
		["Prometheus", e.prometheus],
		["Loki", e.loki],
		["Alertmanager", e.alertmanager],
	];
	// A title that is longer than all others would push every address out of sight: its own stands below it.
	const width = Math.max(18, ...addresses.map(([name]) => name.length).filter((length) => length <= mostWidth));
	const lines = addresses.flatMap(([name, address]) => {
		if (!address) return [];
		const line = `${name.padEnd(width)} ${address}`;
		return line.length <= 80 ? [line] : [shorten(name, 80), `    ${address}`];
	});
	return `
${lines.join("\n")}

${paint("bold", "Send from an application")}
  export OTEL_EXPORTER_OTLP_ENDPOINT=${e.otlpHttp}
  export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
or
  export OTEL_EXPORTER_OTLP_ENDPOINT=${otlpGrpcUrl(e)}
  export OTEL_EXPORTER_OTLP_PROTOCOL=grpc
${asked(e, suffix)}`;
}

/** What the stack asks of an application beside its address, without the secret itself. */
function asked({ otlpToken, ca }: Endpoints, suffix: string): string {
	const [header, file] = [
		"OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20TOKEN",
		"OTEL_EXPORTER_OTLP_CERTIFICATE=ca.pem",
	];
	const lines = [
		...(otlpToken ? [`  export ${header}`, `    TOKEN: ./tracestack token${suffix}`] : []),
		...(ca ? [`  export ${file}`, `    ca.pem: ./tracestack ca${suffix}`] : []),
	];
	return lines.length > 0 ? `and\n${lines.join("\n")}\n` : "";
}
