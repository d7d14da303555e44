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
	readonly #waits = new Map<string, number>();
	readonly #errors: string[] = [];
	#unchanged = 0;

	event = (event: EngineEvent): void => {
		const pre = event.resourcePreEvent?.metadata;
		if (pre) this.#started.set(pre.urn, Date.now());

		const after = event.resOutputsEvent?.metadata;
		if (after?.op === "same") this.#unchanged++;
		const line = after && describe(after);
		if (line) {
			const since = this.#started.get(after.urn) ?? Date.now();
			progress(`  ${paint("green", "✓", process.stderr)} ${line} (${seconds(since)})`);
		}

		const diagnostic = event.diagnosticEvent;
		if (!diagnostic) return;
		const message = diagnostic.message.replaceAll(/<\{%[^%]*%\}>/g, "").trim();
		if (!message) return;
		// A bridged provider reports a failure twice, once with its own source line.
		if (message.startsWith("sdk-v2/")) return;
		if (diagnostic.severity === "error") this.#errors.push(message);
		else if (diagnostic.severity === "warning") progress(`  ! ${message}`);
		else if (message.startsWith("waiting for")) this.#wait(diagnostic.urn ?? "", message);
	};

	/** The engine's own words for what failed, without its trace. */
	explain(error: unknown): Error {
		if (this.#errors.length === 0) return error instanceof Error ? error : new Error(String(error));
		return new UserError([...new Set(this.#errors)].join("\n"));
	}

	close(): void {
		if (this.#unchanged > 0) progress(`  ${this.#unchanged} unchanged`);
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
