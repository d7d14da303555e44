// A stack of the end-to-end tests: the real command line, the real engine, real containers, on ports of its own. The
// catalogue under test is in TRACESTACK_IMAGES.

import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { stringify } from "yaml";
import { root } from "../../cli/paths.ts";
import type { Endpoints } from "../../cli/verify/api.ts";
import { readCatalogue } from "../../settings/catalogue.ts";

const names = [
	"grafana",
	"otlpGrpc",
	"otlpHttp",
	"tempo",
	"prometheus",
	"loki",
	"alertmanager",
	"collectorHealth",
	"objectStore",
	"jaegerGrpc",
	"jaegerThriftHttp",
	"zipkin",
	"temporalPoller",
	"postgres",
	"otelWorker",
] as const;

/** What the engine has of a stack: in this order, nobody uses what is removed. */
export const kinds = ["container", "network", "volume"] as const;

/** Every service that a stack runs. */
export const services = ["alertmanager", "collector", "grafana", "loki", "prometheus", "tempo"];

/** What a command printed and how it ended. */
export interface Outcome {
	code: number;
	stdout: string;
	/** Both streams, as a person would have seen them. */
	all: string;
}

/** One stack; two of them never share a port. */
export class TestStack {
	readonly name: string;
	readonly ports: Record<(typeof names)[number], number>;
	/** Its settings file, and what was written into it. */
	readonly file: string;
	settings = "";
	/** Where it answers, until a command that could change it. */
	#endpoints: Promise<Endpoints> | undefined;

	private constructor(name: string, firstPort: number) {
		this.name = name;
		this.ports = Object.fromEntries(names.map((service, i) => [service, firstPort + i])) as TestStack["ports"];
		this.file = join(root, `Pulumi.${name}.yaml`);
	}

	/** Writes the settings file: what every test stack has, and more. */
	configure(settings: Record<string, unknown> = {}): void {
		const keys = Object.entries(settings).map(([key, value]) => [`tracestack:${key}`, value]);
		const base = { "tracestack:target": "docker", "tracestack:ports": this.ports };
		this.settings = stringify({ config: { ...base, ...Object.fromEntries(keys) } });
		writeFileSync(this.file, this.settings);
	}

