// What a stack's settings may say. The reference in docs/settings.md, the JSON Schema for editors and every error
// message are made from this: a setting needs a description, and what is allowed in words where its type doesn't say it.

import { z } from "zod";
import { alerts, receiver, service } from "./alerts.ts";
import { archive } from "./archive.ts";
import { aws } from "./aws.ts";
import { destination } from "./destinations.ts";
import { drift } from "./drift.ts";
import { instances } from "./instances.ts";
import { credential, duration, grafanaPlugin, isEachOnce, pattern, retention } from "./kinds.ts";
import { managed } from "./managed.ts";
import { policies } from "./policies.ts";
import { ports } from "./ports.ts";
import { sampling } from "./sampling.ts";
import { scrape } from "./scrape.ts";
import { storage } from "./storage.ts";
import { temporal } from "./temporal.ts";

/** Programs of `workers/` that run where a setting asks for them. */
const programs = ["otel-worker", "temporal-poller"] as const;

/** What runs, by name: the key of a size, the `job` label of its own metrics and, but for programs, of a catalogue's entry. */
export const services = [
	"tempo",
	"collector",
	"prometheus",
	"loki",
	"alertmanager",
	"grafana",
	"objectstore",
	"postgres",
	...programs,
] as const;

/** What runs for the archive only: without it the names are anybody's. */
export const ofArchive: readonly string[] = ["postgres", "otel-worker"];

/** Jobs that Prometheus scrapes in every stack. */
export const jobs = [...services.filter((name) => !ofArchive.includes(name)), "tempo-usage"];

/** What span metrics have as labels, by the names of the attributes: the collector refuses to have one of them twice. */
const ownLabels = ["service.name", "span.name", "span.kind", "status.code"];

const access = z
	.strictObject({
		token: z.boolean().default(false).meta({
			description:
				"Whether OTLP requires a bearer token, random and a secret of the stack: `./tracestack token`. Grafana's own metrics then require a password, which Prometheus has.",
		}),
		tls: z.enum(["none", "generated", "own"]).default("none").meta({
			description:
				"TLS for Grafana and OTLP. `generated`: a certificate of the stack's own authority, which clients get with `./tracestack ca`. `own`: yours.",
		}),
		hosts: z
			.array(
				z
					.string()
					.regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/)
					.meta({ allowed: "a host name or an IPv4 address" }),
			)
			.default([])
			.meta({
				description:
					"Host names and addresses of Grafana and OTLP, as in the certificate. `up` prints the first; this machine must be able to reach itself by it.",
				allowed: "a list of host names and IPv4 addresses",
				defaultInWords: "`bindAddress`; 127.0.0.1 for 0.0.0.0",
			}),
		certificate: z.string().optional().meta({
			description: "With `own`: the server's certificate, followed by intermediate certificates.",
			allowed: "PEM",
		}),
		key: credential("With `own`: its private key, in PEM, without a passphrase."),
		ca: z.string().optional().meta({
			description: "With `own`: the CA certificate, if systems don't trust it.",
			allowed: "PEM",
		}),
	})
	.prefault({})
	.meta({ description: "Authentication and TLS of Grafana and OTLP." });

