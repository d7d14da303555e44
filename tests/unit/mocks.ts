// A Pulumi program without an engine: what it would create, as data.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "vitest";

/** A resource as the program asked the engine for it. */
export interface Recorded {
	type: string;
	name: string;
	/** Type and name of the parent. */
	parent?: string;
	/** Secrets are `[secret]`, values that only a deployment knows `[unknown]`. */
	inputs: Record<string, unknown>;
	/** Resource options that say something, by their name in Pulumi. */
	options?: Record<string, unknown>;
	/** Resources that each input comes from, by type and name. Not in goldens. */
	from: Record<string, string[]>;
	/** The provider that makes it, where it is not the engine's own. Not in goldens. */
	provider?: string;
}

/** What a program did. */
export interface Recording<T> {
	/** Sorted by type and name. */
	resources: Recorded[];
	/** What the program returned. */
	result: T;
}

/** How to run a program. */
export interface MockOptions {
	stack?: string;
	/** A preview probes nothing and waits for nothing. */
	preview?: boolean;
	/** Stack configuration, by full key. */
	config?: Record<string, string>;
	/** What the provider adds to a resource's inputs. */
	outputs?: (type: string, name: string) => Record<string, unknown>;
	/** What functions of providers return, by token. */
	calls?: Record<string, Answer | ((inputs: Record<string, unknown>) => Answer)>;
	/** Whether secrets are recorded as they are: for who runs what the program asked for. @default false */
	reveal?: boolean;
}

type Answer = Record<string, unknown>;

/** The part of a registration request that is recorded; Pulumi doesn't export its type. */
interface Request {
	getType(): string;
	getName(): string;
	getParent(): string;
	getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
	getDeletedwith(): string;
	getDeletebeforereplace(): boolean;
	getIgnorechangesList(): string[];
	getReplaceonchangesList(): string[];
	getProtect(): boolean;
	getRetainondelete(): boolean;
	getDependenciesList(): string[];
	getPropertydependenciesMap(): { forEach(visit: (value: { getUrnsList(): string[] }, name: string) => void): void };
	getProvider(): string;
}

const signature = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** Runs a program under mocks. They are global to the process: one program for each test file. */
export async function record<T>(program: () => T | Promise<T>, options: MockOptions = {}): Promise<Recording<T>> {
	const { stack = "dev", preview = false, config = {}, outputs, calls = {}, reveal = false } = options;
	pulumi.runtime.setAllConfig(config);
	await pulumi.runtime.setMocks(
		{
			newResource: ({ type, name, inputs }) => ({ id: `${name}-id`, state: { ...inputs, ...outputs?.(type, name) } }),
			call: ({ token, inputs }) => {
				const answer = calls[token];
				if (!answer) throw new Error(`the program calls ${token}, which has no answer in this test`);
				return typeof answer === "function" ? answer(inputs) : answer;
			},
		},
		"tracestack",
		stack,
		preview,
	);
	const requests: Request[] = [];
	// Mocks are shown inputs whose secrets are marked as a whole; the request itself marks each value, and knows options.
	const monitor = pulumi.runtime.getMonitor() as unknown as Record<
		"registerResource",
		(request: Request, done: unknown) => unknown
	>;
	const register = monitor.registerResource.bind(monitor);
	monitor.registerResource = (request, done) => {
		requests.push(request);
		return register(request, done);
	};
	const result = await withoutTraces(async () => {
		const returned = await program();
		await pulumi.runtime.disconnect();
		return returned;
	});
	return { resources: requests.map((request) => toRecorded(request, reveal)).sort(byTypeAndName), result };
}

/**
 * Pulumi takes a stack trace for each of its promises, and the test runner maps its frames to their sources: three quarters of
 * the time that a program takes. Without, an error that the program throws has its message only.
 */
async function withoutTraces<T>(body: () => Promise<T>): Promise<T> {
	const { stackTraceLimit } = Error;
	try {
		Error.stackTraceLimit = 0;
		return await body();
	} finally {
		Error.stackTraceLimit = stackTraceLimit;
	}
}

/** Resources of a type. */
export function ofType(resources: Recorded[], type: string): Recorded[] {
	return resources.filter((resource) => resource.type === type);
}

/** The one resource of a type and name; a test fails without. */
export function one(resources: Recorded[], type: string, name: string): Recorded {
	const found = resources.filter((resource) => resource.type === type && resource.name === name);
	expect(found, `${type} ${name}`).toHaveLength(1);
	return found[0] as Recorded;
}

