// Kinds of values that several settings have.

import { z } from "zod";

const secret = (description: string) => ({
	description,
	allowed: "a text that is not empty, as a Pulumi secret",
	secret: true,
});

/** A credential: kept out of messages, and a secret of the stack. */
export function secretText(description: string) {
	return z.string().min(1).meta(secret(description));
}

/** One that may be left out. */
export function credential(description: string) {
	return z.string().min(1).optional().meta(secret(description));
}

/** A URL of HTTP. What the pattern takes may still be none, such as one with the port 99999. */
export const url = z
	.string()
	.regex(/^https?:\/\/[^\s/]+(\/\S*)?$/)
	.refine((text) => URL.canParse(text));

/** Where a server listens, without scheme: a name or an IPv4 address, and a port. */
export const hostPort = z
	.string()
	.regex(/^[A-Za-z0-9.-]+:\d{1,5}$/)
	.refine(hasPort)
	.meta({ allowed: "host:port, the port from 1 to 65535" });

/** Whether the port is one, where there is any. */
export function hasPort(address: string): boolean {
	const [, port] = /:(\d+)$/.exec(address) ?? [];
	return port === undefined || (Number(port) >= 1 && Number(port) <= 65535);
}

/** Whether no text of a list is in it twice. */
export function isEachOnce(texts: string[]): boolean {
	return new Set(texts).size === texts.length;
}

/** How long something is kept. */
export function retention(description: string, byDefault: string, atLeastHours = 1) {
	const allowed = `hours or days, such as 36h or 14d${atLeastHours > 1 ? `, at least ${atLeastHours}h` : ""}`;
	return duration(atLeastHours).prefault(byDefault).meta({ description, allowed });
}

/** A duration in whole hours or days; in hours afterwards, which every server reads. */
export function duration(atLeastHours = 1) {
	const hours = (text: string) => Number.parseInt(text, 10) * (text.endsWith("d") ? 24 : 1);
	return z
		.string()
		.regex(/^[1-9]\d{0,4}[hd]$/)
		.refine((text) => hours(text) >= atLeastHours)
		.transform((text) => `${hours(text)}h`);
}

/** A regular expression as the collector's library, RE2, has them: https://github.com/google/re2/wiki/Syntax */
export const pattern = z
	.string()
	.min(1)
	.refine(isPattern)
	.meta({ allowed: "a regular expression as RE2 has them: without (?=, (?!, (?<, \\1, \\u, {1001}, []" });

/** Whether both RE2 and JavaScript read it: a collector that is given anything else does not start. */
function isPattern(given: string): boolean {
	// A character by its number: JavaScript would read how often an x is repeated.
	const text = given.replaceAll(/\\x\{[0-9A-Fa-f]+\}|\\./gs, (found) => (found.length > 2 ? "\\x20" : found));
	if (/\(\?<?[=!]/.test(text)) return false;
	const escaped = (text.match(/\\./gs) ?? []).map((two) => two.slice(1));
	if (escaped.some((one) => /[1-9A-Za-z]/.test(one) && !/[aAbBdDfnpPQErsStvwWxz]/.test(one))) return false;
	const plain = text.replaceAll(/\\./gs, "x");
	// In RE2 a bracket that follows the first belongs to the class.
	if (/\[\^?\]/.test(plain)) return false;
	const repeats = [...plain.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].flatMap(([, least, most]) => [
		Number(least),
		Number(most ?? 0),
	]);
	if (repeats.some((times) => times > 1000)) return false;
	try {
		// Flags at its beginning are RE2's own.
		new RegExp(text.replace(/^\(\?[imsU]+\)/, ""));
		return true;
	} catch {
		return false;
	}
}

/** A plugin of Grafana, pinned. */
export const grafanaPlugin = z
	.string()
	.regex(/^[a-z0-9]+(-[a-z0-9]+)+@\d+\.\d+\.\d+\S*$/)
	.meta({ allowed: "a plugin's id and version, such as grafana-clock-panel@2.1.8" });
