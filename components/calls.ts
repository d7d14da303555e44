// What a workload calls, recorded while its component asks for the addresses of others: a list kept by hand could differ from the
// configuration that has those addresses.

import type { AddressOf, Call } from "./workload.ts";

/** The same addresses, and a list that grows with each of them that is asked for. */
export function recorded(at: AddressOf): { at: AddressOf; calls: Call[] } {
	const calls: Call[] = [];
	const recording: AddressOf = (workload, port) => {
		if (!calls.some((call) => call.workload === workload && call.port === port)) calls.push({ workload, port });
		return at(workload, port);
	};
	return { at: recording, calls };
}

/** The calls that `use` asks the addresses of. */
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
