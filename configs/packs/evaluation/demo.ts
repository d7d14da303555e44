// The evaluation of a system that turns questions into API calls: each test case asks it, and judges its answer in four
// stages, of which the last asks a model. A test that fails is a result; an evaluation that could not be made is an error.

import type { Attributes } from "@opentelemetry/api";
import type { Demo, Measure, Work, World } from "../../../cli/demo/world.ts";

const kinds = ["lookup", "comparison", "screening", "temporal"];
const stages = ["syntax", "logic", "execution", "semantics"] as const;
type Stage = (typeof stages)[number];

/** How often an answer fails in each stage, of those that come so far. */
const failing: Record<Stage, number> = { syntax: 0.04, logic: 0.03, execution: 0.02, semantics: 0.04 };
/** How long the stages take that ask nobody, in milliseconds. */
const taking: Record<Stage, number> = { syntax: 6, logic: 25, execution: 120, semantics: 10 };

const duration: Measure = {
	// Without a unit: Prometheus would add it to the name.
	name: "nl2api_eval_test_duration_ms",
	kind: "histogram",
	description: "Evaluation duration in milliseconds",
	boundaries: [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000],
};
const score: Measure = {
	name: "nl2api_eval_score",
	kind: "histogram",
	description: "How good an answer is, from 0 to 1",
	boundaries: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
};
const errors: Measure = {
	name: "nl2api_eval_errors",
	kind: "counter",
	description: "Stages that could not be evaluated",
};

export const demo: Demo = {
	units: "evaluations",
	perMinute: 12,
	longest: 30,
	faults: {
		"slow-model": "models take six seconds longer: EvaluationSlow",
		"broken-judge": "most semantics stages get no verdict: EvaluationStageFailing",
		regression: "half of the answers are wrong: EvaluationsFailing",
	},
	play(world) {
		const { random } = world;
		const testCase = `${random.pick(kinds)}-${String(random.int(1, 6)).padStart(3, "0")}`;
		const attributes = { "test_case.id": testCase, "evaluation.pack": "nl2api" };
		world.trace("evalkit", "evaluator.evaluate", { attributes }, (evaluation) => {
			const from = world.now;
			call(evaluation, "evalkit", "nl2api", "POST /v1/generate", (generation) => {
				generation.wait(15 + random.exponential(10));
				askModel(world, generation, "nl2api", "gpt-4o-mini", 900);
			});
			const worth = inStages(world, evaluation, attributes);
			const passed = worth === 1;
			evaluation.set({ "result.passed": passed, "result.score": worth });
			evaluation.measure(duration, world.now - from, labels("total", passed));
			evaluation.measure(score, worth, { stage: "total" });
			if (passed) evaluation.log("INFO", `${testCase} passed`);
			else evaluation.log("WARN", `${testCase} failed with a score of ${worth}`);
		});
	},
};

/** As Python's `str(passed)`, which is how these metrics came to be. */
function labels(stage: string, passed: boolean): Attributes {
	return { stage, passed: passed ? "True" : "False" };
}

/** The stages one after the other, up to the first that fails. Returns the share of them that passed. */
function inStages(world: World, evaluation: Work, attributes: Attributes): number {
	for (const [done, stage] of stages.entries()) {
		if (!passes(world, evaluation, stage, attributes)) return done / stages.length;
	}
	return 1;
}

function passes(world: World, evaluation: Work, stage: Stage, attributes: Attributes): boolean {
	const { random } = world;
	const wrong = random.chance(world.fault === "regression" && stage === "logic" ? 0.5 : failing[stage]);
	const lost = stage === "semantics" && random.chance(world.fault === "broken-judge" ? 0.8 : 0.04);
	const passed = !wrong && !lost;
	evaluation.span("evalkit", `evaluator.stage.${stage}`, { attributes }, (work) => {
		const from = world.now;
		work.wait(random.exponential(taking[stage]) + 1);
		if (stage === "semantics") askModel(world, work, "evalkit", "gpt-4o", 400);
		const worth = passed ? 1 - random.next() / 5 : random.next() / 2;
		work.set({ "result.passed": passed, "result.score": worth });
		work.measure(duration, world.now - from, labels(stage, passed));
		if (lost) {
			work.log("ERROR", "the judge's answer is no verdict");
			work.measure(errors, 1, { stage });
			work.fail("the judge's answer is no verdict");
		} else work.measure(score, worth, { stage });
	});
	return passed;
}

/** A question to a model, by way of a gateway that asks again where the provider refuses. */
function askModel(world: World, work: Work, from: string, model: string, tokens: number): void {
	const { random } = world;
	const asked = { "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": model };
	const chat = (gateway: Work, milliseconds: number, refusal?: string) =>
		gateway.span("llm-gateway", `chat ${model}`, { kind: "CLIENT", attributes: asked }, (provider) => {
			provider.wait(milliseconds);
			if (refusal) return provider.fail(refusal);
			const output = 20 + Math.round(random.exponential(tokens / 6));
			provider.set({ "gen_ai.usage.input_tokens": tokens + random.int(0, 80), "gen_ai.usage.output_tokens": output });
		});
	call(work, from, "llm-gateway", "POST /v1/chat/completions", (gateway) => {
		gateway.wait(1 + random.exponential(2));
		if (random.chance(0.02)) {
			chat(gateway, 80, "429 Too Many Requests");
			gateway.log("WARN", `${model} refused for its rate limit: again after 5 s`);
			gateway.wait(5000);
		}
		chat(gateway, (world.fault === "slow-model" ? 6000 : 0) + 250 + random.exponential(200));
	});
}

/** A call of one service by another, as both see it. */
function call(work: Work, from: string, to: string, name: string, body: (served: Work) => void): void {
	work.span(from, name, { kind: "CLIENT" }, (calling) => {
		calling.wait(1);
		calling.span(to, name, { kind: "SERVER" }, body);
	});
}
