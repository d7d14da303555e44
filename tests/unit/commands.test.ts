// What the command line says of itself: a newcomer has `--help` and nothing else.

import type { Command } from "commander";
import { describe, expect, it, vi } from "vitest";
import { makeProgram } from "../../cli/program.ts";

/** Every command, those below others as well, by what is typed. */
function all(command: Command, typed = ""): [typed: string, command: Command][] {
	return command.commands.flatMap((one) => {
		const name = `${typed}${one.name()}`;
		return [[name, one] as [string, Command], ...all(one, `${name} `)];
	});
}

function helpOf(command: Command): string {
	const parts: string[] = [];
	command.configureOutput({ writeOut: (part) => parts.push(part), getOutHelpWidth: () => 80 });
	command.outputHelp();
	return parts.join("");
}

const commands = all(makeProgram());
/** Those that do something, and don't only have others below them; `pulumi --help` is Pulumi's own. */
const acting = commands.filter(
	([name, { commands, registeredArguments }]) =>
		(commands.length === 0 || registeredArguments.length > 0) && name !== "pulumi",
);

describe.each(acting)("./tracestack %s --help", (name, command) => {
	const help = helpOf(command);

	it("says what it does, what it takes, and how it is used", () => {
		expect(command.description()).not.toBe("");
		for (const option of command.options) expect(option.description, option.flags).not.toBe("");
		for (const argument of command.registeredArguments) expect(argument.description, argument.name()).not.toBe("");
		expect(help).toContain(`\n  ./tracestack ${name}`);
	});

	it("fits into 80 columns", () => {
		expect(help.split("\n").filter((line) => line.length > 80)).toEqual([]);
	});

	it("gives examples that can be typed: their options exist", () => {
		const flags = [...help.matchAll(/^ {2}\.\/tracestack .*$/gm)].flatMap(
			([line]) => line.match(/(?<= )--?[a-z][\w-]*/g) ?? [],
		);
		const known = command.options.flatMap(({ short, long }) => [short, long]);
		for (const flag of flags) if (flag !== "--diff") expect(known).toContain(flag);
	});
});

it("lists every command within 80 columns", () => {
	const help = helpOf(makeProgram());
	for (const { 0: name } of commands.filter(([typed]) => !typed.includes(" "))) expect(help).toContain(`\n  ${name} `);
	expect(help.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

describe("an option that takes a number", () => {
	it.each([
		["load", "--rate", "fast"],
		["canary", "--within", ""],
		["logs", "shop", "--limit", "1_000"],
		["query", "shop", "many"],
	])("refuses %j, by its name", async (...args) => {
		const program = makeProgram();
		const said: string[] = [];
		for (const [, command] of all(program))
			command.exitOverride().configureOutput({ writeErr: (text) => said.push(text) });
		await expect(program.parseAsync(args, { from: "user" })).rejects.toThrow();
		expect(said.join()).toMatch(/(--rate|--within|--limit|count).*It takes a number/);
	});
});

it("takes --debug before and after the command's name", async () => {
	const program = makeProgram();
	const failed = vi.fn();
	for (const [, command] of all(program)) command.exitOverride();
	const status = program.commands.find((command) => command.name() === "status")!;
	status.action(failed);
	await program.parseAsync(["--debug", "status", "--debug"], { from: "user" });
	expect(failed).toHaveBeenCalledOnce();
});
