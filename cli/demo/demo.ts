// `./tracestack demo`: each pack brings a module that simulates its applications; this loads it and plays it.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { packNames, packs, packsDir } from "../../components/packs.ts";
import { nearest } from "../../settings/explain.ts";
import { outputs, prepare, type StackOptions } from "../engine.ts";
import { progress, seconds, UserError } from "../output.ts";
import { storeOf } from "../report/push.ts";
import type { Store } from "../report/store.ts";
import type { Endpoints } from "../verify/api.ts";
import { endpointsOf } from "../verify/verify.ts";
import { mostMinutes, play } from "./play.ts";
import type { Demo } from "./world.ts";

interface DemoOptions extends StackOptions {
	rate?: number;
	minutes: number;
	seed: number;
	fault?: string;
	follow?: boolean;
}

/**
 * Plays one pack's demo, or that of every pack of the stack that has one.
 *
 * @throws UserError when an option is wrong, or there is no such pack, demo or fault.
 */
export async function demoCommand(name: string | undefined, options: DemoOptions): Promise<void> {
	const { minutes, fault, rate } = options;
	if (!(minutes > 0 && minutes <= mostMinutes))
		throw new UserError(
			`--minutes is ${minutes}: more than 0, at most ${mostMinutes}, or Prometheus refuses the oldest`,
		);
	if (rate !== undefined && !(rate > 0 && rate <= 6000))
		throw new UserError(`--rate is ${rate}: more than 0, at most 6000 a minute`);
	const now = await outputs(await prepare(options, "look"), options.stack);
	const e = endpointsOf(options.stack, now);
	const demos = await chosen(name, e, options.stack);
	for (const { pack, demo } of demos) {
		if (fault && !(fault in demo.faults)) throw new UserError(unknownFault(pack, fault, demo));
	}
	await playAll(demos, e, options, storeOf(now.reports, e));
}

/** A pack, and the demo that it brings. */
interface PackDemo {
	pack: string;
	demo: Demo;
}

/**
 * Plays demos side by side, and says of each what was sent. With `follow` an interrupt ends them once they have sent what
 * they have made.
 *
 * @throws what the first demo that fails throws; the others end as well.
 */
export async function playAll(
	demos: PackDemo[],
	e: Endpoints,
	{ rate, minutes, seed, fault, follow }: Omit<DemoOptions, "stack">,
	store?: Store,
): Promise<void> {
	const stop = new AbortController();
	const interrupt = () => stop.abort();
	if (follow) {
		process.once("SIGINT", interrupt);
		progress("goes on until it is interrupted");
	}
	const played = demos.map(async ({ pack, demo }) => {
		const started = Date.now();
		const pace = { perMinute: rate ?? demo.perMinute, minutes, seed, fault };
		const sent = await play(e, demo, { ...pace, follow: follow ? stop.signal : undefined, store });
		progress(`${pack}: ${sent.units} ${demo.units}, sent in ${seconds(started)}`);
		progress(`  ${sent.traces} traces (${sent.spans} spans), ${sent.points} points, ${sent.logs} log lines`);
		if (sent.reports > 0) progress(`  ${sent.reports} reports${store ? ", in the object store as well" : ""}`);
		for (const { uid, title } of e.dashboards.filter((dashboard) => dashboard.pack === pack))
			progress(`  ${title}: ${e.grafana}/d/${uid}`);
	});
	try {
		await Promise.all(played);
	} finally {
		process.off("SIGINT", interrupt);
		stop.abort();
	}
}

async function chosen(name: string | undefined, e: Endpoints, stack: string): Promise<PackDemo[]> {
	const names = packNames();
	if (name !== undefined && !names.includes(name)) {
		const near = nearest(name, names);
		throw new UserError(`There is no pack ${name}${near ? `; did you mean ${near}?` : `: ${names.join(", ")}`}`);
	}
	const shown = new Set(e.dashboards.flatMap(({ pack }) => pack ?? []));
	if (name !== undefined && !shown.has(name))
		throw new UserError(
			`The stack ${stack} does not show the pack ${name}: add it to tracestack:packs in Pulumi.${stack}.yaml, then ./tracestack up --stack ${stack}`,
		);
	const of = packs(name === undefined ? names.filter((one) => shown.has(one)) : [name]);
	const found = await Promise.all(
		of.flatMap(({ name: pack, demo }) => (demo ? [load(pack, demo).then((loaded) => ({ pack, demo: loaded }))] : [])),
	);
	if (found.length > 0) return found;
	const having = packs().flatMap((pack) => (pack.demo ? [pack.name] : []));
	const none = name ? `The pack ${name} has no demo` : `No pack of the stack ${stack} has a demo`;
	throw new UserError(`${none}; these have: ${having.join(", ")}`);
}

/** Loads a pack's demo module. @throws UserError where it exports no demo. */
export async function load(pack: string, file: string): Promise<Demo> {
	const module = await import(pathToFileURL(join(packsDir, pack, file)).href);
	if (typeof module.demo?.play !== "function")
		throw new UserError(`configs/packs/${pack}/${file} exports no demo: see configs/packs/README.md`);
	return module.demo;
}

function unknownFault(pack: string, fault: string, { faults }: Demo): string {
	const known = Object.entries(faults).map(([name, what]) => `\n  ${name}: ${what}`);
	const near = nearest(fault, Object.keys(faults));
	return `The demo of ${pack} has no fault ${fault}${near ? `; did you mean ${near}?` : ""}${known.join("")}`;
}
