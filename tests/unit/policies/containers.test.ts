import { cases, container, main, resource, task, unknown } from "./cases.ts";

const handOver = {
	image: "sha256:abc",
	user: "0:0",
	memory: undefined,
	networkMode: "none",
	capabilities: { adds: ["CAP_CHOWN"], drops: ["ALL"] },
	securityOpts: ["no-new-privileges"],
	restart: "no",
	mustRun: false,
	attach: true,
};

const init = {
	name: "init",
	image: "a/b:1.0",
	user: "0",
	essential: false,
	portMappings: [],
	linuxParameters: { capabilities: { drop: ["DAC_OVERRIDE", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SYS_CHROOT"] } },
};

cases(
	[
		[
			"a full version",
			"exact-images",
			[resource("docker:index/remoteImage:RemoteImage", { name: "grafana/tempo:3.0.3" })],
		],
		["a registry with a port", "exact-images", [container({ image: "registry:5000/tempo:2.8-2388e90c4cae" })]],
		["a digest", "exact-images", [container({ image: `a/b@sha256:${"0".repeat(64)}` })]],
		["an image that is not known yet", "exact-images", [container({ image: unknown })]],
		["a task's image", "exact-images", [task([main])]],
		["a limit", "memory-limits", [container({}), task([main])]],
		["limits of each container", "memory-limits", [task([{ ...main, memory: 256 }], {})]],
		["a hand-over", "memory-limits", [container(handOver)]],
		["a user", "no-root", [container({}), container({ user: "472:0" }), task([main])]],
		["a hand-over", "no-root", [container(handOver), task([init, main])]],
		[
			"a secret in a file",
			"no-plain-secrets",
			[
				container({
					envs: ["GF_SECURITY_ADMIN_PASSWORD=$__file{/a}", "AWS_SHARED_CREDENTIALS_FILE=/a", "TOKEN=", unknown],
				}),
			],
		],
		[
			"a task's secrets",
			"no-plain-secrets",
			[
				task([
					{ ...main, environment: [{ name: "A", value: "b" }], secrets: [{ name: "DB_PASSWORD", valueFrom: "arn" }] },
				]),
			],
		],
	],
	[
		[
			"latest",
			"exact-images",
			[resource("docker:index/remoteImage:RemoteImage", { name: "grafana/tempo:latest" })],
			/tempo:latest will be another image.*versions\.yaml/,
		],
		[
			"no tag behind a port",
			"exact-images",
			[container({ image: "registry:5000/tempo" })],
			/no tag, which means latest/,
		],
		["a major version", "exact-images", [task([{ ...main, image: "busybox:1" }])], /busybox:1 will be another/],
		["no limit", "memory-limits", [container({ memory: undefined })], /no memory limit: set memory/],
		["a task without a limit", "memory-limits", [task([main], {})], /main has no memory limit/],
		["no user", "no-root", [container({ user: undefined })], /runs as root: set user/],
		["root by name", "no-root", [container({ user: "root:root" })], /runs as root/],
		["root in a task", "no-root", [task([{ ...main, user: "0:0" }])], /main runs as root/],
		["root that stays", "no-root", [container({ ...handOver, restart: "unless-stopped" })], /runs as root/],
		["root with a network", "no-root", [container({ ...handOver, networkMode: "bridge" })], /runs as root/],
		[
			"root that may more",
			"no-root",
			[container({ ...handOver, capabilities: { adds: ["CAP_SYS_ADMIN"], drops: ["ALL"] } })],
			/runs as root/,
		],
		["root that nothing waits for", "no-root", [task([init, { ...main, dependsOn: [] }])], /init runs as root/],
		[
			"root with all its capabilities",
			"no-root",
			[task([{ ...init, linuxParameters: {} }, main])],
			/init runs as root/,
		],
		[
			"a password",
			"no-plain-secrets",
			[container({ envs: ["DB_PASSWORD=opensesame"] })],
			/^DB_PASSWORD is in the environment: hand it over as a file/,
		],
		[
			"a password in a URL",
			"no-plain-secrets",
			[container({ envs: ["DB=postgres://a:opensesame@db/x"] })],
			/^DB is in the environment/,
		],
		[
			"a task's token, not known yet",
			"no-plain-secrets",
			[task([{ ...main, environment: [{ name: "API_TOKEN", value: "opensesame" }] }])],
			/^API_TOKEN of main is in environment: put it into secrets/,
		],
	],
);
