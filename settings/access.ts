// Who reaches a stack: where its ports bind, by which name, and what must be set before others may.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIPv4 } from "node:net";
import type { Settings } from "../settings.ts";
import type { Conflict } from "./explain.ts";

type Reachable = Pick<Settings, "bindAddress"> & { access: Pick<Settings["access"], "hosts"> };

/** Where a port binds, and the name or address that reaches it. */
interface Bound {
	ip: string;
	host: string;
}

/** Ports that can ask who you are. */
export function outside({ bindAddress, access }: Reachable): Bound {
	return { ip: bindAddress, host: access.hosts[0] ?? defaultHost(bindAddress) };
}

/** Ports that ask nobody: on loopback, whatever `bindAddress` is. */
export function inside({ bindAddress }: Reachable): Bound {
	const ip = isLoopback(bindAddress) ? bindAddress : "127.0.0.1";
	return { ip, host: ip };
}

/** Where a browser finds Grafana: what links begin with that people share. */
export function grafanaUrl(settings: Settings): string {
	if (settings.aws) return `https://${settings.aws.grafana.domain}`;
	const scheme = settings.access.tls === "none" ? "http" : "https";
	return `${scheme}://${outside(settings).host}:${settings.ports.grafana}`;
}

/**
 * Where a browser finds a server that asks nobody who they are: what links in notifications begin with. Undefined where others than
 * this machine may use the stack, who reach Grafana only.
 */
export function serverUrl(settings: Settings, server: "prometheus" | "alertmanager"): string | undefined {
	if (settings.aws || !isLoopback(settings.bindAddress)) return undefined;
	return `http://${inside(settings).host}:${settings.ports[server]}`;
}

function defaultHost(bindAddress: string): string {
	return bindAddress === "0.0.0.0" ? "127.0.0.1" : bindAddress;
}

function isLoopback(address: string): boolean {
	return address.startsWith("127.");
}

/** What is missing before others may reach the stack, and what is wrong with a certificate of one's own. */
export function accessConflicts(bindAddress: unknown, access: Record<string, unknown>): Conflict[] {
	const bound = typeof bindAddress === "string" && isIPv4(bindAddress) ? bindAddress : "127.0.0.1";
	return [...(isLoopback(bound) ? [] : openConflicts(bound, access)), ...certificateConflicts(bound, access)];
}

function openConflicts(bindAddress: string, { token = false, tls = "none", hosts = [] }: Record<string, unknown>) {
	const conflicts: Conflict[] = [];
	const need = (key: string, is: string, advice: string) =>
		conflicts.push({ path: ["access", key], problem: `is ${is} while bindAddress is ${bindAddress}\n    ${advice}` });
	if (token === false) need("token", "false", "OTLP would take telemetry from everybody: set it to true");
	if (tls === "none") need("tls", '"none"', "passwords could be read on their way: set it to generated, or to own");
	if (tls === "generated" && bindAddress === "0.0.0.0" && Array.isArray(hosts) && hosts.length === 0)
		need("hosts", "empty", "a certificate needs names: list those by which others reach this machine");
	return conflicts;
}

function certificateConflicts(bindAddress: string, access: Record<string, unknown>): Conflict[] {
	const conflict = (name: string, problem: string): Conflict => ({ path: ["access", name], problem });
	const { tls, certificate, key, hosts } = access;
	if (tls !== "own") {
		const unused = ["certificate", "key", "ca"].filter((name) => access[name] !== undefined);
		return unused.map((name) => conflict(name, "is not used\n    set access.tls to own"));
	}
	const missing = ["certificate", "key"].filter((name) => access[name] === undefined);
	if (missing.length > 0) return missing.map((name) => conflict(name, 'is missing, and access.tls is "own"'));

	const read = orUndefined(() => new X509Certificate(String(certificate)));
	if (!read) return [conflict("certificate", "can't be read\n    allowed: PEM, the server's own first")];
	const conflicts: Conflict[] = [];
	if (access.ca !== undefined && !orUndefined(() => new X509Certificate(String(access.ca))))
		conflicts.push(conflict("ca", "can't be read\n    allowed: PEM"));
	if (read.validToDate < new Date()) conflicts.push(conflict("certificate", `has expired: ${read.validTo}`));
	const secret = orUndefined(() => createPrivateKey(String(key)));
	if (!secret) conflicts.push(conflict("key", "can't be read\n    allowed: PEM, without a passphrase"));
	else if (!read.checkPrivateKey(secret)) conflicts.push(conflict("key", "is not the certificate's"));
	const names = Array.isArray(hosts) && hosts.length > 0 ? hosts.map(String) : [defaultHost(bindAddress)];
	const others = names.filter((name) => !(isIPv4(name) ? read.checkIP(name) : read.checkHost(name)));
	if (others.length > 0) {
		const problem = `is not for ${others.join(", ")} but for ${read.subjectAltName ?? "nothing"}`;
		conflicts.push(conflict("certificate", `${problem}\n    access.hosts lists the names that are used`));
	}
	return conflicts;
}

function orUndefined<T>(make: () => T): T | undefined {
	try {
		return make();
	} catch {
		return undefined;
	}
}
