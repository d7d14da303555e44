// What is in a stack's volumes, through the engine's API alone: the engine may run on another machine.

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

/** Docker's command line, which an interrupt at the terminal does not reach: whoever started it decides when it ends. */
export function docker(args: string[], options: Pick<Options, "cancelSignal" | "input" | "buffer"> = {}) {
	return execa("docker", args, { detached: true, ...options });
}

/**
 * A container that holds all of a stack's volumes, for as long as this process lives: it ends with its standard input,
 * and the engine removes it. Its name keeps a second backup or restore of the stack away.
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
	 * @param signal Ends what it is doing.
	 * @throws UserError when another one runs.
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
		// Root, for files of any owner; with no other privilege, and without a log: a volume goes through its output.
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

	/** A tar of a volume; the stream fails when a file could not be read. `docker cp` would leave that file out. */
	archive({ name }: StackVolume): Readable {
		// Only passed on: to keep it as well, as commands' output is otherwise kept, ends at 100 MB.
		return this.#exec(["tar", "-C", "/volumes", "-cf", "-", name], { stdout: false }).readable();
	}

	/** Removes everything in a volume, but for its root. */
	async empty({ name }: StackVolume): Promise<void> {
		await this.#exec(["find", `/volumes/${name}`, "-mindepth", "1", "-maxdepth", "1", "-exec", "rm", "-rf", "{}", "+"]);
	}

	/** Where a tar that `archive` made is unpacked, with owners, modes and times. */
	unpack(): Writable {
		return docker(["cp", "-", `${this.#name}:/volumes`], { cancelSignal: this.#signal }).writable();
	}

	/** Ends the helper and waits until the volumes are free. */
	async close(): Promise<void> {
		this.#process.stdin?.end();
		await this.#process;
	}

	/** In a shell: an image may have busybox under no other name. */
	#exec(command: string[], buffer?: { stdout: boolean }) {
		const shell = ["exec", this.#name, "sh", "-c", 'exec "$@"', "sh", ...command];
		return docker(shell, { cancelSignal: this.#signal, ...(buffer && { buffer }) });
	}
}
