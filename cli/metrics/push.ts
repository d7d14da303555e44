// `./tracestack metrics push`: a GazeQA run's files as metrics.

import { chmod, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { z } from "zod";
import { SettingsError } from "../../settings/error.ts";
import { explain } from "../../settings/explain.ts";
import type { StackOptions } from "../engine.ts";
import { progress, UserError } from "../output.ts";
import { deliver } from "../report/push.ts";
import { artifactsIndex, checklist, observability, type RunFiles, runReport, runSummary } from "./run.ts";
import { exposition } from "./samples.ts";

/** Paths of the files that a run may have beside its summary. */
interface RunPaths {
	checklist?: string;
	observability?: string;
	artifacts?: string;
}

interface PushOptions extends StackOptions, RunPaths {
	output?: string;
	/** False: nothing is sent. */
	otlp: boolean;
}

/**
 * Writes the file, which needs no stack, then sends the metrics.
 *
 * @throws UserError with every mistake in the run's files, or when there is nothing to do.
 */
export async function metricsPushCommand(summary: string, options: PushOptions): Promise<void> {
	const { output, otlp } = options;
	if (!otlp && !output) throw new UserError("--no-otlp without --output does nothing: --output names a file");
	const files = await readRun(summary, options);
	const report = runReport(files, Date.now());
	const { env } = files.summary;
	progress(`gazeqa: run ${report.runId}${env ? ` in ${env}` : ""}`);
	if (output) {
		await replaceFile(output, exposition(report.samples));
		progress(`  ${report.samples.length} series in ${output}`);
	}
	if (otlp) await deliver(report, options);
}

/**
 * Reads the files of a run.
 *
 * @throws UserError with every mistake of every file.
 */
export async function readRun(summary: string, paths: RunPaths): Promise<RunFiles> {
	const mistakes: string[] = [];
	const read = async <T extends z.ZodType>(schema: T, file: string | undefined): Promise<z.infer<T> | undefined> => {
		if (!file) return undefined;
		let raw: unknown;
		try {
			raw = JSON.parse(await readFile(file, "utf8"));
		} catch (error) {
			mistakes.push(`${file} can't be read: ${(error as Error).message}`);
			return undefined;
		}
		const result = schema.safeParse(raw);
		if (result.success) return result.data;
		mistakes.push(SettingsError.of(file, explain({ raw, schema, issues: result.error.issues })).message);
		return undefined;
	};
	const files = {
		summary: await read(runSummary, summary),
		checklist: await read(checklist, paths.checklist),
		observability: await read(observability, paths.observability),
		artifacts: await read(artifactsIndex, paths.artifacts),
	};
	if (!files.summary || mistakes.length > 0) throw new UserError(mistakes.join("\n"));
	return { ...files, summary: files.summary };
}

/**
 * Replaces a file atomically. Until then it has a name that does not end in `.prom`, which node_exporter would read.
 *
 * @throws UserError when its folder does not exist or can't be written.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
	const meanwhile = join(dirname(path), `.${basename(path)}.${process.pid}`);
	try {
		await writeFile(meanwhile, text);
		// node_exporter runs as another user.
		await chmod(meanwhile, 0o644);
		await rename(meanwhile, path);
	} catch (error) {
		await rm(meanwhile, { force: true });
		throw new UserError(`${path} can't be written: ${(error as Error).message}`);
	}
}
