// What a hand wrote is no secret of the state, and may be one all the same: then its name says so.

import { type Change, type Finding, masked } from "../finding.ts";
import { isSecretFile, isSecretVariable } from "../secrets.ts";
import { isObject, lastKey } from "./compare.ts";

/** Keys whose value is shown to nobody; what only says where it is, or what it is called, is. */
const secretKey =
	/(password|passphrase|secret|token|credentials?|authorization|(api|access|routing|service|account|private)_?key)$/i;

/** A finding whose changes may be shown. */
export function sealed(finding: Finding): Finding {
	const secretFile = finding.subject.startsWith("file ") && isSecretFile(finding.subject);
	return {
		...finding,
		changes: secretFile ? [{ path: "content", from: masked, to: masked }] : finding.changes.map(sealedChange),
	};
}

function sealedChange({ path, ...values }: Change): Change {
	const key = lastKey(path);
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
	// In a text that is no map: `password = x`, as in an ini file.
	if (key === "lines" && typeof value === "string")
		return value.replaceAll(/^(\s*[\w.]+)(\s*[=:]\s*).+$/gm, (line, name: string, sign: string) =>
			secretKey.test(name) ? `${name}${sign}${masked}` : line,
		);
	return typeof value === "string" && secretKey.test(key) ? masked : value;
}
