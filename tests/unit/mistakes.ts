// Settings with a mistake, and what is said about it.

import { expect, test } from "vitest";
import { parseSettings, type Settings, SettingsError } from "../../settings.ts";

export const dev = { project: "tracestack", name: "dev" };

/** What people are told of wrong settings; nothing of right ones. */
export function messageOf(parse: () => Settings): string {
	try {
		parse();
	} catch (error) {
		if (error instanceof SettingsError) return error.message;
		throw error;
	}
	return "";
}

export const refused = (raw: Record<string, unknown>, images?: string) =>
	messageOf(() => parseSettings(raw, dev, images));

/** A stack on AWS that lacks nothing, with more or other settings below `aws`. */
export const onAws = (more: Record<string, unknown> = {}) => ({
	target: "aws",
	access: { token: true },
	aws: { ...aws, ...more },
});

export const aws = {
	region: "eu-central-1",
	hostedZoneId: "Z0123456789",
	grafana: { domain: "grafana.example.com" },
	otlp: { domain: "otlp.example.com" },
};

/** Settings, the key that is named, and what is said about it. */
export type Mistake = [raw: Record<string, unknown>, key: string, said: string];

/** Each is told by itself, with its key, its value, what is allowed and what was meant. */
export function testMistakes(mistakes: Mistake[]): void {
	test.each(mistakes)("%j", (raw, key, said) => {
		const message = refused(raw);
		expect(message).toMatch(/^Pulumi\.dev\.yaml has a mistake:\n/);
		expect(message.replaceAll(/\s+/g, " ")).toContain(`tracestack:${key} `);
		expect(message.replaceAll(/\s+/g, " ")).toContain(said);
	});
}
