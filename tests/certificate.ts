import { execa } from "execa";

/** A certificate for two days that is its own authority, as somebody would bring it along. */
export async function selfSigned(names: string[], days = 2): Promise<{ certificate: string; key: string }> {
	const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "-"];
	const subject = ["-subj", "/CN=own", "-addext", `subjectAltName=${names.join(",")}`, "-days", `${days}`];
	const { stdout } = await execa("openssl", ["req", "-x509", ...key, ...subject]);
	const [, secret = ""] = /(-----BEGIN PRIVATE KEY-----.*?-----END PRIVATE KEY-----)/s.exec(stdout) ?? [];
	return { certificate: stdout.slice(stdout.indexOf("-----BEGIN CERTIFICATE-----")), key: secret };
}
