// Kinds of values that several settings have.

import { z } from "zod";

const secret = (description: string) => ({
	description,
	allowed: "a text that is not empty, as a Pulumi secret",
	secret: true,
});

/** A credential: kept out of messages, and a secret of the stack. */
export function secretText(description: string) {
	return z.string().min(1).meta(secret(description));
}

/** One that may be left out. */
export function credential(description: string) {
	return z.string().min(1).optional().meta(secret(description));
}

export const url = z.string().regex(/^https?:\/\/[^\s/]+(\/\S*)?$/);
