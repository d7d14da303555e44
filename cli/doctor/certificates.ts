// Certificates that expire soon: from that day on clients refuse to connect.

import { connect } from "node:tls";
import type { Context } from "../drift/finding.ts";
import type { Complaint } from "./complaint.ts";

/** Days before its end from which on a certificate is complained about. A month: people are on holiday for weeks. */
const leastDays = 30;

/** Complaints about the certificates that Grafana and the collector present. */
export async function certificates({ endpoints, stack }: Context): Promise<Complaint[]> {
	const doors = { grafana: endpoints.grafana, collector: endpoints.otlpHttp };
	const shown = Object.entries(doors).filter(([, url]) => url.startsWith("https:"));
	const complaints = shown.map(async ([about, url]): Promise<Complaint[]> => {
		const days = (Date.parse(await validTo(new URL(url), endpoints.ca)) - Date.now()) / 86_400_000;
		if (days > leastDays) return [];
		return [
			{
				severity: days > 0 ? "warning" : "broken",
				about,
				what: days > 0 ? `its certificate expires in ${Math.floor(days)} days` : "its certificate has expired",
				todo: `./tracestack up --stack ${stack} renews one that it generated; your own is set in tracestack:access`,
			},
		];
	});
	return (await Promise.all(complaints)).flat();
}

/** Until when a server's certificate is valid, whether it is trusted or not. */
function validTo({ hostname: host, port }: URL, ca: string | undefined): Promise<string> {
	return new Promise((resolve, reject) => {
		// Nothing is sent over this connection, so that it need not be trusted.
		const socket = connect({ host, port: Number(port || 443), ca, rejectUnauthorized: false, timeout: 5000 }, () => {
			resolve(socket.getPeerCertificate().valid_to);
			socket.end();
		});
		socket.on("error", reject);
		socket.on("timeout", () => socket.destroy(new Error(`${host}:${port} did not answer within 5 s`)));
	});
}
