import { execa } from "execa";
import { docker } from "./volumes.ts";

const home = "/usr/share/grafana";

/**
 * Sets the administrator's password in the database of a Grafana that is stopped: a restored one has the hash of another
 * stack's password. It does so in a container of the same image, volume and user. The password goes through standard input,
 * so that it is in no argument or environment variable.
 */
export async function setGrafanaPassword(containerId: string, password: string): Promise<void> {
	const format = "{{.Image}} {{.Config.User}}";
	const { stdout } = await execa("docker", ["inspect", "--format", format, containerId]);
	const [image = "", user = ""] = stdout.split(" ");
	const closed = [
		"--network",
		"none",
		"--log-driver",
		"none",
		"--cap-drop",
		"ALL",
		"--security-opt",
		"no-new-privileges",
	];
	const run = ["run", "--rm", "--interactive", "--volumes-from", containerId, "--user", user, ...closed];
	const command = ["cli", "--homepath", home, "admin", "reset-admin-password", "--password-from-stdin"];
	await docker([...run, "--entrypoint", `${home}/bin/grafana`, image, ...command], { input: `${password}\n` });
}
