// Tables of what keeps a policy and what breaks it.

import { expect, test } from "vitest";
import { judgeAll, judgeOne } from "../../../policies/judge.ts";
import type { Props, Resource } from "../../../policies/rule.ts";
import { rules } from "../../../policies/rules.ts";
import type { PolicyName, Waiver } from "../../../settings/policies.ts";
import type { Recorded } from "../mocks.ts";

/** Inputs that hold a secret have this one: no message may show it. */
const secret = "opensesame";

/** What only a deployment knows, as rules see it. */
export const unknown = Symbol("unknown");

export function resource(type: string, props: Props, more: Partial<Resource> = {}): Resource {
	return { urn: `urn:${more.name ?? type}`, type, name: "it", props, protect: false, from: {}, ...more };
}

/** What a program asked for under mocks. */
export function recordedResource({ type, name, inputs, options, from }: Recorded): Resource {
	const known = (value: unknown): unknown => {
		if (value === "[unknown]") return unknown;
		if (Array.isArray(value)) return value.map(known);
		if (typeof value !== "object" || value === null) return value;
		return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, known(item)]));
	};
	const protect = options?.protect === true;
	return resource(type, known(inputs) as Props, { urn: `${type.split("$").at(-1)} ${name}`, name, protect, from });
}

/** What all policies say of some resources, as `policy: message`; what is waived with its reason. */
export function violations(resources: Resource[], production = true, waive: Waiver[] = []): string[] {
	const settings = { production, waive };
	const found = rules.flatMap((rule) => [
		...resources.flatMap((one) => judgeOne(rule, one, settings)),
		...judgeAll(rule, resources, settings),
	]);
	return found.map(({ rule, message, waiver }) => `${rule.name}: ${waiver ? `(${waiver.reason}) ` : ""}${message}`);
}

export const tagged = { project: "p", stack: "s" };

/** A task definition. */
export function task(containers: Props[], props: Props = { memory: "512" }): Resource {
	const type = "aws:ecs/taskDefinition:TaskDefinition";
	return resource(type, { containerDefinitions: JSON.stringify(containers), tags: tagged, ...props });
}

/** A container of a task that keeps every policy, and starts after `init`. */
export const main = {
	name: "main",
	image: "a/b:1.0",
	user: "1000",
	essential: true,
	dependsOn: [{ containerName: "init", condition: "SUCCESS" }],
};

/** A container on Docker that keeps every policy. */
export function container(props: Props): Resource {
	const good = { image: "grafana/tempo:3.0.3", user: "10001:10001", memory: 256 };
	return resource("docker:index/container:Container", { ...good, ...props });
}

type Kept = [what: string, policy: PolicyName, resources: Resource[]];
type Broken = [...Kept, says: RegExp];

/** Tests each case; a policy must have both kinds. */
export function cases(kept: Kept[], broken: Broken[]): void {
	const said = (policy: PolicyName, resources: Resource[]) =>
		violations(resources).flatMap((line) => (line.startsWith(`${policy}: `) ? line.slice(policy.length + 2) : []));

	test.each(kept)("%s keeps %s", (_, policy, resources) => {
		expect(said(policy, resources)).toEqual([]);
	});

	test.each(broken)("%s breaks %s", (_, policy, resources, says) => {
		const messages = said(policy, resources);
		expect(messages).toHaveLength(1);
		expect(messages[0]).toMatch(says);
		expect(messages[0]).not.toContain(secret);
	});

	test("every policy here has what keeps it and what breaks it", () => {
		const names = (list: { 1: PolicyName }[]) => [...new Set(list.map((one) => one[1]))].sort();
		expect(names(kept)).toEqual(names(broken));
	});
}
