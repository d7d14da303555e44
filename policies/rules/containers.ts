// What holds for every container, on Docker and in an ECS task.

import { isSecretName } from "../../components/secrets.ts";
import { documentOf, kindOf, listOf, objectOf, type Props, type Resource, type Rule, textsOf } from "../rule.ts";

export const memoryLimits: Rule = {
	name: "memory-limits",
	description: "A container can't take more memory than it was given.",
	one: (resource) => {
		const { memory } = resource.props;
		if (kindOf(resource) === "docker:index:Container" && !memory && !handsOver(resource))
			return ["it has no memory limit: set memory, in MiB (components/sizes.ts has that of each service)"];
		if (kindOf(resource) !== "aws:ecs:TaskDefinition" || memory) return [];
		const without = containersOf(resource).filter((container) => !container.memory);
		return without.map(({ name }) => `${name} has no memory limit: set memory, of the task or of the container`);
	},
};

export const noRoot: Rule = {
	name: "no-root",
	description: "No container runs as root, but for one that hands a volume over and ends.",
	one: (resource) => {
		const advice = "set user to one of its image, as uid:gid";
		if (kindOf(resource) === "docker:index:Container")
			return isRoot(resource.props.user) && !handsOver(resource) ? [`it runs as root: ${advice}`] : [];
		if (kindOf(resource) !== "aws:ecs:TaskDefinition") return [];
		const all = containersOf(resource);
		const root = all.filter((container) => isRoot(container.user) && !handsOverOnEcs(container, all));
		return root.map(({ name }) => `${name} runs as root: ${advice}`);
	},
};

/** What nobody would call a setting: keys of AWS and Grafana, a private key, a JWT, a password within a URL. */
const secretValue =
	/\bAKIA[0-9A-Z]{16}\b|\bgl(sa|c)_\w{20,}|-----BEGIN [A-Z ]*PRIVATE KEY|\beyJ[\w-]+\.eyJ[\w-]+\.|:\/\/[^/\s:@]+:[^/\s@]+@/;

export const noPlainSecrets: Rule = {
	name: "no-plain-secrets",
	description:
		"No password, key or token is in the environment of a container, where everybody sees it who may inspect one.",
	one: (resource) => {
		if (kindOf(resource) === "docker:index:Container")
			return textsOf(resource.props.envs)
				.map((text) => text.split(/=(.*)/s, 2))
				.filter(([name = "", value = ""]) => isSecret(name, value))
				.map(
					([name]) =>
						`${name} is in the environment: hand it over as a file (a secret with as.file), and name the file`,
				);
		if (kindOf(resource) !== "aws:ecs:TaskDefinition") return [];
		return containersOf(resource).flatMap((container) =>
			listOf(container.environment)
				.filter(({ name, value }) => isSecret(String(name), value))
				.map(({ name }) => `${name} of ${container.name} is in environment: put it into secrets, from Secrets Manager`),
		);
	},
};

/** Versity's S3 gateway reads its key from nowhere else. */
const onlyFromEnvironment = "ROOT_SECRET_ACCESS_KEY";

function isSecret(name: string, value: unknown): boolean {
	if (name === onlyFromEnvironment) return false;
	// Grafana reads the file that such a value names.
	if (value === "" || (typeof value === "string" && /^\$__file\{/.test(value))) return false;
	return isSecretName(name) || (typeof value === "string" && secretValue.test(value));
}

function isRoot(user: unknown): boolean {
	return !user || (typeof user === "string" && /^(0+|root)?(:|$)/.test(user));
}

function containersOf({ props }: Resource): Props[] {
	return listOf(documentOf(props.containerDefinitions));
}

/**
 * Whether a container does nothing but give a volume to its owner and end, which only root can. It is known by that, not by
 * its name: no network, nothing uploaded, no port, no capability but to change an owner, never started again, and waited for.
 */
function handsOver({ props }: Resource): boolean {
	const { adds, drops } = objectOf(props.capabilities);
	return (
		props.mustRun === false &&
		props.attach === true &&
		props.restart === "no" &&
		props.networkMode === "none" &&
		props.privileged !== true &&
		textsOf(drops).includes("ALL") &&
		textsOf(adds).every((capability) => capability === "CAP_CHOWN") &&
		textsOf(props.securityOpts).includes("no-new-privileges") &&
		listOf(props.uploads).length === 0 &&
		listOf(props.ports).length === 0
	);
}

/** Of the capabilities that Docker gives by default, those that make root dangerous. */
const dangerous = ["DAC_OVERRIDE", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SYS_CHROOT"];

/** The same in an ECS task: it has ended well before a container that depends on it starts. */
function handsOverOnEcs(container: Props, all: Props[]): boolean {
	const { drop } = objectOf(objectOf(container.linuxParameters).capabilities);
	const dropped = textsOf(drop);
	return (
		container.essential === false &&
		container.privileged !== true &&
		listOf(container.portMappings).length === 0 &&
		(dropped.includes("ALL") || dangerous.every((capability) => dropped.includes(capability))) &&
		all.some(({ dependsOn }) =>
			listOf(dependsOn).some((on) => on.containerName === container.name && on.condition === "SUCCESS"),
		)
	);
}