	/** A stack with ports from `firstPort` on, without what an earlier, killed run may have left of it. */
	static async create(name: string, firstPort: number): Promise<TestStack> {
		const stack = new TestStack(name, firstPort);
		// Its file is the first thing that there is of a stack, and goes last.
		if (existsSync(stack.file) || (await stack.#left()).length > 0) await stack.#forget();
		stack.configure();
		return stack;
	}

	/** `./tracestack ARGS --stack NAME`. */
	async tracestack(...args: string[]): Promise<Outcome> {
		if (args[0] === "up" || args[0] === "down") this.#endpoints = undefined;
		return this.#run([...args, "--stack", this.name]);
	}

	/** `./tracestack pulumi ARGS --stack NAME`. */
	async pulumi(...args: string[]): Promise<Outcome> {
		this.#endpoints = undefined;
		return this.#run(["pulumi", ...args, "--stack", this.name, "--non-interactive", "--color", "never"]);
	}

	/** Where the stack answers. */
	endpoints(): Promise<Endpoints> {
		this.#endpoints ??= this.#askForEndpoints();
		return this.#endpoints;
	}

	async #askForEndpoints(): Promise<Endpoints> {
		const { stdout } = await this.#run(["pulumi", "stack", "output", "--json", "--show-secrets", "--stack", this.name]);
		const { urls, ...rest } = JSON.parse(stdout);
		return { ...urls, ...rest };
	}

	/** Names of what the engine has of this stack. */
	async resources(kind: (typeof kinds)[number]): Promise<string[]> {
		const list = kind === "container" ? ["ps", "--all"] : [kind, "ls"];
		const format = kind === "container" ? "{{.Names}}" : "{{.Name}}";
		const filter = `label=tracestack.stack=tracestack/${this.name}`;
		const { stdout } = await execa("docker", [...list, "--filter", filter, "--format", format]);
		return stdout.split("\n").filter(Boolean).sort();
	}

	/** Ids of the running containers by service: another id is another container. */
	async running(): Promise<Record<string, string>> {
		const filter = `label=tracestack.stack=tracestack/${this.name}`;
		const format = '{{.Label "tracestack.service"}} {{.ID}}';
		const { stdout } = await execa("docker", ["ps", "--filter", filter, "--format", format]);
		return Object.fromEntries(
			stdout
				.split("\n")
				.filter(Boolean)
				.map((line) => line.split(" ")),
		);
	}

	/** Paths of the files on one of the stack's volumes, relative to it. */
	async files(volume: string): Promise<string[]> {
		const found = await this.onVolume(volume, "find . -type f");
		return found.split("\n").map((line) => line.replace("./", ""));
	}

	/** What a shell prints whose folder is one of the stack's volumes. */
	async onVolume(volume: string, script: string): Promise<string> {
		const { image } = readCatalogue(process.env.TRACESTACK_IMAGES ?? "configs/versions.yaml").busybox ?? {};
		const mount = ["--volume", `tracestack-${this.name}-${volume}:/v`, "--workdir", "/v"];
		const run = ["run", "--rm", "--network", "none", ...mount, `${image}`, "sh", "-c", script];
		return (await execa("docker", run)).stdout;
	}

	/** Text of a file in one of the stack's containers. */
	async read(service: string, path: string): Promise<string> {
		const { stdout } = await execa("docker", ["cp", `tracestack-${this.name}-${service}:${path}`, "-"]);
		return stdout;
	}

	/** Docker's own commands on one of the stack's containers. */
	async container(service: string, ...command: string[]): Promise<void> {
		await execa("docker", [...command, `tracestack-${this.name}-${service}`]);
	}

	/**
	 * `./tracestack up`, killed with SIGKILL: the engine and whoever called it, or its plugins as well. Returns how many
	 * processes were killed.
	 *
	 * @param afterMs Counted from when the engine has its lock and starts its first plugin.
	 */
	async killedUp(afterMs: number, what: "engine" | "everything"): Promise<number> {
		const args = ["up", "--no-verify", "--stack", this.name];
		const run = execa(join(root, "tracestack"), args, { cwd: root, reject: false, stdio: "ignore" });
		const ended = run.then(() => true);
		const works = async () => (await descendants(run.pid ?? 0)).some(({ command }) => command.startsWith("pulumi-res"));
		while (!(await works())) if (await Promise.race([ended, sleep(100, false)])) return 0;
		if (await Promise.race([ended, sleep(afterMs, false)])) return 0;
		const processes = await descendants(run.pid ?? 0);
		const victims = processes.filter(({ command }) => what === "everything" || !command.startsWith("pulumi-"));
		for (const { pid } of victims) kill(pid);
		await ended;
		return victims.length;
	}

	/** `./tracestack down --delete-data`. Throws where something is left. */
	async takeDown(): Promise<void> {
		const down = await this.tracestack("down", "--delete-data");
		const left = await this.#left();
		if (down.code !== 0 || left.length > 0)
			throw new Error(`${this.name} was not taken down, and left ${left.join(", ") || "nothing"}:\n${down.all}`);
	}

	/** Takes everything of the stack away, its state as well. Not by `down`, which gives every service time to end well. */
	async remove(): Promise<void> {
		await this.#forget();
		rmSync(this.file, { force: true });
	}

	/** Names of all that the engine has of it. */
	async #left(): Promise<string[]> {
		return (await Promise.all(kinds.map((kind) => this.resources(kind)))).flat();
	}

	async #forget(): Promise<void> {
		for (const kind of kinds) {
			const names = await this.resources(kind);
			if (names.length > 0) await execa("docker", [kind, "rm", ...(kind === "network" ? [] : ["--force"]), ...names]);
		}
		const forget = () => this.pulumi("stack", "rm", "--yes", "--force");
		const { all } = await forget();
		if (!/currently locked by/.test(all)) return;
		// By a run that was killed.
		await this.pulumi("cancel", "--yes");
		await forget();
	}

	async #run(args: string[]): Promise<Outcome> {
		const result = await execa(join(root, "tracestack"), args, {
			cwd: root,
			// No sentence that a test looks for is broken into lines.
			env: { COLUMNS: "1000" },
			reject: false,
			all: true,
			timeout: 600_000,
		});
		return { code: result.exitCode ?? -1, stdout: result.stdout, all: result.all };
	}
}

interface Process {
	pid: number;
	command: string;
}

/** A process and all that it has started, and so on. */
async function descendants(pid: number): Promise<Process[]> {
	const { stdout } = await execa("ps", ["-eo", "pid=,ppid=,comm="]);
	const all = stdout.split("\n").map((line) => {
		const [own = "", parent = "", command = ""] = line.trim().split(/\s+/);
		return { pid: Number(own), parent: Number(parent), command };
	});
	const below = (of: number): Process[] =>
		all.filter(({ parent }) => parent === of).flatMap((p) => [p, ...below(p.pid)]);
	return [...all.filter((p) => p.pid === pid), ...below(pid)];
}

function kill(pid: number): void {
	try {
		process.kill(pid, "SIGKILL");
	} catch {
		// It has ended by itself.
	}
}
