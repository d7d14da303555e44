// Compares the retention that servers report with what was deployed.

import { kept } from "../../kept.ts";
import { revealed, types } from "../../state.ts";
import type { Context, Finding } from "../finding.ts";
import { answers } from "./files.ts";
import { deployed, engine, standing } from "./inspect.ts";
import { remake } from "./restore.ts";

const services = { traces: "tempo", metrics: "prometheus", logs: "loki", archive: "otel-worker" } as const;

/** Services by the names of their ports, where these differ. */
const serviceOf: Record<string, string> = { otelWorker: services.archive };

/**
 * Findings about data that is kept for a shorter or longer time than declared, or elsewhere: it is lost, or fills the
 * disk.
 */
export async function retention(context: Context): Promise<Finding[]> {
	const there = await engine(context);
	const outputs = context.state.deployment.resources?.find(({ type }) => type === types.stack)?.outputs;
	const declared = revealed<{ retention: Record<string, string>; urls: Record<string, string> }>(outputs ?? {});
	const running = deployed(context).flatMap((container) => {
		const found = container.inputs.mustRun === false ? undefined : standing(container, there);
		return found && answers(found, container) ? [{ component: container.component, name: found.Name.slice(1) }] : [];
	});
	if (!outputs?.storage || !declared.retention) return [];
	const urls = Object.fromEntries(
		Object.entries(declared.urls).filter(([name]) =>
			running.some(({ component }) => component === (serviceOf[name] ?? name)),
		),
	);
	const all = await kept({ urls, retention: declared.retention, storage: outputs.storage });
	return all
		.filter(({ ok }) => !ok)
		.map(({ what, declared: from, reported: to }) => {
			if (to.startsWith("no answer")) throw new Error(`${what}: ${to}`);
			const name = running.find(({ component }) => component === services[what])?.name ?? "";
			return {
				kind: "drifted",
				component: services[what],
				subject: `retention of ${what}`,
				action: "update",
				severity: "breaks data",
				stateful: false,
				changes: [{ path: "kept", from, to }],
				restore: remake(name, context.stack),
			};
		});
}
