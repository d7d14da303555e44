// What the collector takes beside OTLP, for applications that are not moved yet.

import type { Settings } from "../settings.ts";
import type { Workload } from "./workload.ts";

/** What further receivers add to the collector; all of them feed the pipeline of traces. */
interface Received {
	config: Record<string, unknown>;
	ports: Workload["ports"];
}

/** Receivers of Jaeger's and Zipkin's formats, each where the settings switch it on. They ask nobody who he is. */
export function formats({ collector: { jaeger, zipkin } }: Settings): Received {
	const received: Received = { config: {}, ports: [] };
	if (jaeger) {
		// Not over UDP: nobody would hear that the collector was away, and applications on the same host have HTTP.
		const grpc = { endpoint: "0.0.0.0:14250", max_recv_msg_size_mib: 16 };
		received.config.jaeger = { protocols: { grpc, thrift_http: { endpoint: "0.0.0.0:14268" } } };
		received.ports.push(
			{ name: "jaegerGrpc", number: 14250, protocol: "grpc", reach: "host" },
			{ name: "jaegerThriftHttp", number: 14268, protocol: "http", reach: "host" },
		);
	}
	if (zipkin) {
		received.config.zipkin = { endpoint: "0.0.0.0:9411" };
		received.ports.push({ name: "zipkin", number: 9411, protocol: "http", reach: "host" });
	}
	return received;
}
