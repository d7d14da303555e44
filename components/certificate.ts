import { isIPv4 } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

export interface CertificateArgs {
	/** Name of the authority, for people who find it among those that their system trusts. */
	authority: string;
	/** Host names and IPv4 addresses that the certificate is for. */
	names: string[];
}

const yearHours = 365 * 24;

/**
 * A server's certificate, and an authority of the stack's own that signs it. The authority lives as long as the stack: it is
 * what clients are given. The certificate is good for two years, within the 825 days that Apple's systems take, and renewed
 * by any `up` in the second.
 */
export class Certificate extends pulumi.ComponentResource {
	/** The server's certificate, in PEM. */
	readonly certificate: pulumi.Output<string>;
	/** Its private key, in PEM: a secret. */
	readonly key: pulumi.Output<string>;
	/** The authority's certificate, in PEM: what clients are given. */
	readonly ca: pulumi.Output<string>;

	constructor(name: string, { authority, names }: CertificateArgs, opts?: pulumi.ComponentResourceOptions) {
		super("tracestack:tls:Certificate", name, {}, opts);
		const parent = { parent: this };
		const newKey = (of: string) => new tls.PrivateKey(of, { algorithm: "ECDSA", ecdsaCurve: "P256" }, parent);
		const caKey = newKey("authority");
		const ca = new tls.SelfSignedCert(
			"authority",
			{
				privateKeyPem: caKey.privateKeyPem,
				subject: { commonName: authority },
				isCaCertificate: true,
				setSubjectKeyId: true,
				allowedUses: ["cert_signing", "crl_signing"],
				validityPeriodHours: 10 * yearHours,
				// No certificate outlives it.
				earlyRenewalHours: 2 * yearHours,
			},
			parent,
		);
		const key = newKey(name);
		const request = new tls.CertRequest(
			name,
			{
				privateKeyPem: key.privateKeyPem,
				subject: { commonName: name },
				dnsNames: names.filter((one) => !isIPv4(one)),
				ipAddresses: names.filter((one) => isIPv4(one)),
			},
			parent,
		);
		const signed = new tls.LocallySignedCert(
			name,
			{
				certRequestPem: request.certRequestPem,
				caPrivateKeyPem: caKey.privateKeyPem,
				caCertPem: ca.certPem,
				allowedUses: ["digital_signature", "server_auth"],
				validityPeriodHours: 2 * yearHours,
				earlyRenewalHours: yearHours,
			},
			parent,
		);
		this.certificate = signed.certPem;
		this.key = pulumi.secret(key.privateKeyPem);
		this.ca = ca.certPem;
		this.registerOutputs({ ca: this.ca });
	}
}
