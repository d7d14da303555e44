import { dashboardMessage } from "../components/links.ts";
import { progress } from "./output.ts";
import { type State, types } from "./state.ts";
import { type Endpoints, grafana } from "./verify/api.ts";

/** A version in Grafana's history of a dashboard. */
interface Version {
	version: number;
	createdBy: string;
	/** ISO 8601. */
	created: string;
	message: string;
}

/**
 * Prints every dashboard that was edited in Grafana since the last `up`, and whether this `up` kept the edit, because the
 * dashboard's file did not change, or overwrote it. Grafana's history has both.
 *
 * @param before The state as it was before this `up`.
 */
export async function reportEdits(e: Endpoints, stack: string, before: State): Promise<void> {
	const dashboards = (before.deployment.resources ?? []).filter(({ type }) => type === types.dashboard);
	for (const { outputs: { uid = "", version = 0 } = {} } of dashboards) {
		const edit = await lastEdit(e, uid, version);
		if (!edit) continue;
		const { kept } = edit;
		progress(`  ! dashboard ${uid} was edited in Grafana by ${edit.by}, ${edit.since}`);
		if (kept) {
			progress(`    the edit is kept; to see it:  ./tracestack drift --stack ${stack}`);
			progress(`    to undo it:  ./tracestack pulumi up --refresh --stack ${stack}`);
		} else {
			progress("    its file has changed as well, and overwrote the edit, which is under Settings > Versions at");
			progress(`    ${e.grafana}/d/${uid}`);
		}
	}
}

export interface Edit {
	by: string;
	/** ISO 8601. */
	since: string;
	/** False where `up` has written a version after it. */
	kept: boolean;
}

/**
 * The newest version of a dashboard that somebody saved in Grafana.
 *
 * @param version The version that was deployed; what came before it is history. @default 0
 */
export async function lastEdit(e: Endpoints, uid: string, version = 0): Promise<Edit | undefined> {
	const history = await versions(e, uid);
	const edit = history.find((v) => v.version > version && v.message !== dashboardMessage);
	return edit && { by: edit.createdBy, since: edit.created, kept: history[0]?.message !== dashboardMessage };
}

/** Newest first. */
async function versions(e: Endpoints, uid: string): Promise<Version[]> {
	type Answer = Version[] | { versions: Version[] };
	const answer = await grafana<Answer>(e, `/api/dashboards/uid/${uid}/versions?limit=50`).catch(() => []);
	const list = Array.isArray(answer) ? answer : answer.versions;
	return list.sort((a, b) => b.version - a.version);
}
