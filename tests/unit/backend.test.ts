import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const paths = vi.hoisted(() => ({ root: "", stateDir: "" }));
vi.mock("../../cli/paths.ts", () => paths);

const { backendEnvironment, keepingSettingsFile } = await import("../../cli/backend.ts");

let dir: string;

beforeEach(() => {
	dir = mkdtempSync(join(tmpdir(), "tracestack-backend-"));
	Object.assign(paths, { root: dir, stateDir: join(dir, "state") });
	writeFileSync(join(dir, "Pulumi.yaml"), "name: tracestack\n");
	for (const name of [
		"PULUMI_BACKEND_URL",
		"PULUMI_ACCESS_TOKEN",
		"PULUMI_CONFIG_PASSPHRASE",
		"PULUMI_CONFIG_PASSPHRASE_FILE",
	]) {
		vi.stubEnv(name, undefined);
	}
	vi.stubEnv("PULUMI_HOME", join(dir, "pulumi-home-of-the-user"));
});

afterEach(() => {
	vi.unstubAllEnvs();
	rmSync(dir, { recursive: true });
});

describe("the backend", () => {
	it("is a local one with a private passphrase for a newcomer, the same at the next run", async () => {
		const env = await backendEnvironment();
		expect(env.PULUMI_BACKEND_URL).toBe(`file://${dir}/state/backend`);
		expect(statSync(join(dir, "state/passphrase")).mode & 0o777).toBe(0o600);
		expect(env.PULUMI_CONFIG_PASSPHRASE).toMatch(/^[\w-]{32}$/);
		vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "of another project, in this shell only");
		expect(await backendEnvironment()).toEqual(env);
	});

	it.each(["PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN"])("is the user's own when %s is set", async (name) => {
		vi.stubEnv(name, "theirs");
		expect(await backendEnvironment()).toEqual({});
	});

	it("is the one that the user is logged in to", async () => {
		vi.stubEnv("PULUMI_CREDENTIALS_PATH", dir);
		writeFileSync(join(dir, "credentials.json"), JSON.stringify({ current: "https://api.pulumi.com" }));
		expect(await backendEnvironment()).toEqual({});
	});

	it("is the one that the project names", async () => {
		writeFileSync(join(dir, "Pulumi.yaml"), "name: tracestack\nbackend: { url: 's3://bucket' }\n");
		expect(await backendEnvironment()).toEqual({});
	});
});

describe("the settings file", () => {
	const settings = "# why\nconfig:\n  tracestack:target: docker # here\n";
	const file = () => join(dir, "Pulumi.dev.yaml");
	const read = () => readFileSync(file(), "utf8");

	it("is as it was when the engine only added its salt", async () => {
		writeFileSync(file(), settings);
		await keepingSettingsFile("dev", true, async () => writeFileSync(file(), `encryptionsalt: v1:x\n${settings}`));
		expect(read()).toBe(settings);
	});

	it("keeps what a command wrote beside the salt", async () => {
		writeFileSync(file(), settings);
		const changed = "config:\n  tracestack:target: docker\n  tracestack:logLevel: debug\n";
		await keepingSettingsFile("dev", true, async () => writeFileSync(file(), `${changed}encryptionsalt: v1:x\n`));
		expect(read()).toBe(changed);
	});

	it("is not left behind, holding nothing, for a stack that had none", async () => {
		await keepingSettingsFile("dev", true, async () => writeFileSync(file(), "encryptionsalt: v1:x\n"));
		expect(() => read()).toThrow("ENOENT");
	});

	it("is restored when the command fails, and its error is passed on", async () => {
		writeFileSync(file(), settings);
		const failing = keepingSettingsFile("dev", true, async () => {
			writeFileSync(file(), `${settings}encryptionsalt: v1:x\n`);
			throw new Error("broken");
		});
		await expect(failing).rejects.toThrow("broken");
		expect(read()).toBe(settings);
	});

	it("is not touched with a backend of the user's own: there the salt belongs into it", async () => {
		writeFileSync(file(), settings);
		await keepingSettingsFile("dev", false, async () => writeFileSync(file(), `encryptionsalt: v1:x\n${settings}`));
		expect(read()).toContain("encryptionsalt");
	});

	it("keeps a salt that was committed", async () => {
		const committed = `${settings}encryptionsalt: v1:committed\n`;
		writeFileSync(file(), committed);
		await keepingSettingsFile("dev", true, async () => {});
		expect(read()).toBe(committed);
	});
});
