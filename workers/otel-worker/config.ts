/** What the archive's worker is told by its workload. Paths are those of files beside it. */
export interface Config {
	/** Where it takes traces (`POST /v1/traces`) and says how it is (`GET /ready`, `GET /metrics`). */
	port: number;
	database: {
		host: string;
		port: number;
		/** Is made where it is missing. */
		name: string;
		/** Owns the schema `otel`; may make roles, and the database where it is missing. */
		user: string;
		/** Read anew for each connection. */
		passwordFile: string;
		/** `verify: false` takes any certificate; `caFile` for an authority that systems don't know. Undefined: no TLS. */
		tls?: { caFile?: string; verify: boolean };
	};
	/** A role that may read spans, and nothing else; made, or given this password. */
	reader: { user: string; passwordFile: string };
	/** Spans that began longer ago are dropped, a day at a time. */
	retentionDays: number;
	/** Where the collector takes the worker's own spans; undefined: it makes none. */
	otlp?: {
		url: string;
		/** Holds the bearer token; undefined where it asks for none. */
		tokenFile?: string;
		/** Of TLS: the authority's certificate, where systems don't know it, and the name that the collector has outside. */
		tls?: { name: string; caFile?: string };
	};
	queue?: {
		/** After so many a batch that can't be stored is a dead letter. @default 8, some two minutes */
		attempts?: number;
		/** How long a batch waits whose worker was killed over it. @default 30: a slow insert is done by then, and one that is not does no harm */
		leaseSeconds?: number;
		/** What may wait, in bytes of payload; beyond it nothing is taken. @default 2 GiB */
		mostBytes?: number;
	};
}
