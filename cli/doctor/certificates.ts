// Certificates that will soon be of the past: clients refuse everything from that day on.

import { connect } from "node:tls";
import type { Context } from "../drift/finding.ts";
import type { Complaint } from "./complaint.ts";

/** A month: a certificate authority needs days, people are on holiday for weeks. */
const leastDays = 30;

/** What Grafana and the collector show whoever connects. */
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
				what: days > 0 ? `its certificate ends in ${Math.floor(days)} days` : "its certificate has ended",
				todo: `./tracestack up --stack ${stack} renews one that it generated; one of your own has to be replaced in access`,
			},
		];
	});
	return (await Promise.all(complaints)).flat();
}

/** Until when the certificate that a server shows is valid; trusted or not. */
function validTo({ hostname: host, port }: URL, ca: string | undefined): Promise<string> {
	return new Promise((resolve, reject) => {
		// It is looked at, and nothing is sent.
		const socket = connect({ host, port: Number(port || 443), ca, rejectUnauthorized: false, timeout: 5000 }, () => {
			resolve(socket.getPeerCertificate().valid_to);
			socket.end();
		});
		socket.on("error", reject);
		socket.on("timeout", () => socket.destroy(new Error(`${host}:${port} did not answer within 5 s`)));
	});
}
