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

export const url = z.string().regex(/^https?:\/\/[^\s/]+(\/\S*)?$/);

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

/** A plugin of Grafana, pinned. */
export const grafanaPlugin = z
	.string()
	.regex(/^[a-z0-9]+(-[a-z0-9]+)+@\d+\.\d+\.\d+\S*$/)
	.meta({ allowed: "a plugin's id and version, such as grafana-clock-panel@2.1.8" });
