import { describe, expect, it } from "vitest";
import { harmlessKeys, secretKeys, secretValues } from "../../components/secrets.ts";

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
