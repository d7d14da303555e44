// Where Pulumi keeps the stack's state. A backend that the user has is used as it is; a newcomer gets a local one.

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { root, stateDir } from "./paths.ts";

/** Environment for Pulumi: a local backend, made when there is none; empty when the user has a backend. */
export async function backendEnvironment(): Promise<Record<string, string>> {
	if (await userHasBackend()) return {};
	const passphrase = join(stateDir, "passphrase");
	await mkdir(join(stateDir, "backend"), { recursive: true, mode: 0o700 });
	if (!existsSync(passphrase))
		await writeFile(passphrase, randomBytes(24).toString("base64url"), { mode: 0o600, flag: "wx" });
	return {
		PULUMI_BACKEND_URL: `file://${join(stateDir, "backend")}`,
		// A home of its own: the user's selected stacks and settings stay as they are.
		PULUMI_HOME: join(stateDir, "pulumi"),
		// In place of one that this shell may have: in another shell the state could not be read.
		PULUMI_CONFIG_PASSPHRASE: await readFile(passphrase, "utf8"),
		// The key's salt is kept with the state, so that Pulumi.<stack>.yaml stays as it was committed.
		PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: "true",
	};
}

/** The user's own Pulumi home, where logins and plugins are. */
export function userPulumiHome(): string {
	return process.env.PULUMI_HOME ?? join(homedir(), ".pulumi");
}

async function userHasBackend(): Promise<boolean> {
	if (process.env.PULUMI_BACKEND_URL || process.env.PULUMI_ACCESS_TOKEN) return true;
	if (parse(await readFile(join(root, "Pulumi.yaml"), "utf8")).backend?.url) return true;
	const credentials = await readFile(
		join(process.env.PULUMI_CREDENTIALS_PATH ?? userPulumiHome(), "credentials.json"),
		"utf8",
	).catch(() => "{}");
	return Boolean(JSON.parse(credentials).current);
}

/**
 * Runs a Pulumi command, then takes the encryption salt that it saves out of the stack's settings file: it belongs to this
 * machine's local backend, not into everybody's checkout. Other changes to the file stay.
 *
 * @param ownBackend False leaves the file alone: the salt of the user's own backend belongs there.
 */
export async function keepingSettingsFile<T>(stack: string, ownBackend: boolean, body: () => Promise<T>): Promise<T> {
	const file = join(root, `Pulumi.${stack}.yaml`);
	const before = await readFile(file, "utf8").catch(() => undefined);
	try {
		return await body();
	} finally {
		const after = await readFile(file, "utf8").catch(() => undefined);
		const salt = /^encryptionsalt:.*\n?/m;
		if (ownBackend && after !== undefined && salt.test(after) && !salt.test(before ?? "")) {
			const cleaned = after.replace(salt, "");
			const same = JSON.stringify(parse(before ?? "")) === JSON.stringify(parse(cleaned));
			if (same && before === undefined) await rm(file);
			else await writeFile(file, same && before !== undefined ? before : cleaned);
		}
	}
}
