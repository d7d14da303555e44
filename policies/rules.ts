import type { Rule } from "./rule.ts";
import { leastPrivilege, tags } from "./rules/aws.ts";
import { memoryLimits, noPlainSecrets, noRoot } from "./rules/containers.ts";
import { exactImages } from "./rules/images.ts";
import { closedNetworks, guardedPorts } from "./rules/reach.ts";
import { manyZones, privateBuckets, protectedStores, retention } from "./rules/stores.ts";

/** Everything that is asked of a stack. */
export const rules: Rule[] = [
	exactImages,
	guardedPorts,
	memoryLimits,
	noRoot,
	noPlainSecrets,
	protectedStores,
	retention,
	privateBuckets,
	leastPrivilege,
	closedNetworks,
	manyZones,
	tags,
];
