// The command line's entry point: runs one command, and says what went wrong.

import { endWithReader, folded, paint, progress } from "./output.ts";
import { makeProgram } from "./program.ts";

endWithReader();

/** Names of the scripts that these commands replaced: people and CI jobs still type them. */
const formerNames = new Map([
	["start_tempo", ["up"]],
	["tempo_health", ["doctor"]],
	["send_test_tempo", ["canary"]],
	["run_billing_tempo", ["demo", "billing"]],
	["query_tempo", ["query"]],
	["get_tempo_trace", ["trace"]],
	["smoke_traces", ["smoke"]],
]);

try {
	const [name = "", ...args] = process.argv.slice(2);
	await makeProgram().parseAsync([...(formerNames.get(name) ?? (name ? [name] : [])), ...args], { from: "user" });
} catch (error) {
	const message = error instanceof Error ? error.message : String(error);
	progress(paint("red", folded(message), process.stderr));
	if (process.argv.includes("--debug")) console.error(error instanceof Error ? (error.cause ?? error) : error);
	process.exitCode = 1;
}
