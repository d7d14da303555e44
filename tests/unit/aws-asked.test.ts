// What moto can't be: away. What it answers is in tests/e2e/aws-questions.test.ts.

import { afterEach, expect, test, vi } from "vitest";
import { parseSettings } from "../../settings.ts";
import { askedOfAws } from "../../targets/aws/asked.ts";
import { settingsOf } from "./aws-mocks.ts";

afterEach(() => vi.unstubAllEnvs());

test("an AWS that is not reached is no fault of the credentials", async () => {
	vi.stubEnv("AWS_ACCESS_KEY_ID", "a");
	vi.stubEnv("AWS_SECRET_ACCESS_KEY", "b");
	vi.stubEnv("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
	expect(await askedOfAws(parseSettings(settingsOf("prod"), { project: "tracestack", name: "prod" }))).toEqual({
		problems: [
			expect.stringMatching(/^aws: nothing could be asked in eu-central-1: .*ECONNREFUSED.*\. Is that a region/),
		],
		notes: [],
	});
});
