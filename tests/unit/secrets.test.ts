import { describe, expect, it } from "vitest";
import { sealed } from "../../cli/drift/live/seal.ts";
import { isSecretVariable } from "../../cli/drift/secrets.ts";
import { harmlessKeys, secretKeys, secretValues } from "../../components/secrets.ts";
import { noPlainSecrets } from "../../policies/rules/containers.ts";

const masked = (text: string) =>
	secretValues.reduce((rest, pattern) => rest.replaceAll(new RegExp(pattern, "g"), "****"), text);
const isSecretKey = (key: string) => secretKeys.some((pattern) => new RegExp(pattern).test(key));

describe("a secret within a text", () => {
	it.each([
		["login failed: password=hunter2, user=app", "login failed: ****, user=app"],
		['{"password": "hunter2", "user": "app"}', '{"****, "user": "app"}'],
		['{\\"apiKey\\":\\"hunter2\\",\\"page\\":2}', '{\\"****,\\"page\\":2}'],
		["/cart?api_key=hunter2&page=2", "/cart?****&page=2"],
		["/reset?access_token=hunter2#top", "/reset?access_****"],
		["Server=db;Uid=app;Pwd=hunter2;", "Server=db;Uid=app;****;"],
		["CLIENT_SECRET=hunter2", "CLIENT_****"],
		["postgres://app:hunter2@db/shop", "postgres****db/shop"],
		["Authorization: Basic aHVudGVyMg==", "****"],
		["sent Bearer hunter2hunter2hunter2", "sent ****"],
		["with eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.abc-_123 inside", "with **** inside"],
		["AKIAIOSFODNN7EXAMPLE", "****"],
		["sk-proj-hunter2hunter2hunter2", "****"],
		["-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY----- after", "**** after"],
	])("%j is masked", (text, expected) => {
		expect(masked(text)).toBe(expected);
	});

	it.each([
		"GET /cart/items?page=2&sort=price",
		"https://shop.example:8443/cart",
		"3d6f0a1e-5c1b-4f7a-9d53-1c0b7a8e2f11",
		"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		"SyntaxError: Unexpected token: x",
		"basic authentication is off",
		"bearer of news",
		"the secretary's password was changed",
		"user@example.com",
		"input_tokens=42",
	])("%j is left alone", (text) => {
		expect(masked(text)).toBe(text);
	});
});

describe("an attribute's name", () => {
	it.each([
		"password",
		"db.password",
		"userPassword",
		"http.request.header.authorization",
		"http.response.header.set-cookie",
		"x-api-key",
		"apiKey",
		"AWS_SECRET_ACCESS_KEY",
		"client_secret",
		"refresh_token",
	])("%s says that its value is secret", (key) => {
		expect(isSecretKey(key)).toBe(true);
	});

	it.each([
		"gen_ai.usage.input_tokens",
		"session.id",
		"aws.secretsmanager.secret.arn",
		"password.length",
		"http.request.header.content-type",
		...harmlessKeys,
	])("%s does not", (key) => {
		expect(isSecretKey(key)).toBe(false);
	});
});

it("begins with a literal, or every span pays for it", () => {
	for (const pattern of [...secretKeys, ...secretValues]) expect(pattern).toMatch(/^[\w:/-]{3,}/);
});

describe("what is called a secret is one to everybody", () => {
	const container = (env: string) => ({ type: "docker:index/container:Container", name: "x", props: { envs: [env] } });
	const finding = {
		kind: "drifted",
		component: "x",
		subject: "container",
		action: "update",
		severity: "cosmetic",
	} as const;
	const hidden = (path: string) => sealed({ ...finding, stateful: false, changes: [{ path, to: "hunter2" }] }).changes;

	it.each([
		"PASSWORD",
		"DB_PASSPHRASE",
		"GOOGLE_CREDENTIALS",
		"CLIENT_SECRET",
		"SESSION_COOKIE",
		"PAGERDUTY_ROUTING_KEY",
		"AZURE_ACCOUNT_KEY",
		"SIGNING_KEY",
		"SLACK_API_URL",
		"OTEL_AUTHORIZATION",
	])("%s", (name) => {
		expect(isSecretVariable(`${name}=hunter2`)).toBe(true);
		expect(hidden(`env.${name}`)).toEqual([{ path: `env.${name}`, to: "[secret]" }]);
		expect(hidden(`receivers[0].${name.toLowerCase()}`)).toMatchObject([{ to: "[secret]" }]);
		expect(noPlainSecrets.one?.(container(`${name}=hunter2`) as never)).toHaveLength(1);
	});

	it.each(["GF_LOG_LEVEL", "KEYCLOAK_HOST", "TOKENS_PER_MINUTE", "PASSWORD_FILE", "SECRET_ARN"])(
		"%s is none",
		(name) => {
			expect(isSecretVariable(`${name}=hunter2`)).toBe(false);
			expect(hidden(`env.${name}`)).toMatchObject([{ to: "hunter2" }]);
			expect(noPlainSecrets.one?.(container(`${name}=hunter2`) as never)).toEqual([]);
		},
	);

	it("in an environment any other key as well, but not the file that it is in", () => {
		expect(isSecretVariable("LICENSE_KEY=hunter2")).toBe(true);
		expect(isSecretVariable("spring.datasource.password=hunter=2")).toBe(true);
		for (const value of ["/run/secrets/key", "$__file{/run/secrets/key}"])
			expect(isSecretVariable(`GF_CERT_KEY=${value}`)).toBe(false);
	});
});
