// Runs a server's own linter on a workload's configuration, in the image that will run the server.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import type { Workload } from "../components/workload.ts";

/** The upstream linter of each service: what replaces the image's entry point, and its arguments. */
const linters: Record<string, { entrypoint: string; args: string[] }> = {
	tempo: { entrypoint: "/tempo", args: ["-config.file=/etc/tempo/tempo.yaml", "-config.verify=true"] },
	collector: { entrypoint: "/otelcol-contrib", args: ["validate", "--config=/etc/otelcol-contrib/config.yaml"] },
	prometheus: { entrypoint: "/bin/promtool", args: ["check", "config", "/etc/prometheus/prometheus.yaml"] },
	alertmanager: { entrypoint: "/bin/amtool", args: ["check-config", "/etc/alertmanager/alertmanager.yaml"] },
	loki: { entrypoint: "/usr/bin/loki", args: ["-verify-config", "-config.file=/etc/loki/loki.yaml"] },
};

/** Whether a service's server can check its configuration. */
export function hasLinter(service: string): boolean {
	return linters[service] !== undefined;
}

/**
 * Lints a workload's files.
 *
 * @param linter A command of the image. @default the linter of the service
 * @throws with the linter's output when it finds something.
 */
export async function lint(w: Workload, linter = linters[w.name]): Promise<void> {
	if (!linter) throw new Error(`${w.name} has no linter`);
	const dir = await mkdtemp(join(tmpdir(), "tracestack-lint-"));
	try {
		const mounts = new Set<string>();
		const secrets = w.secrets.flatMap(({ as, value }) => ("file" in as ? [[as.file, `${value}`] as const] : []));
		const files = [...Object.entries(w.files).map(([path, { text }]) => [path, text] as const), ...secrets];
		for (const [path, text] of files) {
			const file = join(dir, path);
			await mkdir(dirname(file), { recursive: true });
			await writeFile(file, text, { mode: 0o644 });
			const [, top, second] = path.split("/");
			mounts.add(`${join(dir, `${top}`, `${second}`)}:/${top}/${second}:ro`);
		}
		await runIn(w.image, linter.entrypoint, linter.args, [...mounts]);
	} finally {
		await rm(dir, { recursive: true });
	}
}

/** Runs a command in an image, without a network. @throws with its output when it fails. */
export async function runIn(image: string, entrypoint: string, args: string[], mounts: string[]): Promise<void> {
	const volumes = mounts.flatMap((mount) => ["--volume", mount]);
	const limits = ["--network", "none", "--cap-drop", "ALL", "--tmpfs", "/tmp"];
	const result = await execa(
		"docker",
		["run", "--rm", ...limits, "--user", "0:0", ...volumes, "--entrypoint", entrypoint, image, ...args],
		{
			reject: false,
			all: true,
		},
	);
	if (result.exitCode !== 0) throw new Error(result.all ?? result.message);
}
