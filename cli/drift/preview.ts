// Pulumi's own comparisons: the code with the state (preview), the state with what the providers see (refresh).

import type { EngineEvent, Stack } from "@pulumi/pulumi/automation/index.js";
import { keepingSettingsFile } from "../backend.ts";
import type { Environment } from "../engine.ts";
import { interruptible } from "../interrupt.ts";
import type { State } from "../state.ts";
import { drifted, planned } from "./events.ts";
import { sealed } from "./live/seal.ts";
import type { Gathered } from "./report.ts";

/**
 * Runs a preview, and a refresh that changes nothing, side by side. Neither takes the stack's lock.
 *
 * @param known What was deployed.
 */
export async function previews(selected: Stack, { ownBackend }: Environment, known: State): Promise<Gathered> {
	const stack = selected.name;
	const words = { stopping: "stopping: Pulumi ends its preview", stopped: "Interrupted." };
	const compare = async (signal: AbortSignal) => {
		const begun = Promise.withResolvers<void>();
		const plan = recorded((onEvent) =>
			selected.preview({
				onEvent: (event) => {
					begun.resolve();
					onEvent(event);
				},
			}),
		).finally(begun.resolve);
		// Both write the encryption salt into the settings file: at the same time, one would read what the other has half written.
		await begun.promise;
		// What begins now would not be interrupted. The preview may still write its salt.
		if (signal.aborted) await plan;
		signal.throwIfAborted();
		return Promise.all([plan, recorded((onEvent) => selected.previewRefresh({ onEvent }))]);
	};
	// An interrupt must not leave the salt in the settings file.
	const [preview, refresh] = await interruptible(
		words,
		async (signal) => {
			const both = await keepingSettingsFile(stack, ownBackend, () => compare(signal));
			signal.throwIfAborted();
			return both;
		},
		["SIGINT"],
	);
	return {
		findings: [...planned(preview.events, known), ...drifted(refresh.events, known, stack).map(sealed)],
		failed: [
			...(preview.failure ? [{ look: "preview of the code", reason: preview.failure }] : []),
			...(refresh.failure ? [{ look: "refresh from the providers", reason: refresh.failure }] : []),
		],
	};
}

interface Recorded {
	events: EngineEvent[];
	/** Why it failed: events from before that still count. */
	failure?: string;
}

async function recorded(
	run: (onEvent: (event: EngineEvent) => void) => ReturnType<Stack["preview"]>,
): Promise<Recorded> {
	const events: EngineEvent[] = [];
	try {
		await run((event) => {
			// Most events are debug messages of providers.
			if (!event.diagnosticEvent || event.diagnosticEvent.severity === "error") events.push(event);
		});
		return { events };
	} catch (error) {
		const errors = events.flatMap(({ diagnosticEvent }) =>
			diagnosticEvent?.severity === "error" ? diagnosticEvent.message : [],
		);
		const message = error instanceof Error ? error.message : String(error);
		return { events, failure: failureOf(errors) ?? /error: .*/.exec(message)?.[0] ?? message };
	}
}

/**
 * The first of Pulumi's error messages, and how many more there are: when a server is down, each of its resources
 * fails.
 */
export function failureOf(messages: string[]): string | undefined {
	const told = messages
		.map((message) => message.replaceAll(/<\{%[^%]*%\}>/g, "").trim())
		// A bridged provider reports a failure twice, once with its own source line; the engine says in the end that it failed.
		.filter((message) => message && !message.startsWith("sdk-v2/") && !/^(preview|update) failed$/i.test(message))
		.map((message) =>
			message
				.replace(/^preview failed: /i, "")
				.replace(/\burn:\S+::/, "")
				.replace(/1 error occurred:\s*\*\s*/, "")
				.replace(/^error: /, ""),
		);
	const [first, ...others] = new Set(told);
	return others.length > 0 ? `${first} (and ${others.length} more)` : first;
}
