// Billing sessions: a customer opens one, uses things that cost, pays, and gets an invoice. Payments go through a gateway that
// is slow now and then, times out, and refuses cards.

import type { Attributes } from "@opentelemetry/api";
import type { Demo, Work, World } from "../../../cli/demo/world.ts";

const customers = ["alice", "bob", "carol", "dave", "erin", "frank"].map((name) => `customer-${name}`);
const methods = ["card", "card", "card", "sepa", "wallet"];
/** What a customer can use, and what rating finds it to cost on average. */
const usages = { "api-calls": 4, storage: 9, export: 22 };
const attempts = 3;

interface Session {
	attributes: Attributes;
	cost: number;
}

/** What a gateway may say instead of yes. Only a decline is not worth another attempt. */
type Refusal = "timeout" | "unavailable" | "declined";

export const demo: Demo = {
	units: "billing sessions",
	perMinute: 12,
	longest: 30,
	faults: {
		"slow-gateway": "the payment gateway takes two seconds longer: HighPaymentLatency",
		"gateway-down": "the payment gateway refuses almost every call: PaymentsFailing",
	},
	play(world) {
		const { random } = world;
		const attributes = { "customer.id": random.pick(customers), "session.id": `sess-${random.hex(8)}` };
		const session: Session = { attributes, cost: 0 };
		world.trace("billing-portal", "billing.session", { attributes }, (visit) => {
			ask(session, visit, toBilling, "create-session", (served) => {
				served.wait(4 + random.exponential(6));
				served.log("INFO", `${attributes["session.id"]} of ${attributes["customer.id"]} begins`);
			});
			for (let i = random.int(1, 4); i > 0; i--) use(world, session, visit);
			visit.wait(random.exponential(300));
			const paid = pay(world, session, visit);
			visit.set({ "session.total_cost": session.cost });
			if (paid) invoice(world, session, visit);
			else visit.fail("payment failed");
		});
	},
};

/** A call of one service by another, as both see it. */
function ask(
	{ attributes }: Session,
	work: Work,
	[from, to]: [from: string, to: string],
	name: string,
	body: (served: Work) => void,
): void {
	work.span(from, name, { kind: "CLIENT", attributes }, (calling) => {
		calling.wait(1);
		calling.span(to, name, { kind: "SERVER", attributes }, body);
	});
}

const toBilling: [string, string] = ["billing-portal", "billing-service"];
const toRating: [string, string] = ["billing-service", "rating-service"];

function use(world: World, session: Session, visit: Work): void {
	const { random } = world;
	const usage = random.pick(Object.keys(usages)) as keyof typeof usages;
	ask(session, visit, toBilling, "record-usage", (served) => {
		served.set({ "usage.kind": usage });
		served.wait(3 + random.exponential(4));
		ask(session, served, toRating, "rate-usage", (rating) => {
			rating.wait(5 + random.exponential(10));
			session.cost = cents(session.cost + random.exponential(usages[usage]) + 0.1);
		});
	});
}

/** Returns whether it was paid. */
function pay(world: World, session: Session, visit: Work): boolean {
	const { random } = world;
	const method = random.pick(methods);
	const payment = { "payment.method": method, "payment.amount": session.cost, "session.total_cost": session.cost };
	let refusal: Refusal | undefined;
	ask(session, visit, toBilling, "process-payment", (served) => {
		served.set(payment);
		served.wait(5 + random.exponential(5));
		for (let attempt = 1; attempt <= attempts; attempt++) {
			if (attempt > 1) served.wait(100 * attempt);
			refusal = callGateway(world, session, served, { ...payment, "payment.attempt": attempt });
			if (refusal === undefined || refusal === "declined") break;
			served.log("WARN", `attempt ${attempt}: ${refusal}`, { "error.type": refusal });
		}
		if (refusal === undefined) return served.log("INFO", `${session.cost} paid by ${method}`);
		served.set({ "error.type": refusal });
		served.log("ERROR", `payment of ${session.cost} failed: ${refusal}`, { "error.type": refusal });
		served.fail(`payment ${refusal}`);
	});
	return refusal === undefined;
}

/** One attempt. Returns what went wrong. */
function callGateway(world: World, session: Session, served: Work, payment: Attributes): Refusal | undefined {
	const refusal = refused(world);
	const attributes = { ...session.attributes, ...payment };
	served.span("billing-service", "payment-gateway-call", { kind: "CLIENT", attributes }, (calling) => {
		calling.wait(2);
		calling.span("payment-gateway", "POST /charges", { kind: "SERVER", attributes }, (gateway) => {
			const slow = world.fault === "slow-gateway" ? 2000 : 0;
			gateway.wait(refusal === "timeout" ? 3000 : slow + 60 + world.random.exponential(50));
			// A declined card is an answer; only what the gateway could not do is an error of its own.
			gateway.set({ "http.response.status_code": refusal === "declined" ? 402 : refusal ? 503 : 201 });
			if (refusal === "unavailable") gateway.fail("acquirer unavailable");
		});
		if (!refusal) return;
		calling.set({ "error.type": refusal });
		calling.fail(`gateway: ${refusal}`);
	});
	return refusal;
}

function refused({ random, fault }: World): Refusal | undefined {
	const luck = random.next();
	if (luck < (fault === "gateway-down" ? 0.95 : 0.025)) return "unavailable";
	if (luck > 0.975) return "timeout";
	return luck > 0.935 ? "declined" : undefined;
}

/** By a queue: the session does not wait for it. */
function invoice(world: World, session: Session, visit: Work): void {
	const { attributes } = session;
	visit.span("billing-portal", "create-invoice", { kind: "PRODUCER", attributes }, (queued) => {
		queued.wait(2);
		queued.span("invoice-service", "render-invoice", { kind: "CONSUMER", attributes }, (rendered) => {
			rendered.wait(40 + world.random.exponential(60));
			rendered.log("INFO", `invoice over ${session.cost} rendered`);
		});
	});
}

function cents(amount: number): number {
	return Math.round(amount * 100) / 100;
}
