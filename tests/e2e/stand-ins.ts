// What stands in for AWS's services beside tasks on local Docker, by the names that they have there.

import { region } from "../unit/aws-mocks.ts";
import type { Fargate } from "./tasks.ts";

const s3 = `s3.${region}.amazonaws.com`;
const database = "database.rds.amazonaws.com";
const buckets = ["configuration-id", "store-id"];

/** Amazon Managed Prometheus. */
export const amp = `aps-workspaces.${region}.amazonaws.com`;

/** Everything that a certificate must be for. */
export const hosts = [s3, `*.${s3}`, database, amp];

/** Where programs find whom they trust, and the region, which Fargate tells every task. */
export const trust = {
	AWS_CA_BUNDLE: "/stand-in/ca.pem",
	AWS_REGION: region,
	SSL_CERT_FILE: "/stand-in/ca.pem",
};

/** In place of a task's role: the S3 server's log says who asked. */
export function keyOf(who: string) {
	return { AWS_ACCESS_KEY_ID: who, AWS_SECRET_ACCESS_KEY: `secret-of-${who}` };
}

/** S3 over TLS; its access log is what it prints. It refuses nobody who has a key: that is asked of the policies afterwards. */
export async function runS3(fargate: Fargate, tasks: string[]): Promise<void> {
	const accounts = tasks.map((task) => {
		const { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret } = keyOf(task);
		return [task, { access, secret, role: "admin", userID: 0, groupID: 0, projectID: 0 }];
	});
	const users = JSON.stringify({ accessAccounts: Object.fromEntries(accounts) });
	const [data, iam] = await Promise.all([
		// A directory is a bucket.
		fargate.volume("s3-data", Object.fromEntries(buckets.map((bucket) => [`${bucket}/.keep`, { text: "" }]))),
		fargate.volume("s3-iam", { "users.json": { text: users } }),
	]);
	const deployer = keyOf("deployer");
	await fargate.service(
		"s3",
		[s3, ...buckets.map((bucket) => `${bucket}.${s3}`)],
		[
			...["--volume", `${data}:/data`, "--volume", `${iam}:/iam`, "--user", "0:0"],
			...["--env", `ROOT_ACCESS_KEY_ID=${deployer.AWS_ACCESS_KEY_ID}`],
			...["--env", `ROOT_SECRET_ACCESS_KEY=${deployer.AWS_SECRET_ACCESS_KEY}`],
		],
		fargate.image("objectstore"),
		[
			...["--port", ":443", "--cert", "/stand-in/cert.pem", "--key", "/stand-in/key.pem", "--region", region],
			...["--virtual-domain", s3, "--iam-dir", "/iam", "--quiet", "--access-log", "stdout", "posix", "/data"],
		],
	);
}

/** PostgreSQL with TLS. */
export async function runDatabase(fargate: Fargate): Promise<void> {
	const env = ["POSTGRES_USER=tracestack", "POSTGRES_DB=grafana", "POSTGRES_PASSWORD=secret-of-database"];
	const tls = ["ssl=on", "ssl_cert_file=/stand-in/cert.pem", "ssl_key_file=/stand-in/key.pem"];
	await fargate.service(
		"database",
		[database],
		env.flatMap((one) => ["--env", one]),
		fargate.image("postgres"),
		tls.flatMap((one) => ["-c", one]),
	);
}

/** Puts what lies on the volume `deploy` where the program would have put it. */
export async function deploy(fargate: Fargate): Promise<void> {
	const env = Object.entries({ ...keyOf("deployer"), ...trust }).flatMap(([key, value]) => [
		"--env",
		`${key}=${value}`,
	]);
	const volume = await fargate.volume("deploy");
	await fargate.once("deploy", ["--volume", `${volume}:/deploy:ro`, ...env], fargate.image("awscli"), [
		"s3",
		"cp",
		"--recursive",
		"--only-show-errors",
		"/deploy",
		"s3://configuration-id/",
	]);
}
