// The Docker engine: whether one answers, at which address, and how one is installed or started.

import { spawn } from "node:child_process";
import { existsSync, openSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { progress, UserError } from "./output.ts";
import { stateDir } from "./paths.ts";

/**
 * Makes sure that a Docker engine answers. One that the user has is used as it is. On Debian and Ubuntu, as root, a
 * missing one is installed and a stopped one started, after saying so.
 *
 * @throws UserError that says what to do, anywhere else, or when the engine does not start within a minute.
 */
export async function ensureDockerEngine(): Promise<void> {
	const first = await answer();
	if (first === "ready") return;
	if (process.env.DOCKER_HOST)
		throw new UserError(`The Docker engine at DOCKER_HOST=${process.env.DOCKER_HOST} does not answer: ${first}`);
	const help = "Start Docker (or install it: https://docs.docker.com/engine/install/), then run this again.";
	if (process.platform !== "linux" || process.getuid?.() !== 0)
		throw new UserError(`No Docker engine answers: ${first}\n${help}`);

	if (!(await has("dockerd"))) {
		if (!(await isDebian())) throw new UserError(`No Docker engine is installed.\n${help}`);
		progress("no Docker engine found: installing the packages docker.io and iptables");
		const env = { DEBIAN_FRONTEND: "noninteractive" };
		await execa("apt-get", ["update"], { env });
		await execa("apt-get", ["install", "-y", "--no-install-recommends", "docker.io", "iptables"], { env });
	}
	await start();
}

/** Checks that a Docker engine answers. @throws UserError when none does. */
export async function requireDockerEngine(): Promise<void> {
	const first = await answer();
	if (first !== "ready") throw new UserError(`No Docker engine answers: ${first}\nStart Docker, then run this again.`);
}

/**
 * The engine's address as the Docker CLI knows it. The provider reads DOCKER_HOST and not the CLI's contexts, which is
 * where Docker Desktop, Colima and others keep theirs.
 */
export async function engineAddress(): Promise<string | undefined> {
	if (process.env.DOCKER_HOST) return process.env.DOCKER_HOST;
	const context = await execa("docker", ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], {
		reject: false,
	});
	return context.exitCode === 0 ? context.stdout : undefined;
}

/** `ready`, or why the engine does not answer. */
async function answer(): Promise<string> {
	const result = await execa("docker", ["version", "--format", "{{.Server.Version}}"], { reject: false });
	return result.failed ? ((result.stderr?.trim() || result.shortMessage) ?? "no answer") : "ready";
}

async function start(): Promise<void> {
	const log = join(stateDir, "dockerd.log");
	if (existsSync("/run/systemd/system")) {
		progress("starting the Docker engine: systemctl start docker");
		await execa("systemctl", ["start", "docker"]);
	} else {
		progress(`starting the Docker engine: dockerd, logging to ${log}`);
		await mkdir(stateDir, { recursive: true });
		const out = openSync(log, "a");
		// Detached, so that it goes on when this command ends.
		spawn("dockerd", [], { detached: true, stdio: ["ignore", out, out] }).unref();
	}
	const deadline = Date.now() + 60_000;
	let last = "";
	while (Date.now() < deadline) {
		last = await answer();
		if (last === "ready") return;
		await new Promise((resolve) => setTimeout(resolve, 500));
	}
	const tail = (await readFile(log, "utf8").catch(() => "")).split("\n").slice(-10).join("\n");
	throw new UserError(`The Docker engine did not answer within 60 s: ${last}\n${tail}`);
}

async function has(command: string): Promise<boolean> {
	return (await execa("which", [command], { reject: false })).exitCode === 0;
}

async function isDebian(): Promise<boolean> {
	const release = await readFile("/etc/os-release", "utf8").catch(() => "");
	return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(release);
}
