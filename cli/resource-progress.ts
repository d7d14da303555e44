// What `up` and `down` show while Pulumi works.

import type { EngineEvent, PolicyEvent, StepEventMetadata } from "@pulumi/pulumi/automation/index.js";
import { folded, paint, progress, seconds, UserError } from "./output.ts";

/** What Pulumi did to a resource, in words; other operations are not shown. */
const done: Record<string, string> = {
	create: "created",
	update: "updated",
	delete: "deleted",
	"create-replacement": "replaced",
};

/** Turns Pulumi's events into a line for each finished resource and each wait. */
export class ResourceProgress {
	readonly #started = new Map<string, number>();
	readonly #slow = new Map<string, NodeJS.Timeout>();
	readonly #waits = new Map<string, number>();
	readonly #errors: string[] = [];
	/** What was created in this run: a new resource's own new children are not shown as well. */
	readonly #created = new Set<string>();
	/** Components whose container or task was created in this run: others only keep a volume. */
	readonly #serving = new Set<string>();
	readonly #counts = new Map<string, number>();

	event = (event: EngineEvent): void => {
		const pre = event.resourcePreEvent?.metadata;
		if (pre) this.#begin(pre);

		const after = event.resOutputsEvent?.metadata ?? event.resOpFailedEvent?.metadata;
		if (after) clearInterval(this.#slow.get(after.urn));
		if (event.resOpFailedEvent) return;
		if (after) this.#finished(after);
		if (event.policyEvent) this.#policy(event.policyEvent);

		const diagnostic = event.diagnosticEvent;
		if (!diagnostic) return;
		const message = plain(diagnostic.message).replace(/^error serializing property "\w+": /, "");
		if (!message) return;
		// A bridged provider reports a failure twice, once with its own source line.
		if (message.startsWith("sdk-v2/")) return;
		if (diagnostic.severity === "error") this.#errors.push(message);
		else if (diagnostic.severity === "warning") progress(folded(`  ! ${message}`));
		else if (message.startsWith("waiting for")) this.#wait(diagnostic.urn ?? "", message);
	};

	/** Pulumi's own messages about what failed, instead of its whole output. */
	explain(error: unknown): Error {
		if (error instanceof UserError) return error;
		const cause = error instanceof Error ? error : new Error(String(error));
		if (this.#errors.length === 0) return cause;
		return new UserError([...new Set(this.#errors)].join("\n"), { cause });
	}

	/** Ends timers, and prints how many resources were created, updated, replaced and deleted. */
	close(): void {
		for (const timer of this.#slow.values()) clearInterval(timer);
		const words = ["created", "updated", "replaced", "deleted", "unchanged"];
		const counts = words.filter((word) => this.#counts.has(word)).map((word) => `${this.#counts.get(word)} ${word}`);
		if (counts.length > 0) progress(`  ${counts.join(", ")}`);
	}

	/**
	 * From now on prints a line every ten seconds until it is finished: an image is downloaded, a container is slow to
	 * stop.
	 */
	#begin({ op, type, urn }: { op: string; type: string; urn: string }): void {
		this.#started.set(urn, Date.now());
		if (op === "create") this.#created.add(urn);
		if (op === "same" || isComponent(type)) return;
		const what = type.endsWith(":RemoteImage") ? "downloading the image of" : "still working on";
		const tell = () => progress(`  … ${what} ${urn.split("::").at(-1)} (${seconds(this.#started.get(urn) ?? 0)})`);
		this.#slow.set(urn, setInterval(tell, 10_000));
	}

	#finished({ op, type, urn, new: resource }: StepEventMetadata): void {
		const word = op === "same" ? "unchanged" : done[op];
		if (!word) return;
		if (!isComponent(type)) this.#counts.set(word, (this.#counts.get(word) ?? 0) + 1);
		if (/:(Container|Service)$/.test(type)) this.#serving.add(resource?.parent ?? "");
		// A service that the settings leave out keeps its volume, and is not ready.
		if (type.startsWith("tracestack:service:") && !this.#serving.has(urn)) return;
		const line = describe(op, type, urn, op === "create" && this.#created.has(resource?.parent ?? ""));
		if (!line) return;
		const took = seconds(this.#started.get(urn) ?? Date.now());
		progress(`  ${paint("green", "✓", process.stderr)} ${line.padEnd(40)} ${took.padStart(8)}`);
	}

	/** A violated policy: of a resource or, without one, of the stack. */
	#policy({ policyName, resourceUrn, message, enforcementLevel }: PolicyEvent): void {
		const where = resourceUrn ? ` at ${resourceUrn.split("::").at(-1)}` : "";
		const lines = plain(message).split("\n");
		if (enforcementLevel === "mandatory")
			this.#errors.push([`policy ${policyName}${where}`, ...lines, "see docs/policies.md"].join("\n    "));
		else progress(folded(`  ! ${[`policy ${policyName}${where}`, ...lines].join("\n    ")}`));
	}

	/** A wait is shown at once and then every five seconds. */
	#wait(urn: string, message: string): void {
		const last = this.#waits.get(urn) ?? 0;
		if (Date.now() - last < 5000) return;
		this.#waits.set(urn, Date.now());
		progress(folded(`  … ${message}`));
	}
}

/** A message without Pulumi's colour codes. */
function plain(message: string): string {
	return message.replaceAll(/<\{%[^%]*%\}>/g, "").trim();
}

function isComponent(type: string): boolean {
	return type.startsWith("tracestack:") || type.startsWith("pulumi:");
}

/** What happened to a resource, in words; undefined when it is not worth a line. */
function describe(op: string, type: string, urn: string, withParent: boolean): string | undefined {
	const name = urn.split("::").at(-1);
	// A service is finished when it answers; other components only group.
	if (type.startsWith("tracestack:service:")) return op === "create" ? `${name} is ready` : undefined;
	if (isComponent(type) || op === "same" || withParent) return undefined;
	// Taking a stack down, only what stops is worth a line.
	if (op === "delete") return type.endsWith(":Container") && !name?.endsWith("-owner") ? `${name} stopped` : undefined;
	return `${name} (${type.split(":").at(-1)}) ${done[op]}`;
}
