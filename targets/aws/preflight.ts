import type { Workload } from "../../components/workload.ts";
import type { Settings } from "../../settings.ts";
import { fargateSize, maxStopSeconds, maxStorageGiB, taskStorageGiB } from "./fargate.ts";
import { containerDefinitions, fileMounts } from "./task-definition.ts";

// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html; the rest is for volumes, roles and ARNs.
const maxContainersKiB = 64 - 4;

// The shortest of AWS's limits, RDS's 63 characters, without what makes a name unique.
const maxPrefix = 36;

/** What AWS would refuse about the names of a stack's resources, one sentence each: a stack's own name may be less plain. */
export function problemsOfNames({ namePrefix }: Settings): string[] {
	if (namePrefix.length <= maxPrefix && /^[a-z](-?[a-z0-9])*$/.test(namePrefix)) return [];
	return [
		`namePrefix: names of buckets and of the database can't begin with ${JSON.stringify(namePrefix)}. ` +
			`Set it to at most ${maxPrefix} lower-case letters, digits and single hyphens, a letter first.`,
	];
}

/** What Fargate would refuse about a workload, one sentence each. */
export function problemsOf(w: Workload, initImage: string): string[] {
	const problems: string[] = [];
	if (!fargateSize(w.size)) {
		problems.push(
			`${w.name}: no Fargate size holds ${w.size.cpu} vCPU and ${w.size.memoryMiB} MiB; the largest is 16 vCPU and 122880 MiB.`,
		);
	}
	if (w.stopGraceSeconds > maxStopSeconds) {
		problems.push(`${w.name}: stopGraceSeconds is ${w.stopGraceSeconds}, Fargate gives ${maxStopSeconds} at most.`);
	}
	const storage = taskStorageGiB(w);
	if (storage && storage > maxStorageGiB) {
		problems.push(
			`${w.name}: its volumes and image take ${storage} GiB of task storage, Fargate gives ${maxStorageGiB} at most.`,
		);
	}
	for (const { path } of fileMounts(w)) {
		if (path === "/" || w.volumes.some((volume) => volume.path === path)) {
			problems.push(`${w.name}: files can't lie in ${path}, put them into a directory of their own.`);
		}
	}
	// ARNs are about this long.
	const arn = "x".repeat(150);
	const sources = { fixed: arn, live: arn };
	const late = { region: "", logGroup: "", secretArns: w.secrets.map(() => arn), sources };
	const kib = Buffer.byteLength(containerDefinitions(w, initImage, late)) / 1024;
	if (kib > maxContainersKiB) {
		problems.push(`${w.name}: its task definition takes ${kib.toFixed(0)} KiB, ECS takes 64 at most.`);
	}
	return problems;
}
