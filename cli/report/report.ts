import { z } from "zod";
import type { Sample } from "../metrics/samples.ts";

/** A run's id: a folder in the object store, a label, and a word on a terminal. */
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
	/** What made it: the folder in the object store. */
	source: string;
	runId: string;
	samples: Sample[];
	/** Stored by run, and as the source's latest. */
	objects: StoredObject[];
}
