import { getCACertificates, setDefaultCACertificates } from "node:tls";

/** Lets this process trust a stack's authority beside those that it knows: `fetch` can't be given one for a single request. */
export function trust(ca: string): void {
	setDefaultCACertificates([...new Set([...getCACertificates("default"), ca])]);
}
