import { homedir } from "node:os";
import { join } from "node:path";

/** The checkout. */
export const root = join(import.meta.dirname, "..");

/** What can be made again: tools, builds. */
export const cacheDir = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tracestack");

/** What can't: the local backend and its passphrase. Outside the checkout, so that no clone and no `git clean` loses them. */
export const stateDir = join(process.env.XDG_STATE_HOME ?? join(homedir(), ".local/state"), "tracestack");
