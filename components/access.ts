// What others must show before they may use a stack, and what it shows them: a token, a password, a certificate.

import { type Input, output } from "@pulumi/pulumi";
import { outside } from "../settings/access.ts";
import type { Settings } from "../settings.ts";
import { RandomSecret } from "./secret.ts";
import { trust } from "./trust.ts";
import type { AddressOf, Secret } from "./workload.ts";

/** Made once for a stack; what its settings don't ask for is undefined. */
export interface Access {
	/** Bearer token that OTLP asks for. */
	token?: Input<string>;
	/** Of Grafana's own metrics, which are Prometheus's to read. */
	metricsPassword?: Input<string>;
	/** The server's certificate in PEM, and those that lead to its authority. */
	certificate?: Input<string>;
	/** Its private key. */
	key?: Input<string>;
	/** The authority's certificate; undefined where systems know it anyway. */
	ca?: Input<string>;
}

/** Makes what the settings ask for. This process trusts the authority from then on: it asks servers whether they are ready. */
export async function makeAccess(settings: Settings, at: AddressOf): Promise<Access> {
	const { certificate, key, ca } = await identity(settings, at);
	if (ca) output(ca).apply(trust);
	if (!settings.access.token) return { certificate, key, ca };
	const [token, metricsPassword] = ["otlp-token", "grafana-metrics"].map((name) => new RandomSecret(name).value);
	return { token, metricsPassword, certificate, key, ca };
}

async function identity(settings: Settings, at: AddressOf): Promise<Pick<Access, "certificate" | "key" | "ca">> {
	const { project, stack, access } = settings;
	if (access.tls !== "generated") return access;
	// Loaded here: a stack without TLS does not wait for it.
	const { Certificate } = await import("./certificate.ts");
	const within = [at("collector", 4317), at("grafana", 3000)].map((address) => address.replace(/:\d+$/, ""));
	const names = new Set([outside(settings).host, ...access.hosts, "localhost", "127.0.0.1", ...within]);
	return new Certificate("server", { authority: `${project} ${stack}`, names: [...names] });
}

/** Whether what others reach speaks TLS. */
export function speaksTls({ access }: Settings): boolean {
	return access.tls !== "none";
}

/** Whether clients must be given an authority's certificate: systems don't know it. */
export function hasAuthority({ access }: Settings): boolean {
	return access.tls === "generated" || access.ca !== undefined;
}

/** The certificate and its key as files of a workload; none where it speaks no TLS. */
export function certificateFiles(settings: Settings, folder: string, { certificate = "", key = "" }: Access) {
	const files = { certificate: `${folder}/server.crt`, key: `${folder}/server.key` };
	const secrets: Secret[] = [
		{ value: certificate, as: { file: files.certificate } },
		{ value: key, as: { file: files.key } },
	];
	return speaksTls(settings) ? { files, secrets } : { secrets: [] };
}
