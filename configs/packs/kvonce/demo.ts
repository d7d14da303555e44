// KvOnce's conformance runs: a store in which every key may be written once, and a pipeline that writes keys, projects what
// happened out of the traces, and checks it against that promise. A run closes with the envelope of Verify Lite.

import type { Demo, Work, World } from "../../../cli/demo/world.ts";

const branches = ["main", "main", "release/1.4", "feature/once-more"];
/** What a run checks, in a trace each. */
const cases = ["otlp", "ndjson"];
const mutants = 48;

interface Run {
	attributes: { kvonce_run_id: string; kvonce_branch: string; kvonce_payload_sha: string };
	branch: string;
	/** The key that the store takes twice. */
	twice: string | undefined;
	traceIds: string[];
}

export const demo: Demo = {
	units: "conformance runs",
	perMinute: 2,
	longest: 12,
	faults: {
		"duplicate-write": "the store takes a key twice: every run is invalid",
		"slow-store": "writes take two seconds",
		"surviving-mutants": "tests that let half of the mutants live",
	},
	play(world) {
		const { random } = world;
		const branch = random.pick(branches);
		const attributes = {
			kvonce_run_id: `${Math.floor(world.now / 1000)}${random.int(100, 999)}`,
			kvonce_branch: branch,
			kvonce_payload_sha: random.hex(40),
		};
		const broken = world.fault === "duplicate-write" || random.chance(branch === "main" ? 0.1 : 0.3);
		const run: Run = { attributes, branch, twice: broken ? `order-${random.int(1, 4)}` : undefined, traceIds: [] };
		for (const format of cases) conformance(world, run, format);
		verifyLite(world, run);
	},
};

function conformance(world: World, run: Run, format: string): void {
	// The run's verdict is copied to all of its spans when they are collected, after it has ended.
	const attributes = { ...run.attributes, "kvonce.validation.valid": run.twice === undefined };
	world.trace(
		"kvonce-runner",
		"kvonce.conformance",
		{ attributes: { ...attributes, "kvonce.format": format } },
		(work) => {
			run.traceIds.push(work.traceId);
			work.log("INFO", `run ${run.attributes.kvonce_run_id} on ${run.branch}: conformance of ${format}`);
			for (let i = 1; i <= 4; i++) write(world, work, `order-${i}`, run, attributes);
			work.span("kvonce-projector", "kvonce.projection", { attributes }, (projection) => {
				projection.wait(20 + world.random.exponential(30));
			});
			work.span("kvonce-validator", "kvonce.validation", { attributes }, (validation) => {
				validation.wait(10 + world.random.exponential(15));
				if (!run.twice) return validation.log("INFO", "every key was written once");
				const found = `${run.twice} was written twice`;
				validation.log("ERROR", found, { "kvonce.event.key": run.twice });
				validation.fail(found);
			});
			if (run.twice) work.fail("conformance violated");
		},
	);
}

/** A write, and what becomes of it: taken, refused because the key is taken, or tried again after a timeout. */
function write(world: World, parent: Work, key: string, run: Run, attributes: Run["attributes"]): void {
	const { random } = world;
	const events = world.meter("kvonce-store").createCounter("kvonce.events");
	const slow = world.fault === "slow-store" ? 2000 : 0;
	const put = (type: string, milliseconds: number, message?: string) => {
		const event = { "kvonce.event.type": type, "kvonce.event.key": key };
		parent.span("kvonce-runner", "PUT", { kind: "CLIENT", attributes }, (call) => {
			call.wait(2);
			call.span(
				"kvonce-store",
				"PUT /kv/{key}",
				{ kind: "SERVER", attributes: { ...attributes, ...event } },
				(served) => {
					served.wait(milliseconds);
					if (message) served.fail(message);
				},
			);
			if (message) call.fail(message);
		});
		events.add(1, { type, branch: run.branch });
	};
	if (random.chance(0.08)) put("retry", 500, `write of ${key} timed out`);
	put("success", slow + 5 + random.exponential(12));
	if (key === run.twice) put("success", slow + 5 + random.exponential(12));
	else if (random.chance(0.3)) put("failure", 3 + random.exponential(4));
}

function verifyLite(world: World, run: Run): void {
	const { random } = world;
	const survivors = world.fault === "surviving-mutants" ? mutants / 2 : random.int(2, 9);
	const step = (status: string) => ({ status });
	world.report({
		source: "verify-lite",
		generatedAt: new Date(world.now).toISOString(),
		correlation: {
			runId: run.attributes.kvonce_run_id,
			branch: run.branch,
			commit: random.hex(40),
			traceIds: run.traceIds,
		},
		summary: {
			validation: { valid: run.twice === undefined, issues: run.twice ? cases.length : 0 },
			mutation: { score: Math.round((1 - survivors / mutants) * 1000) / 10, mutants, survivors },
			lint: { backlog: random.int(30, 60) },
			steps: {
				typeCheck: step("success"),
				lint: step("success"),
				conformanceReport: step(run.twice ? "failure" : "success"),
				mutationQuick: step(survivors > mutants / 4 ? "failure" : "success"),
			},
		},
	});
}
