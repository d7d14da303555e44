// Reading and writing a stack's volumes, through the engine's API alone: the engine may run on another machine.

import type { Readable, Writable } from "node:stream";
import { execa, type Options, type ResultPromise } from "execa";
import { UserError } from "../output.ts";

/** A volume of a stack. */
export interface StackVolume {
	/** `<service>-<volume>`, whatever the stack's prefix. */
	name: string;
	/** Its name in the engine. */
	engineName: string;
}

/** Runs Docker's command line out of reach of Ctrl-C: `cancelSignal` ends it. */
export function docker(args: string[], options: Pick<Options, "cancelSignal" | "input" | "buffer"> = {}) {
	return execa("docker", args, { detached: true, ...options });
}

/**
 * A container with all of a stack's volumes. It ends when its standard input does, so at the latest with this process, and
 * the engine removes it. Because of its name there is only one backup or restore of a stack at a time.
 */
export class VolumeHelper {
	readonly #name: string;
	readonly #process: ResultPromise<{ reject: false }>;
	readonly #signal: AbortSignal;

	private constructor(name: string, process: ResultPromise<{ reject: false }>, signal: AbortSignal) {
		this.#name = name;
		this.#process = process;
		this.#signal = signal;
	}

	/**
	 * Starts the helper.
	 *
	 * @param image Id of an image with busybox.
	 * @param access `read` mounts the volumes so that nothing can be written.
	 * @param signal Ends the command that it is running.
	 * @throws UserError when another backup or restore of the stack is running.
	 */
	static async start(
		stack: string,
		image: string,
		volumes: StackVolume[],
		access: "read" | "write",
		signal: AbortSignal,
	): Promise<VolumeHelper> {
		const name = `tracestack-backup-${stack}`;
		const mode = access === "read" ? ":ro" : "";
		const mounts = volumes.flatMap((v) => ["--volume", `${v.engineName}:/volumes/${v.name}${mode}`]);
		// Root, for files of any owner, with no other privilege; without a log, because volumes are read through its output.
		const rights = ["--user", "0:0", "--cap-drop", "ALL", "--cap-add", "DAC_OVERRIDE", "--cap-add", "FOWNER"];
		const closed = ["--security-opt", "no-new-privileges", "--network", "none", "--log-driver", "none"];
		const run = ["run", "--rm", "--interactive", "--name", name, ...rights, ...closed, ...mounts, image];
		const process = execa("docker", [...run, "sh", "-c", "echo ready; cat >/dev/null"], {
			detached: true,
			stdin: "pipe",
			reject: false,
		});
		const started = new Promise<boolean>((resolve) => process.stdout?.once("data", () => resolve(true)));
		if (!(await Promise.race([started, process.then(() => false)]))) {
			const { stderr } = await process;
			if (/already in use/.test(stderr))
				throw new UserError(`Another backup or restore of the stack ${stack} is running (container ${name}).`);
			throw new Error(`the volumes of ${stack} can't be opened: ${stderr}`);
		}
		return new VolumeHelper(name, process, signal);
	}

	/** A tar of a volume. The stream fails when a file can't be read, which `docker cp` would leave out silently. */
	archive({ name }: StackVolume): Readable {
		// Not buffered: a buffer ends the command at 100 MB.
		return this.#exec(["tar", "-C", "/volumes", "-cf", "-", name], { stdout: false }).readable();
	}

	/** Removes everything in a volume, but for its root. */
	async empty({ name }: StackVolume): Promise<void> {
		await this.#exec(["find", `/volumes/${name}`, "-mindepth", "1", "-maxdepth", "1", "-exec", "rm", "-rf", "{}", "+"]);
	}

	/** A stream that unpacks a tar of `archive`, with owners, modes and times. */
	unpack(): Writable {
		return docker(["cp", "-", `${this.#name}:/volumes`], { cancelSignal: this.#signal }).writable();
	}

	/** Ends the helper and waits until the volumes are free. */
	async close(): Promise<void> {
		this.#process.stdin?.end();
		await this.#process;
	}

	/**
	 * Runs a command in the container, through the shell: busybox's other tools need not have names of their own in the
	 * image.
	 */
	#exec(command: string[], buffer?: { stdout: boolean }) {
		const shell = ["exec", this.#name, "sh", "-c", 'exec "$@"', "sh", ...command];
		return docker(shell, { cancelSignal: this.#signal, ...(buffer && { buffer }) });
	}
}
