import { describe, expect, it } from "vitest";
import { parseSettings, SettingsError } from "../../settings.ts";

const dev = { project: "tracestack", name: "dev" };

function messageOf(raw: Record<string, unknown>, images?: string): string {
	try {
		parseSettings(raw, dev, images);
	} catch (error) {
		if (error instanceof SettingsError) return error.message;
		throw error;
	}
	return "";
}

describe("settings", () => {
	it("have a default for everything", () => {
		const settings = parseSettings({}, dev);
		expect(settings).toMatchObject({ target: "docker", bindAddress: "127.0.0.1", ports: { grafana: 3000 } });
		expect(settings.image("tempo").image).toBe("grafana/tempo:3.0.3");
	});

	it("are refused with the file, each key, its value and what is allowed, all at once", () => {
		const message = messageOf({
			target: "moon",
			ports: { grafana: 70000, grafanna: 1 },
			logs: { retention: "1h" },
			colour: "red",
		});
		expect(message).toContain("Pulumi.dev.yaml has 5 mistakes");
		expect(message).toMatch(/target: "moon": .*docker.*aws/);
		expect(message).toMatch(/ports\.grafana: 70000: .*65535/);
		expect(message).toContain("ports.grafanna: there is no such setting");
		expect(message).toMatch(/logs\.retention: "1h": at least 24h/);
		expect(message).toContain("colour: there is no such setting");
	});

	it.each([
		[{ bindAddress: "localhost" }, "bindAddress"],
		[{ ports: 3000 }, "ports"],
		[{ tempo: { retention: "14d" } }, "tempo.retention"],
		[{ tempo: { retention: 336 } }, "tempo.retention"],
		[{ grafana: { adminUser: "" } }, "grafana.adminUser"],
		[{ logLevel: "verbose" }, "logLevel"],
	])("%j names %s", (raw, key) => {
		expect(messageOf(raw)).toContain(`  ${key}: `);
	});

	it("say which image catalogue can't be read or has no entry", () => {
		expect(messageOf({}, "/nowhere.yaml")).toContain("the image catalogue /nowhere.yaml can't be read");
		expect(() => parseSettings({}, dev).image("jaeger")).toThrow('configs/versions.yaml has no entry "jaeger"');
	});
});
