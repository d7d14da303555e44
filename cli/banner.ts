// What `up` ends with.

import { paint, shorten } from "./output.ts";
import { type Endpoints, otlpGrpcUrl } from "./verify/api.ts";

/** Columns of a line: a CI log has no more. */
const mostColumns = 80;

type Row = [name: string, address: string];

/**
 * Where everything is, and what an application needs. No line has more than 80 columns, unless an address alone is longer:
 * it must be whole to be copied.
 */
export function banner(e: Endpoints, stack: string): string {
	const suffix = stack === "dev" ? "" : ` --stack ${stack}`;
	const all: [name: string, address: string | undefined][] = [
		["Grafana", e.grafana],
		["  user", `${e.grafanaUser}, password: ./tracestack password${suffix}`],
		...e.dashboards.map(({ title, uid }): [string, string] => [`  ${title}`, `${e.grafana}/d/${uid}`]),
		["Tempo", e.tempo],
		["Prometheus", e.prometheus],
		["Loki", e.loki],
		["Alertmanager", e.alertmanager],
	];
	const lines = columnsOf(all.filter((row): row is Row => row[1] !== undefined));
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

/**
 * Names with addresses in a second column. An address that does not fit is put below its name; the column is where most
 * fit.
 */
function columnsOf(rows: Row[]): string[] {
	const fits = (width: number) => (row: Row) => row[0].length <= width && width + 1 + row[1].length <= mostColumns;
	const widths = rows.map(([name]) => Math.max(18, name.length));
	const width = widths.reduce((best, one) =>
		rows.filter(fits(one)).length > rows.filter(fits(best)).length ? one : best,
	);
	return rows.flatMap((row) => {
		const [name, address] = row;
		return fits(width)(row) ? [`${name.padEnd(width)} ${address}`] : [shorten(name, mostColumns), `    ${address}`];
	});
}

/** What applications need beside the address, without the secret itself. */
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
