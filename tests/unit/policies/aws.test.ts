import type { Props } from "../../../policies/rule.ts";
import { cases, main, resource, task, unknown } from "./cases.ts";

const policyOf = (statement: Props) => {
	const policy = JSON.stringify({ Statement: [{ Effect: "Allow", ...statement }] });
	return resource("aws:iam/rolePolicy:RolePolicy", { policy });
};

cases(
	[
		[
			"what is named",
			"least-privilege",
			[
				policyOf({ Action: ["s3:GetObject", "s3:PutObject"], Resource: ["arn:aws:s3:::traces/*"] }),
				policyOf({ Action: "logs:PutLogEvents", Resource: "arn:aws:logs:eu-west-1:1:log-group:tempo:*" }),
				policyOf({ Action: "ecr:GetAuthorizationToken", Resource: "*" }),
				policyOf({ Effect: "Deny", Action: "*", Resource: "*" }),
			],
		],
		[
			"a tagged resource, and one that has none",
			"tags",
			[
				task([main]),
				policyOf({ Action: "a:b", Resource: "arn:aws:a:eu-west-1:1:b" }),
				resource("aws:ecs/cluster:Cluster", { tags: unknown }),
			],
		],
	],
	[
		[
			"any action",
			"least-privilege",
			[policyOf({ Action: "s3:*", Resource: "arn:aws:s3:::traces/*" })],
			/action s3:\* is a wildcard: name each/,
		],
		[
			"any resource",
			"least-privilege",
			[policyOf({ Action: "s3:GetObject", Resource: "*" })],
			/resource \* is a wildcard/,
		],
		[
			"any bucket",
			"least-privilege",
			[policyOf({ Action: "s3:GetObject", Resource: "arn:aws:s3:::*" })],
			/s3:::\* is a wildcard/,
		],
		[
			"any secret",
			"least-privilege",
			[policyOf({ Action: "a:B", Resource: ["arn:aws:secretsmanager:eu-west-1:1:secret:*"] })],
			/secret:\* is a wildcard/,
		],
		["all but", "least-privilege", [policyOf({ NotAction: "iam:*", Resource: "arn:aws:s3:::a" })], /NotAction/],
		[
			"everybody",
			"least-privilege",
			[
				resource("aws:s3/bucketPolicy:BucketPolicy", {
					policy: {
						Statement: {
							Effect: "Allow",
							Action: "s3:GetObject",
							Principal: { AWS: "*" },
							Resource: "arn:aws:s3:::a/*",
						},
					},
				}),
			],
			/everybody may/,
		],
		[
			"an administrator",
			"least-privilege",
			[
				resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment", {
					policyArn: "arn:aws:iam::aws:policy/AdministratorAccess",
				}),
			],
			/AdministratorAccess allows everything/,
		],
		["no tags", "tags", [resource("aws:ecs/cluster:Cluster", {})], /lacks the tag project and stack: give it tagsOf/],
	],
);
