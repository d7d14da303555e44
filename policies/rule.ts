// What a policy is: plain functions over plain data, so that it needs neither an engine nor a provider's package.

import type { PolicyName } from "../settings/policies.ts";

export type Props = Record<string, unknown>;

/** A resource as the program asks for it. */
export interface Resource {
	urn: string;
	/** The provider's token, such as `docker:index/container:Container`. */
	type: string;
	name: string;
	/** Inputs. What only a deployment knows is a symbol: it is there, and nothing else can be said of it. */
	props: Props;
	/** Whether the engine refuses to delete it. */
	protect: boolean;
	/** URNs of the resources that each property comes from; known of a whole stack only. */
	from: Record<string, string[]>;
}

/** What is wrong with a resource, and what to do about it. No value of a secret is ever in it. */
export interface Violation {
	resource: Resource;
	message: string;
}

export interface Rule {
	name: PolicyName;
	/** What is asked, in a sentence. */
	description: string;
	/** True where it is asked of production only. @default false */
	production?: boolean;
	/** What is wrong with a resource by itself: found before it is made. */
	one?(resource: Resource): string[];
	/** What is wrong between resources: found in a preview, or once all are made. */
	all?(resources: Resource[]): Violation[];
}

/** A list's objects, where it is known. */
export function listOf(value: unknown): Props[] {
	return Array.isArray(value) ? value.filter((item) => typeof item === "object" && item !== null) : [];
}

/** A list's texts, or the one text. */
export function textsOf(value: unknown): string[] {
	return (Array.isArray(value) ? value : [value]).filter((item) => typeof item === "string");
}

export function objectOf(value: unknown): Props {
	return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Props) : {};
}

/** A document that is written as JSON; undefined where it is not known yet. */
export function documentOf(value: unknown): unknown {
	if (typeof value !== "string") return typeof value === "symbol" ? undefined : value;
	try {
		return JSON.parse(value);
	} catch {
		return undefined;
	}
}

/** Types without the part that differs between versions of one resource: `aws:s3/bucketV2:BucketV2` is an `aws:s3:Bucket`. */
export function kindOf({ type }: Resource): string {
	const [provider = "", module = "", name = ""] = type.split(":");
	return `${provider}:${module.split("/")[0]}:${name.replace(/V\d+$/, "")}`;
}

/** Whether one of a resource's properties comes from another resource. */
export function comesFrom(resource: Resource, property: string, other: Resource): boolean {
	return resource.from[property]?.includes(other.urn) ?? false;
}
