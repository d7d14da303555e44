/** What the poller is told by its workload. Paths are those of files beside it. */
export interface Config {
	temporal: {
		/** Of the HTTP API, such as `http://temporal:7243`. */
		endpoint: string;
		namespaces: string[];
		/** Holds the API key; undefined where the frontend asks for none. */
		apiKeyFile?: string;
	};
	/** From the beginning of one look to that of the next, and how late a visibility store may be. */
	intervalSeconds: number;
	/** Where the collector takes metrics by OTLP over HTTP. */
	otlp: {
		url: string;
		/** Holds the bearer token; undefined where it asks for none. */
		tokenFile?: string;
		/** Of TLS: the authority's certificate, where systems don't know it, and the name that the collector has outside. */
		tls?: { caFile?: string; name: string };
	};
	/** Prometheus, which remembers what was counted before a restart. */
	prometheus: string;
	/** Where it says how it is. */
	port: number;
}
