// Whether what runs is what was deployed: the findings of `drift` as complaints.

import type { Context } from "../drift/finding.ts";
import { looksAt } from "../drift/live/index.ts";
import type { Complaint } from "./complaint.ts";

/** Changes that were made by hand and matter. A check of `drift` that fails is a complaint itself. */
export async function declared(context: Context): Promise<Complaint[]> {
	const seen = Object.entries(looksAt(context.state).looks).map(async ([name, look]): Promise<Complaint[]> => {
		try {
			return (await look(context))
				.filter(({ severity }) => severity !== "cosmetic")
				.map(({ component, subject, changes, restore, severity }) => ({
					severity: severity === "breaks data" ? "broken" : "warning",
					about: component,
					what: `${subject} is not as it was deployed: ${changes
						.map(({ path }) => path)
						.slice(0, 3)
						.join(", ")}`,
					todo: `./tracestack drift says what changed${restore ? `; to restore: ${restore}` : ""}`,
				}));
		} catch (error) {
			return [
				{
					severity: "warning",
					about: "stack",
					what: `${name} could not be compared with what was declared`,
					seen: (error as Error).message,
					todo: "what is broken above comes first",
				},
			];
		}
	});
	return (await Promise.all(seen)).flat();
}
