// What a secret is called, and what it looks like: for the collector, for drift's reports, for the policies. What the collector gets
// are regular expressions that both RE2 and JavaScript read. Each begins with a literal: Go's library then looks for that text first,
// which is ten times faster than one expression with all of them, or with the flag `i` (measured: 2 us instead of 20 for a text
// of 90 characters).

/** `apiKey` as it may be spelt: `api_key`, `api-key`, `apikey`, `ApiKey`, `API_KEY`. */
function spellings(...words: string[]): string[] {
	const title = (word: string) => `${word[0]?.toUpperCase()}${word.slice(1)}`;
	const rest = words.slice(1).map((word) => `[_-]?[${word[0]?.toUpperCase()}${word[0]}]${word.slice(1)}`);
	const [first = ""] = words;
	return [
		[first, ...rest].join(""),
		[title(first), ...rest].join(""),
		words.map((word) => word.toUpperCase()).join("[_-]?"),
	];
}

/** What a secret is called, wherever: as words. */
const called = {
	/** In a text these say so with whatever follows. */
	anywhere: [
		["password"],
		["passwd"],
		["passphrase"],
		["authorization"],
		["secret"],
		["secret", "key"],
		["api", "key"],
		["access", "key"],
		["private", "key"],
	],
	/** These only as the end of a name: "unexpected token: x" is no secret. */
	asName: [["token"], ["cookie"], ["credentials"]],
	/** These only in a configuration: of an application's data they would hide too much. */
	configured: [
		["pass"],
		["pwd"],
		["secrets"],
		["credential"],
		["routing", "key"],
		["service", "key"],
		["account", "key"],
		["signing", "key"],
		["encryption", "key"],
	],
};

const names = called.anywhere.flatMap((words) => spellings(...words));

/** Ends of the names of attributes whose value is masked whole. `input_tokens` and `secret.arn` are none. */
export const secretKeys = [...names, ...called.asName.flatMap((words) => spellings(...words))].map(
	(name) => `${name}$`,
);

/**
 * How the name of a setting, a variable or an option ends whose value is a secret, for a regular expression with the flag `i`.
 * Addresses that only who knows them may use are secrets as well: Slack's are.
 */
export const secretName = `(?:${Object.values(called)
	.flat()
	.map((words) => words.join("[_-]?"))
	.concat("(?:api|webhook)_url")
	.join("|")})`;

const endsSecret = new RegExp(`${secretName}$`, "i");

/** Whether the value of what is called so is shown to nobody. What only says where it is, or what it is called, is shown. */
export function isSecretName(name: string): boolean {
	return endsSecret.test(name);
}

/** The same of a variable of an environment, where every KEY is one; not where the value only says in which file it is. */
export function isSecretInEnvironment(name: string, value: string): boolean {
	return (isSecretName(name) || /(?:^|_)KEY$/.test(name)) && !/^(?:\$__file\{|\/)/.test(value);
}

/** A value in JSON, in JSON within JSON, in quotes, or up to what ends it in a query string or a connection string. */
const value = String.raw`(?:\\"[^"\\]*\\"|"[^"]*"|'[^']*'|[^\s&;,"'})]+)`;

/** What is masked within a value; what surrounds it stays. */
export const secretValues = [
	// A name and its value.
	...names.map((name) => String.raw`${name}\\?["']?\s*[:=]\s*(?:(?:[Bb]earer|[Bb]asic)\s+)?${value}`),
	...["pwd", "Pwd", "PWD"].map((name) => `${name}=${value}`),
	// "unexpected token: x" is no secret.
	...spellings("token").map((name) => String.raw`${name}(?:=|\\?["']\s*:\s*)${value}`),
	// Credentials of a header.
	...["Bearer", "bearer"].map((scheme) => String.raw`${scheme}\s+[\w.~+/-]{16,}=*`),
	...["Basic", "basic"].map((scheme) => String.raw`${scheme}\s+(?:[\w+/-]{16,}=*|[\w+/-]{4,}=+)`),
	// The password of a URL, with its user.
	String.raw`://[^\s/:@]*:[^\s/@]+@`,
	// Keys that tell what they are: JWT, AWS, GitHub, GitLab, Slack, Stripe, OpenAI and alike, Google, npm.
	String.raw`eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+`,
	"AKIA[0-9A-Z]{16}",
	"ASIA[0-9A-Z]{16}",
	...["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].map((start) => String.raw`${start}\w{36,}`),
	String.raw`github_pat_\w{22,}`,
	String.raw`glpat-[\w-]{20,}`,
	"xox[abeoprs]-[A-Za-z0-9-]{10,}",
	...["sk_live_", "sk_test_", "rk_live_", "rk_test_"].map((start) => String.raw`${start}\w{16,}`),
	String.raw`sk-[\w-]{20,}`,
	String.raw`AIza[\w-]{35}`,
	String.raw`npm_\w{36}`,
	String.raw`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`,
];

/** Attributes of the semantic conventions that hold no free text: most of a span, and so most of the cost. */
export const harmlessKeys = [
	"client.address",
	"client.port",
	"code.file.path",
	"code.function",
	"code.function.name",
	"code.line.number",
	"container.id",
	"db.collection.name",
	"db.namespace",
	"db.operation.name",
	"db.system",
	"db.system.name",
	"deployment.environment.name",
	"error.type",
	"exception.type",
	"gen_ai.request.model",
	"gen_ai.response.model",
	"gen_ai.system",
	"gen_ai.usage.input_tokens",
	"gen_ai.usage.output_tokens",
	"host.arch",
	"host.name",
	"http.method",
	"http.request.method",
	"http.response.status_code",
	"http.route",
	"http.scheme",
	"http.status_code",
	"k8s.container.name",
	"k8s.deployment.name",
	"k8s.namespace.name",
	"k8s.node.name",
	"k8s.pod.name",
	"messaging.destination.name",
	"messaging.operation.name",
	"messaging.operation.type",
	"messaging.system",
	"network.peer.address",
	"network.peer.port",
	"network.protocol.name",
	"network.protocol.version",
	"network.transport",
	"os.type",
	"process.pid",
	"process.runtime.name",
	"process.runtime.version",
	"rpc.grpc.status_code",
	"rpc.method",
	"rpc.service",
	"rpc.system",
	"server.address",
	"server.port",
	"service.instance.id",
	"service.name",
	"service.namespace",
	"service.version",
	"telemetry.sdk.language",
	"telemetry.sdk.name",
	"telemetry.sdk.version",
	"thread.id",
	"thread.name",
	"url.scheme",
	"user_agent.original",
];
