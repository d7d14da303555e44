// Defaults that Grafana's editor adds to a dashboard when it is saved, even without an edit.

import { isObject } from "../diff/change.ts";
import { isNothing, same } from "../diff/compare.ts";

/** Keys that Grafana itself counts up: they say nothing about what a dashboard shows. */
export const numbers = new Set(["version", "schemaVersion", "pluginVersion", "iteration", "iterationId"]);

/** Default values by key. Zero, false and empty values need not be listed, nor objects that contain defaults only. */
const defaults: Record<string, unknown[]> = {
	align: ["auto"],
	axisColorMode: ["text"],
	axisPlacement: ["auto"],
	barWidthFactor: [0.6],
	cellHeight: ["sm"],
	color: [{ mode: "palette-classic" }, { mode: "thresholds" }],
	colorMode: ["value"],
	dedupStrategy: ["none"],
	displayMode: ["list"],
	drawStyle: ["line"],
	editable: [true],
	editorMode: ["code", "builder"],
	enableLogDetails: [true],
	gradientMode: ["none"],
	graphMode: ["area"],
	group: ["A"],
	justifyMode: ["auto"],
	legendFormat: ["__auto"],
	lineInterpolation: ["linear"],
	lineWidth: [1],
	orientation: ["auto"],
	percentChangeColorMode: ["standard"],
	placement: ["bottom"],
	pointSize: [5],
	range: [true],
	reduceOptions: [{ calcs: ["lastNotNull"] }],
	reducer: [["sum"]],
	scaleDistribution: [{ type: "linear" }],
	showHeader: [true],
	showLegend: [true],
	showPoints: ["auto"],
	sort: ["none"],
	sortOrder: ["Descending"],
	stacking: [{ group: "A", mode: "none" }],
	style: ["dark"],
	textMode: ["auto"],
	thresholds: [
		{ mode: "absolute", steps: [{ color: "green" }, { color: "red", value: 80 }] },
		{ mode: "absolute", steps: [{ color: "green" }] },
	],
	thresholdsStyle: [{ mode: "off" }],
	timezone: ["browser"],
	tooltip: [{ mode: "single" }, { mode: "single", sort: "none" }],
	wideLayout: [true],
};

/** Whether the editor adds this value by itself where there is none. */
export function isDefault(key: string, value: unknown): boolean {
	if (isNothing(value) || defaults[key]?.some((known) => same(known, value))) return true;
	if (!isObject(value)) return false;
	// The annotations that every dashboard has.
	return value.builtIn === 1 || Object.entries(value).every(([inner, item]) => isDefault(inner, item));
}
