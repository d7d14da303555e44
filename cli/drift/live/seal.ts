// Masks secrets that somebody entered by hand: they are not in the state, and are recognised by their names.

import { isSecretName, secretName } from "../../../components/secrets.ts";
import { type Change, isObject } from "../../diff/change.ts";
import { lastKey } from "../../diff/compare.ts";
import { type Finding, masked } from "../finding.ts";
import { isSecretFile, isSecretVariable } from "../secrets.ts";

/** Secrets in plain text: `password = x` in an ini file, `--token=x` in a command. */
const assigned = new RegExp(`(${secretName}["']?[ \\t]*[=:][ \\t]*)\\S.*$`, "gim");
const argument = new RegExp(`(${secretName}=)\\S+`, "gi");
const inUrl = /(:\/\/[^/\s:@]*:)[^/\s@]+@/g;
const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY/;

/** A finding with secrets masked, so that it may be printed. */
export function sealed(finding: Finding): Finding {
	const secretFile = finding.subject.startsWith("file ") && isSecretFile(finding.subject);
	return {
		...finding,
		changes: secretFile ? [{ path: "content", from: masked, to: masked }] : finding.changes.map(sealedChange),
	};
}

function sealedChange({ path, ...values }: Change): Change {
	// An element of a list is recognised by the list's name.
	const key = lastKey(path.replace(/(\[\d+\])+$/, ""));
	const variable = path.startsWith("env") && isSecretVariable(`${key}=`);
	const value = (item: unknown) => (variable ? masked : withoutSecrets(key, item));
	return {
		path,
		...("from" in values && { from: value(values.from) }),
		...("to" in values && { to: value(values.to) }),
	};
}

function withoutSecrets(key: string, value: unknown): unknown {
	if (Array.isArray(value)) return value.map((item) => withoutSecrets(key, item));
	if (isObject(value))
		return Object.fromEntries(Object.entries(value).map(([inner, item]) => [inner, withoutSecrets(inner, item)]));
	if (typeof value === "number") return isSecretName(key) ? masked : value;
	if (typeof value !== "string") return value;
	if (isSecretName(key) || privateKey.test(value)) return masked;
	const text = value.replaceAll(inUrl, `$1${masked}@`);
	if (key === "lines") return text.replaceAll(assigned, `$1${masked}`);
	return key === "command" ? text.replaceAll(argument, `$1${masked}`) : text;
}
