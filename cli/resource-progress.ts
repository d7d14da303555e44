import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { paint, progress, seconds, UserError } from "./output.ts";

const done: Record<string, string> = {
	create: "created",
	update: "updated",
	delete: "deleted",
	"create-replacement": "replaced",
	"delete-replaced": "removed for replacement",
	refresh: "",
	same: "",
	replace: "",
	read: "",
};

/** Turns the engine's events into a line for each finished resource and each wait. */
export class ResourceProgress {
	readonly #started = new Map<string, number>();
	readonly #slow = new Map<string, NodeJS.Timeout>();
	readonly #waits = new Map<string, number>();
	readonly #errors: string[] = [];
	#unchanged = 0;

	event = (event: EngineEvent): void => {
		const pre = event.resourcePreEvent?.metadata;
		if (pre) this.#begin(pre);

		const after = event.resOutputsEvent?.metadata ?? event.resOpFailedEvent?.metadata;
		if (after) clearInterval(this.#slow.get(after.urn));
		if (event.resOpFailedEvent) return;
		if (after?.op === "same") this.#unchanged++;
		const line = after && describe(after);
		if (line) {
			const since = this.#started.get(after.urn) ?? Date.now();
			progress(`  ${paint("green", "✓", process.stderr)} ${line} (${seconds(since)})`);
		}

		const diagnostic = event.diagnosticEvent;
		if (!diagnostic) return;
		const message = diagnostic.message.replaceAll(/<\{%[^%]*%\}>|^error serializing property "\w+": /g, "").trim();
		if (!message) return;
		// A bridged provider reports a failure twice, once with its own source line.
		if (message.startsWith("sdk-v2/")) return;
		if (diagnostic.severity === "error") this.#errors.push(message);
		else if (diagnostic.severity === "warning") progress(`  ! ${message}`);
		else if (message.startsWith("waiting for")) this.#wait(diagnostic.urn ?? "", message);
	};

	/** The engine's own words for what failed, without its trace. */
	explain(error: unknown): Error {
		if (error instanceof UserError) return error;
		const cause = error instanceof Error ? error : new Error(String(error));
		if (this.#errors.length === 0) return cause;
		return new UserError([...new Set(this.#errors)].join("\n"), { cause });
	}

	close(): void {
		for (const timer of this.#slow.values()) clearInterval(timer);
		if (this.#unchanged > 0) progress(`  ${this.#unchanged} unchanged`);
	}

	/** What takes long is told every ten seconds: an image that is downloaded, a container that is slow to stop. */
	#begin({ op, type, urn }: { op: string; type: string; urn: string }): void {
		this.#started.set(urn, Date.now());
		if (op === "same" || type.startsWith("tracestack:") || type.startsWith("pulumi:")) return;
		const what = type.endsWith(":RemoteImage") ? "downloading the image of" : "still working on";
		const tell = () => progress(`  … ${what} ${urn.split("::").at(-1)} (${seconds(this.#started.get(urn) ?? 0)})`);
		this.#slow.set(urn, setInterval(tell, 10_000));
	}

	/** A wait is told at once and then every five seconds. */
	#wait(urn: string, message: string): void {
		const last = this.#waits.get(urn) ?? 0;
		if (Date.now() - last < 5000) return;
		this.#waits.set(urn, Date.now());
		progress(`  … ${message}`);
	}
}

/** What happened to a resource, in words; undefined when it is nothing to tell. */
function describe({ op, type, urn }: { op: string; type: string; urn: string }): string | undefined {
	const name = urn.split("::").at(-1);
	// A service is finished when it answers; other components only group.
	if (type.startsWith("tracestack:service:"))
		return op === "create" || op === "update" ? `${name} is ready` : undefined;
	if (type.startsWith("tracestack:") || type.startsWith("pulumi:")) return undefined;
	const verb = done[op];
	return verb && `${name} (${type.split(":").at(-1)}) ${verb}`;
}