/**
 * Compares with tests/unit/goldens/<name>.json, where JSON, lines and files in a string are spread out, so that a diff
 * shows what changed in them. `UPDATE_GOLDENS=1` writes it: read the diff before it is committed.
 */
export function golden(name: string, resources: Recorded[]): void {
	const value = resources.map(({ from: _, provider: __, ...shown }) => shown);
	const file = join(import.meta.dirname, "goldens", `${name}.json`);
	const text = `${JSON.stringify(unfold(value), null, "\t")}\n`;
	if (process.env.UPDATE_GOLDENS === "1") {
		if (process.env.CI) throw new Error("goldens are written by people, not in CI");
		writeFileSync(file, text);
	}
	if (!existsSync(file)) throw new Error(`there is no golden ${name}.json; UPDATE_GOLDENS=1 writes it`);
	expect(text, `differs from goldens/${name}.json; if that is meant, UPDATE_GOLDENS=1 writes it`).toBe(
		readFileSync(file, "utf8"),
	);
}

function toRecorded(request: Request, reveal: boolean): Recorded {
	const options = Object.fromEntries(
		Object.entries({
			deleteBeforeReplace: request.getDeletebeforereplace(),
			deletedWith: shortName(request.getDeletedwith()),
			dependsOn: dependsOn(request),
			ignoreChanges: request.getIgnorechangesList(),
			protect: request.getProtect(),
			replaceOnChanges: request.getReplaceonchangesList(),
			retainOnDelete: request.getRetainondelete(),
		}).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : value)),
	);
	const parent = shortName(request.getParent());
	const provider = shortName(request.getProvider());
	const from: Recorded["from"] = {};
	request.getPropertydependenciesMap().forEach((value, input) => {
		from[input] = value.getUrnsList().map(shortName);
	});
	return {
		type: request.getType(),
		name: request.getName(),
		...(parent && { parent }),
		inputs: readable(request.getObject()?.toJavaScript() ?? {}, reveal) as Recorded["inputs"],
		...(Object.keys(options).length > 0 && { options }),
		from,
		...(provider && { provider }),
	};
}

/** What was asked for beyond what the inputs refer to anyway. */
function dependsOn(request: Request): string[] {
	const implied = new Set<string>();
	request.getPropertydependenciesMap().forEach((value) => {
		for (const urn of value.getUrnsList()) implied.add(urn);
	});
	return request
		.getDependenciesList()
		.filter((urn) => !implied.has(urn))
		.map(shortName)
		.sort();
}

/** Type and name of a URN: the rest is the same for all. */
function shortName(urn: string): string {
	const [, , types = "", name = ""] = urn.split("::");
	return urn && `${types.split("$").at(-1)} ${name}`;
}

function readable(value: unknown, reveal: boolean): unknown {
	if (value === pulumi.runtime.unknownValue) return "[unknown]";
	if (Array.isArray(value)) return value.map((item) => readable(item, reveal));
	if (typeof value !== "object" || value === null) return value;
	if ((value as Record<string, unknown>)[signature] === secretSignature)
		return reveal ? readable((value as Record<string, unknown>).value, reveal) : "[secret]";
	return Object.fromEntries(
		Object.entries(value)
			.sort(([a], [b]) => (a < b ? -1 : 1))
			.map(([key, item]) => [key, readable(item, reveal)]),
	);
}

function unfold(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(unfold);
	if (typeof value === "object" && value !== null) {
		return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unfold(item)]));
	}
	if (typeof value !== "string") return value;
	const file = Buffer.from(value, "base64");
	if (value.length > 0 && file.toString("base64") === value && file.toString().endsWith("\n")) {
		return { "[base64]": unfold(file.toString()) };
	}
	if (/^[[{]/.test(value) && isJson(value)) return { "[json]": unfold(JSON.parse(value)) };
	return value.includes("\n") ? { "[lines]": value.split("\n") } : value;
}

function isJson(text: string): boolean {
	try {
		JSON.parse(text);
		return true;
	} catch {
		return false;
	}
}

function byTypeAndName(a: Recorded, b: Recorded): number {
	const [left, right] = [a, b].map(({ type, name, parent }) => `${type} ${name} ${parent}`) as [string, string];
	return left < right ? -1 : left > right ? 1 : 0;
}
