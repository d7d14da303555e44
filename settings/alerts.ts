// Settings about alerts: when they fire, and who is told.

import { z } from "zod";
import type { Conflict } from "./explain.ts";
import { credential, hostPort, secretText, url } from "./kinds.ts";
import { listAt, objectOf, type Raw } from "./raw.ts";

/** Which alerts a receiver gets. */
const wanted = {
	name: z
		.string()
		.regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/)
		.meta({ description: "Name.", allowed: "lower-case letters, digits, single hyphens" }),
	severities: z
		.array(z.enum(["critical", "warning", "info"]))
		.default([])
		.meta({
			description: "Only alerts of these severities.",
			allowed: "a list of critical, warning, info",
			defaultInWords: "all",
		}),
	envs: z
		.array(z.string().min(1).meta({ allowed: "a value of the label `env`" }))
		.default([])
		.meta({
			description: "Only alerts of these environments.",
			allowed: "a list of values of the label `env`",
			defaultInWords: "all",
		}),
	teams: z
		.array(z.string().min(1).meta({ allowed: "a value of the label `team`" }))
		.default([])
		.meta({
			description: "Only alerts of these teams: `platform` for the stack itself, others as `services` has them.",
			allowed: "a list of values of the label `team`",
			defaultInWords: "all",
		}),
	resolved: z.boolean().default(true).meta({ description: "Whether it is also notified when an alert is resolved." }),
};

/** Somebody who is told of alerts. */
export const receiver = z.discriminatedUnion("type", [
	z
		.strictObject({
			type: z.literal("webhook"),
			...wanted,
			url: url.meta({
				description: "Where Alertmanager posts its JSON. `host.docker.internal` is the machine that runs Docker.",
				allowed: "a URL, such as https://api.example.com/observability/alerts",
			}),
			token: credential("Bearer token of each request."),
		})
		.meta({ description: "An HTTP server of your own." }),
	z
		.strictObject({
			type: z.literal("slack"),
			...wanted,
			webhookUrl: secretText("URL of an incoming webhook: it is the credential."),
			channel: z
				.string()
				.regex(/^[#@]\S+$/)
				.optional()
				.meta({ description: "Channel, if the webhook does not determine it.", allowed: "such as #alerts" }),
		})
		.meta({ description: "A Slack channel." }),
	z
		.strictObject({
			type: z.literal("pagerduty"),
			...wanted,
			routingKey: secretText("Integration key of a service (Events API v2)."),
			url: url.optional().meta({
				description: "Where events go.",
				allowed: "a URL",
				defaultInWords: "PagerDuty's own",
			}),
		})
		.meta({ description: "A PagerDuty service." }),
	z
		.strictObject({
			type: z.literal("email"),
			...wanted,
			to: z.string().min(3).meta({ description: "Recipients.", allowed: "addresses, separated by commas" }),
			from: z.email().meta({ description: "Sender.", allowed: "an address" }),
			smarthost: hostPort.meta({ ...hostPort.meta(), description: "Mail server." }),
			username: z
				.string()
				.min(1)
				.optional()
				.meta({ description: "Login, if the server requires one.", allowed: "a name" }),
			password: credential("Its password."),
			requireTls: z.boolean().default(true).meta({ description: "Refuse a server without STARTTLS." }),
		})
		.meta({ description: "E-mail." }),
]);

/** Of a login by e-mail, the part that is missing. */
export function receiverConflicts(raw: Raw): Conflict[] {
	return listAt(raw, "receivers").flatMap((receiver, i) => {
		const { type, username, password } = objectOf(receiver);
		if (type !== "email" || (username === undefined) === (password === undefined)) return [];
		const key = username === undefined ? "username" : "password";
		return [{ path: ["receivers", i, key], problem: "is missing: a login has two parts" }];
	});
}

/** What is too much for the requests of one service, or of all. */
const thresholds = {
	errorRatio: z.number().min(0).max(1).meta({
		description: "Share of failed requests above which `RequestsFailing` fires; 1 never does.",
		allowed: "a number from 0 to 1",
	}),
	p95Seconds: z.number().positive().meta({
		description: "95th percentile of request durations above which `RequestsSlow` fires.",
		allowed: "seconds, more than 0",
	}),
	trafficDrop: z.number().min(0).max(1).meta({
		description:
			"Drop of the request rate, as a share of the hour before, above which `TrafficDropped` fires; 1 never does.",
		allowed: "a number from 0 to 1",
	}),
};

/** Of one service: where it is silent, that of all holds. */
function own<T extends z.ZodType>(threshold: T) {
	return threshold.optional().meta({ ...threshold.meta(), defaultInWords: "as in `alerts`" });
}

export const alerts = z
	.strictObject({
		env: z
			.string()
			.regex(/^[A-Za-z0-9._-]+$/)
			.optional()
			.meta({
				description:
					"Label `env` of every alert that has none of its own. `prod` and `production` make the stack production: docs/policies.md.",
				allowed: "letters, digits, dots, hyphens, underscores",
				defaultInWords: "the stack's name",
			}),
		runbooks: url.optional().meta({
			description:
				"URL of this repository's files, put before the path of an alert's runbook so that notifications have a link.",
			allowed: "a URL, such as https://git.example.com/acme/tracestack/blob/main",
			defaultInWords: "the path alone",
		}),
		silence: z
			.string()
			.regex(/^[1-9]\d{0,3}m$/)
			.optional()
			.meta({
				description: "How long the collector may receive no span before `NoTraces` fires.",
				allowed: "minutes, such as 15m",
				defaultInWords: "`NoTraces` never fires: a laptop is often silent",
			}),
		errorRatio: thresholds.errorRatio.default(0.05),
		p95Seconds: thresholds.p95Seconds.default(2),
		trafficDrop: thresholds.trafficDrop.default(0.5),
		minRequestsPerSecond: z.number().min(0).default(0.1).meta({
			description: "Services with fewer requests fire none of these alerts: one failure in two requests means nothing.",
			allowed: "a number from 0",
		}),
	})
	.prefault({})
	.meta({ description: "When alerts fire. All alerts: docs/runbooks/README.md." });

/** A service that is known by name. */
export const service = z.strictObject({
	name: z.string().min(1).meta({ description: "`service.name` of its spans.", allowed: "a name" }),
	team: z.string().min(1).optional().meta({
		description: "Label `team` of the alerts about its requests.",
		allowed: "a name",
	}),
	errorRatio: own(thresholds.errorRatio),
	p95Seconds: own(thresholds.p95Seconds),
	trafficDrop: own(thresholds.trafficDrop),
});
