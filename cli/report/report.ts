// What a report consists of, whoever made it.

import { z } from "zod";
import type { Sample } from "../metrics/samples.ts";

/** A run's id. It becomes a folder in the object store and a label, and is printed. */
export const runId = z
	.string()
	.regex(/^(?!\.{1,2}$)[^\s/][^/\p{Cc}]*$/u)
	.meta({ allowed: "the run's id, without slashes" });

/** A file that Grafana reads in the object store. */
export interface StoredObject {
	name: string;
	body: Buffer<ArrayBuffer>;
}

/** What a pipeline says of one of its runs. */
export interface Report {
	/** Name of the pipeline; the folder in the object store. */
	source: string;
	runId: string;
	samples: Sample[];
	/** Stored under the run's id, and once more as the source's latest. */
	objects: StoredObject[];
}
