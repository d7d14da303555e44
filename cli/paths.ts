// Folders that commands use.

import { homedir } from "node:os";
import { join } from "node:path";

/** The checkout. */
export const root = join(import.meta.dirname, "..");

/** Tools and builds, which can be deleted: they are made again. */
export const cacheDir = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tracestack");

/**
 * The local backend and its passphrase, which can't be made again. Outside the checkout, so that `git clean` does not
 * delete them.
 */
export const stateDir = join(process.env.XDG_STATE_HOME ?? join(homedir(), ".local/state"), "tracestack");
