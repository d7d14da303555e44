import { prepare, up } from "../../cli/engine.ts";

/** Brings a stack up and draws when the engine began and ended each resource: a gap is a wait. */
export async function timeline(stack: string): Promise<string> {
	const environment = await prepare({ stack });
	const started = Date.now();
	const now = () => (Date.now() - started) / 1000;
	const spans = new Map<string, { name: string; from: number; to: number }>();
	let first = 0;
	await up(environment, { stack }, ({ resourcePreEvent, resOutputsEvent }) => {
		first ||= now();
		const step = resourcePreEvent?.metadata ?? resOutputsEvent?.metadata;
		if (!step) return;
		const name = `${step.urn.split("::").at(-1)} (${step.type.split(":").at(-1)})`;
		spans.set(step.urn, { name, from: spans.get(step.urn)?.from ?? now(), to: now() });
	});
	const all = now();
	const rows = [...spans.values()].sort((a, b) => a.from - b.from);
	return [{ name: "state, engine", from: 0, to: first }, ...rows, { name: "all", from: 0, to: all }]
		.map(({ name, from, to }) => {
			const [indent, width] = [from, to - from].map((seconds) => Math.round((seconds / all) * 36));
			const bar = " ".repeat(indent ?? 0) + "█".repeat(Math.max(1, width ?? 0));
			return `${name.slice(0, 32).padEnd(32)} ${from.toFixed(1).padStart(5)} ${to.toFixed(1).padStart(5)} ${bar}`;
		})
		.join("\n");
}
