// A namespace and not its members: a Node without them runs every stack that needs no authority of its own.
import * as tls from "node:tls";

/**
 * Lets this process trust a stack's authority beside those that it knows: `fetch` can't be given one for a single request.
 *
 * @throws on Node before 22.19, which can't be given any.
 */
export function trust(ca: string): void {
	if (!("setDefaultCACertificates" in tls))
		throw new Error(`access.tls needs Node 22.19 or newer to trust the stack's authority, this is ${process.version}`);
	tls.setDefaultCACertificates([...new Set([...tls.getCACertificates("default"), ca])]);
}
