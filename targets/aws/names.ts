import type { Settings } from "../../settings.ts";

export type AwsSettings = NonNullable<Settings["aws"]>;

/** The settings of a stack on AWS: `parseSettings` lets none through without. */
export function awsOf({ aws }: Settings): AwsSettings {
	if (!aws) throw new Error("a stack on AWS has no settings for it");
	return aws;
}

/** Whose a resource is. */
export function tagsOf(settings: Settings, service?: string): Record<string, string> {
	const { project, stack } = settings;
	return { ...settings.aws?.tags, project, stack, ...(service && { service }) };
}

/** The private DNS zone of a stack. */
export function zoneOf({ project, stack }: { project: string; stack: string }): string {
	return `${stack}.${project}.internal`;
}

/** The zones of a new VPC. */
export function zonesOf(settings: Settings): string[] {
	const { region, vpc } = awsOf(settings);
	return vpc.zones ?? ["a", "b"].map((letter) => `${region}${letter}`);
}
