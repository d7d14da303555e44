import { documentOf, kindOf, listOf, type Resource, type Rule, textsOf } from "../rule.ts";

/** Tags that mean another image tomorrow. */
const moving = /^(latest|stable|main|master|edge|nightly|dev|rolling|current|lts)$|^v?\d+$/i;

export const exactImages: Rule = {
	name: "exact-images",
	description: "An image has a tag that always means the same, or a digest.",
	one: (resource) => imagesOf(resource).flatMap(wrongWith),
};

function imagesOf(resource: Resource): string[] {
	switch (kindOf(resource)) {
		case "docker:index:RemoteImage":
			return textsOf(resource.props.name);
		case "docker:index:Container":
			return textsOf(resource.props.image);
		case "aws:ecs:TaskDefinition":
			return listOf(documentOf(resource.props.containerDefinitions)).flatMap(({ image }) => textsOf(image));
		default:
			return [];
	}
}

function wrongWith(image: string): string[] {
	// An id, as Docker has it of what is already here.
	if (/^sha256:/.test(image) || /@sha256:[0-9a-f]{64}$/.test(image)) return [];
	const [, tag] = image.split("/").at(-1)?.split(":") ?? [];
	const advice = "name a full version, such as grafana/tempo:3.0.3, in configs/versions.yaml";
	if (!tag) return [`${image} has no tag, which means latest: ${advice}`];
	return moving.test(tag) ? [`${image} will be another image one day: ${advice}`] : [];
}
