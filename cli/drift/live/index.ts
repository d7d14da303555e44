// What the providers can't see, by name: files in containers, running configuration, edits in Grafana.

import type { Look } from "../finding.ts";

export const looks: Record<string, Look> = {};
