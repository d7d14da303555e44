import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

export interface RandomSecretArgs {
	/** Number of characters. @default 24: 142 bits of letters and digits, which need no quotes wherever they are pasted */
	length?: number;
}

/** A random secret of a stack. It lives and dies with the volumes that know it: see `down` in the README. */
export class RandomSecret extends pulumi.ComponentResource {
	/** The secret: encrypted in the state. */
	readonly value: pulumi.Output<string>;

	constructor(name: string, args: RandomSecretArgs = {}, opts?: pulumi.ComponentResourceOptions) {
		const aliases = [{ type: "tracestack:grafana:AdminPassword" }];
		super("tracestack:secret:Random", name, {}, { ...opts, aliases });
		const password = new random.RandomPassword(name, { length: args.length ?? 24, special: false }, { parent: this });
		this.value = pulumi.secret(password.result);
		this.registerOutputs({ value: this.value });
	}
}
