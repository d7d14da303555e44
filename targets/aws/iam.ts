// Policies as plain data: each role gets what its workload needs and nothing else.

/** A policy document. */
export interface Policy {
	Version: "2012-10-17";
	Statement: Record<string, unknown>[];
}

/** Lets ECS tasks, and nothing else, take on a role. */
export const assumedByTasks: Policy = {
	Version: "2012-10-17",
	Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "ecs-tasks.amazonaws.com" } }],
};

/** For the agent that starts a task: its own log group, its own secrets, its images where they lie in ECR. */
export function executionPolicy(logGroupArn: string, secretArns: string[], images: string[]): Policy {
	const repositories = images.flatMap(ecrRepository);
	return {
		Version: "2012-10-17",
		Statement: [
			{ Effect: "Allow", Action: ["logs:CreateLogStream", "logs:PutLogEvents"], Resource: `${logGroupArn}:*` },
			...(secretArns.length > 0
				? [{ Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: secretArns }]
				: []),
			...(repositories.length > 0
				? [
						// It names no resource.
						{ Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
						{ Effect: "Allow", Action: ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], Resource: repositories },
					]
				: []),
		],
	};
}

/** For the workload itself: its own directories on the file system. */
export function efsClientPolicy(fileSystemArn: string, accessPointArns: string[]): Policy {
	return {
		Version: "2012-10-17",
		Statement: [
			{
				Effect: "Allow",
				Action: ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
				Resource: fileSystemArn,
				Condition: { StringEquals: { "elasticfilesystem:AccessPointArn": accessPointArns } },
			},
		],
	};
}

/**
 * For the file system: nobody without TLS. Having any policy of its own also ends EFS's default, which gives everything to
 * anyone who reaches a mount target.
 */
export function fileSystemPolicy(fileSystemArn: string): Policy {
	return {
		Version: "2012-10-17",
		Statement: [
			{
				Effect: "Deny",
				Action: "*",
				Principal: { AWS: "*" },
				Resource: fileSystemArn,
				Condition: { Bool: { "aws:SecureTransport": "false" } },
			},
		],
	};
}

function ecrRepository(image: string): string[] {
	const found = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com\/([^:@]+)/.exec(image);
	return found ? [`arn:aws:ecr:${found[2]}:${found[1]}:repository/${found[3]}`] : [];
}
