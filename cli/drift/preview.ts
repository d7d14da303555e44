// What the engine itself can tell: the code compared with the state, the state with what the providers see.

import type { EngineEvent, Stack } from "@pulumi/pulumi/automation/index.js";
import { keepingSettingsFile } from "../backend.ts";
import type { Environment } from "../engine.ts";
import type { State } from "../state.ts";
import { drifted, planned } from "./events.ts";
import { sealed } from "./live/seal.ts";
import type { Gathered } from "./report.ts";

/**
 * Runs a preview and a refresh that only looks, side by side: neither takes the stack's lock, neither changes anything.
 *
 * @param known What was deployed.
 */
export async function previews(selected: Stack, { ownBackend }: Environment, known: State): Promise<Gathered> {
	const stack = selected.name;
	return keepingSettingsFile(stack, ownBackend, async () => {
		const begun = Promise.withResolvers<void>();
		const plan = recorded((onEvent) =>
			selected.preview({
				onEvent: (event) => {
					begun.resolve();
					onEvent(event);
				},
			}),
		).finally(begun.resolve);
		// Both write the key's salt into the settings file: one reads what the other has half written.
		await begun.promise;
		const [preview, refresh] = await Promise.all([plan, recorded((onEvent) => selected.previewRefresh({ onEvent }))]);
		return {
			findings: [...planned(preview.events, known), ...drifted(refresh.events, known, stack).map(sealed)],
			failed: [
				...(preview.failure ? [{ look: "preview of the code", reason: preview.failure }] : []),
				...(refresh.failure ? [{ look: "refresh from the providers", reason: refresh.failure }] : []),
			],
		};
	});
}

interface Recorded {
	events: EngineEvent[];
	/** Why it ended early: what came before counts all the same. */
	failure?: string;
}

async function recorded(
	run: (onEvent: (event: EngineEvent) => void) => ReturnType<Stack["preview"]>,
): Promise<Recorded> {
	const events: EngineEvent[] = [];
	try {
		await run((event) => {
			// Providers' debug lines are most of what comes.
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

/** The engine's own words for what failed first, and how much more did: where a server is away, all that is in it fails. */
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
