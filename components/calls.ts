// What a workload calls, from the addresses that it asks for: no list beside its configuration could differ from it.

import type { AddressOf, Call } from "./workload.ts";

/** Addresses, and which of them have been asked for. */
export function recorded(at: AddressOf): { at: AddressOf; calls: Call[] } {
	const calls: Call[] = [];
	const recording: AddressOf = (workload, port) => {
		if (!calls.some((call) => call.workload === workload && call.port === port)) calls.push({ workload, port });
		return at(workload, port);
	};
	return { at: recording, calls };
}

/** Whatever `use` asks the address of. */
export function callsOf(use: (at: AddressOf) => unknown): Call[] {
	const { at, calls } = recorded(() => "");
	use(at);
	return calls;
}

/** The port of a URL or of `host:port`, beyond the stack. */
export function callTo(address: string): Call {
	const url = new URL(/^[a-z]+:\/\//.test(address) ? address : `tcp://${address}`);
	return { port: Number(url.port) || (url.protocol === "http:" ? 80 : 443) };
}
