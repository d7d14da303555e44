// How AWS is asked, and what it means when it does not tell.

/** For every client: whoever waits is a person. */
export const patience = {
	maxAttempts: 3,
	requestHandler: { connectionTimeout: 5_000, requestTimeout: 15_000, throwOnRequestTimeout: true },
};

/** Why there is no answer: the credentials may not ask, there is no such thing, or something else. */
export function refusal(error: unknown): "denied" | "absent" | "other" {
	const {
		name = "",
		$metadata,
		$response,
	} = error as Error & {
		$metadata?: { httpStatusCode?: number };
		/** Of an answer that the SDK could not read. */
		$response?: { statusCode?: number };
	};
	// Each service has names of its own for both. Credentials that are wrong have failed before, by the first question.
	if (/NotFound|NoSuch|DoesNotExist/.test(name)) return "absent";
	if (/AccessDenied|UnauthorizedOperation/.test(name)) return "denied";
	return ($metadata?.httpStatusCode ?? $response?.statusCode) === 403 ? "denied" : "other";
}

/** Whether there are no credentials, or AWS has refused them; else it was not reached, or could not answer. */
export function aboutCredentials(error: unknown): boolean {
	const { name, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
	const status = $metadata?.httpStatusCode ?? 0;
	return /Credentials|Token/.test(name) || (status >= 400 && status < 500);
}