/** Every setting, below the namespace `tracestack:`. */
export const schema = z.strictObject({
	target: z.enum(["docker", "aws"]).default("docker").meta({ description: "Where the stack runs." }),
	size: z.enum(["small", "medium", "large"]).default("medium").meta({
		description:
			"CPU and memory of every service: `components/sizes.ts`. On Docker memory is a limit, not a reservation; CPU is not limited.",
	}),
	namePrefix: z
		.string()
		.regex(/^[a-z0-9](-?[a-z0-9]){0,39}$/)
		.optional()
		.meta({
			description:
				"Prefix of the names of containers and network. Volumes keep their first name, and so their data. On AWS at most 36 characters, a letter first.",
			allowed: "up to 40 lower-case letters, digits and single hyphens",
			defaultInWords: "`<project>-<stack>`",
		}),
	bindAddress: z.ipv4().default("127.0.0.1").meta({
		description:
			"Address that Grafana and OTLP bind to. Any but loopback requires `access.token` and `access.tls`; all other ports stay on loopback, because they have no authentication.",
		allowed: "an IPv4 address, such as 127.0.0.1; 0.0.0.0 is every interface",
	}),
	access,
	aws,
	ports,
	images: z.string().min(1).default("configs/versions.yaml").meta({
		description: "Image catalogue, relative to the project.",
		allowed: "a file",
	}),
	tempo: z
		.strictObject({
			retention: retention("How long traces are kept.", "14d"),
			compactedRetention: retention(
				"How long a block is kept after it was compacted into another, for queries that still read it.",
				"1h",
			),
			backfill: duration().optional().meta({
				description:
					"How old traces may be on arrival, from the collector's queue or another system, and still be found by a search; older ones are found by their id only. A sender whose clock is behind by less makes searches slower: raise it only while another system's traces are copied.",
				allowed: "hours or days, such as 36h or 14d, at most `retention`",
				defaultInWords: "6h, or `retention` where that is shorter",
			}),
		})
		.prefault({})
		.meta({ description: "Traces." }),
	storage,
	archive,
	managed,
	collector: z
		.strictObject({
			queueMiB: z.int().min(1).max(1_048_576).default(2048).meta({
				description:
					"Size of the collector's queue on disk, for each backend. When it is full, senders are told to retry.",
				allowed: "MiB, a whole number from 1",
			}),
			instances,
			jaeger: z.boolean().default(false).meta({
				description:
					"Accept Jaeger's own format, over gRPC (`ports.jaegerGrpc`) and as Thrift over HTTP (`ports.jaegerThriftHttp`), not over UDP.",
			}),
			zipkin: z.boolean().default(false).meta({
				description: "Accept Zipkin's API, versions 1 and 2 (`ports.zipkin`).",
			}),
		})
		.prefault({})
		.meta({ description: "The collector." }),
	redaction: z
		.strictObject({
			enabled: z.boolean().default(true).meta({
				description:
					"Masks passwords, keys and tokens in attributes, events, span names, status messages and log bodies before anything is stored.",
			}),
			keys: z.array(pattern).default([]).meta({
				description: "Patterns of further attribute names whose values are masked.",
				allowed: "a list of regular expressions (RE2)",
			}),
			values: z.array(pattern).default([]).meta({
				description: "Further patterns that are masked within values.",
				allowed: "a list of regular expressions (RE2)",
			}),
		})
		.prefault({})
		.meta({ description: "Masking of secrets in telemetry." }),
	sampling,
	spanMetrics: z
		.strictObject({
			dimensions: z
				.array(
					z
						.string()
						.regex(/^[A-Za-z][\w.-]*$/)
						.meta({ allowed: "an attribute of spans or resources" }),
				)
				.refine((names) => isEachOnce([...names, ...ownLabels]))
				.default([])
				.meta({
					description:
						"Attributes that become labels of span metrics, such as `deployment.environment.name`. Each multiplies the series: docs/correlation.md.",
					allowed: `a list of attributes, each once; not ${ownLabels.join(", ")}, which are labels anyway`,
				}),
		})
		.prefault({})
		.meta({ description: "Metrics that are generated from spans." }),
	destinations: z.array(destination).default([]).meta({
		description:
			"Further OTLP backends, such as Langfuse, MLflow or a Jaeger during a migration: docs/destinations.md.",
		allowed: "a list of destinations",
	}),
	metrics: z
		.strictObject({ retention: retention("How long Prometheus keeps samples.", "15d") })
		.prefault({})
		.meta({ description: "Metrics." }),
	logs: z
		.strictObject({
			enabled: z.boolean().default(true).meta({
				description:
					"Whether Loki runs and the collector accepts logs. When switched off, the volume with earlier logs stays.",
			}),
			retention: retention("How long Loki keeps logs; its compactor accepts no less than a day.", "7d", 24),
		})
		.prefault({})
		.meta({ description: "Logs." }),
	grafana: z
		.strictObject({
			adminUser: z
				.string()
				.regex(/^[^:\s]+$/)
				.default("admin")
				.meta({
					description:
						"Login of the administrator; the password is random: `./tracestack password`. Grafana reads the login when its database is empty: choose it before the first `up`.",
					allowed: "a name without colon and white space",
				}),
			plugins: z.array(grafanaPlugin).default([]).meta({
				description: "Plugins that Grafana downloads before it starts, pinned.",
				allowed: "a list of id@version",
			}),
		})
		.prefault({})
		.meta({ description: "Grafana." }),
	packs: z
		.array(z.string().meta({ allowed: "a folder of configs/packs" }))
		.default(["platform"])
		.meta({
			description: "Packs of dashboards and rules that the stack shows: folders under `configs/packs`.",
			allowed: "a list of folders of configs/packs",
		}),
	scrapes: z
		.array(scrape)
		.default([])
		.meta({ description: "What Prometheus scrapes besides the stack itself.", allowed: "a list of scrapes" }),
	temporal,
	alerts,
	services: z.array(service).default([]).meta({
		description: "Services with an owner, or thresholds of their own, for alerts about requests.",
		allowed: "a list of services",
	}),
	receivers: z.array(receiver).default([]).meta({
		description:
			"Who is notified of alerts. An alert goes to every receiver whose filters match; one that matches none is only shown.",
		allowed: "a list of receivers",
	}),
	drift,
	policies,
	logLevel: z.enum(["debug", "info", "warn", "error"]).default("info").meta({
		description: "Log level of every service.",
	}),
});
