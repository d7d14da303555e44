// Finds and masks the secrets of a state that was exported with readable secrets.

import { ownKeyId } from "../../components/object-store.ts";
import { isSecretInEnvironment } from "../../components/secrets.ts";
import { isObject } from "../diff/change.ts";
import { isSecret, sealed } from "../state.ts";
import { masked } from "./finding.ts";

/** Shorter secrets are not masked: texts like `true` are found in anything. */
const leastLength = 6;

/**
 * A state in which only real secrets are marked as such: Pulumi marks a whole list when one of its elements is secret, so
 * all files of a container because of one password. The names of files and variables tell which of them are secret.
 */
export function narrowed<T>(value: T): T {
	if (isSecret(value)) {
		const plain: unknown = JSON.parse(value.plaintext);
		if (Array.isArray(plain) && plain.length > 0 && plain.every(isFile))
			return plain.map((file) => (isSecretFile(file.file) ? { ...file, content: sealed(file.content) } : file)) as T;
		if (Array.isArray(plain) && plain.length > 0 && plain.every(isVariable))
			return plain.map((variable) => (isSecretVariable(variable) ? sealed(variable) : variable)) as T;
		return value;
	}
	if (Array.isArray(value)) return value.map((item) => narrowed(item)) as T;
	if (!isObject(value)) return value;
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, narrowed(item)])) as T;
}

/** Whether a path is that of a secret: every workload has its secrets in such folders. */
export function isSecretFile(path: string): boolean {
	return path.includes("/secrets/");
}

/** Whether `NAME=value` is a secret, and not the path of a file with one. */
export function isSecretVariable(variable: string): boolean {
	const [, name = "", value = ""] = /^([^=]+)=(.*)$/s.exec(variable) ?? [];
	return isSecretInEnvironment(name, value);
}

/**
 * Every secret text in an exported state, and each of its lines, because a diff shows lines. The longest come first.
 */
export function secretTexts(state: unknown): string[] {
	const found = new Set<string>();
	const collect = (value: unknown, secret: boolean): void => {
		if (isSecret(value)) collect(JSON.parse(value.plaintext), true);
		else if (Array.isArray(value)) for (const item of value) collect(item, secret);
		else if (isObject(value)) for (const item of Object.values(value)) collect(item, secret);
		else if (secret && typeof value === "string")
			for (const text of [value, ...value.split(/\r?\n/)])
				if (text.trim().length >= leastLength) found.add(text.trim());
	};
	collect(state, false);
	// The id that belongs to a secret key is no secret, and part of many messages.
	found.delete(ownKeyId);
	return [...found].sort((a, b) => b.length - a.length);
}

/** A value with these texts masked wherever they are in it, in keys as well. */
export function hide<T>(value: T, texts: readonly string[]): T {
	if (texts.length === 0) return value;
	const clean = (text: string) => texts.reduce((left, secret) => left.replaceAll(secret, masked), text);
	const walk = (item: unknown): unknown => {
		if (typeof item === "string") return clean(item);
		if (Array.isArray(item)) return item.map(walk);
		if (!isObject(item)) return item;
		return Object.fromEntries(Object.entries(item).map(([key, inner]) => [clean(key), walk(inner)]));
	};
	return walk(value) as T;
}

function isFile(value: unknown): value is { file: string; content: unknown } {
	return isObject(value) && typeof value.file === "string";
}

function isVariable(value: unknown): value is string {
	return typeof value === "string" && /^\w+=/.test(value);
}
