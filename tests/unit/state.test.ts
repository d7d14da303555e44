import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { lockHolders, whenFree } from "../../cli/lock.ts";
import { forget, type State } from "../../cli/state.ts";

const urn = (name: string) => `urn:pulumi:dev::tracestack::t::${name}`;

describe("forgetting what is gone", () => {
	const state = {
		version: 3,
		deployment: {
			manifest: { magic: "kept" },
			resources: [
				{ urn: urn("network"), type: "n" },
				{ urn: urn("volume"), type: "v" },
				{
					urn: urn("container"),
					type: "c",
					dependencies: [urn("volume"), urn("network")],
					propertyDependencies: { volumes: [urn("volume")], networks: [urn("network")] },
				},
				{ urn: urn("dashboard"), type: "d", deletedWith: urn("volume") },
			],
			pending_operations: [{ type: "creating", resource: { urn: urn("other"), type: "c" } }],
		},
	} as State;

	it("takes away what lived in it, and every reference to it", () => {
		const { resources = [] } = forget(state, new Set([urn("volume")])).deployment;
		expect(resources).toEqual([
			{ urn: urn("network"), type: "n" },
			{
				urn: urn("container"),
				type: "c",
				dependencies: [urn("network")],
				propertyDependencies: { volumes: [], networks: [urn("network")] },
			},
		]);
	});

	it("drops begun operations, and leaves all else", () => {
		const { pending_operations: _, ...deployment } = state.deployment;
		expect(forget(state, new Set())).toEqual({ version: 3, deployment });
	});
});

describe("a lock", () => {
	const message = (host: string, pid: number) =>
		new Error(`the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end
  file:///state/.pulumi/locks/organization/tracestack/dev/1.json: created by me@${host} (pid ${pid}) at 2026-01-31T12:00:00Z`);

	/** Something that is refused as long as the lock is there. */
	function locked(error: Error) {
		const free = vi.fn(async () => {});
		const body = vi.fn(async () => {
			if (free.mock.calls.length === 0) throw error;
			return "done";
		});
		return { free, body };
	}

	beforeEach(() => void vi.spyOn(process.stderr, "write").mockReturnValue(true));

	it("names its holders", () => {
		expect(lockHolders(message("laptop.local", 12).message)).toEqual([
			{ host: "laptop.local", pid: 12, since: "2026-01-31T12:00:00Z" },
		]);
		expect(lockHolders("created by hand")).toEqual([]);
	});

	it("of a dead process on this machine is freed", async () => {
		const dead = execa("true");
		await dead;
		const { free, body } = locked(message(hostname(), dead.pid ?? 0));
		expect(await whenFree("dev", free, body)).toBe("done");
		expect(free).toHaveBeenCalledOnce();
	});

	it("of a number that another program has now is freed", async () => {
		const { free, body } = locked(message(hostname(), process.pid));
		expect(await whenFree("dev", free, body)).toBe("done");
	});

	it("of another machine is left alone, and how to free it is said", async () => {
		const { free, body } = locked(message("elsewhere", 1));
		await expect(whenFree("dev", free, body)).rejects.toThrow(
			/process 1 on elsewhere.*\n.*\.\/tracestack pulumi cancel --stack dev/,
		);
		expect(free).not.toHaveBeenCalled();
	});

	it("of a run that goes on is waited for, until the user has enough", async () => {
		// What tells a run from another program with its number is its name.
		const folder = mkdtempSync(join(tmpdir(), "tracestack-lock-"));
		const pulumi = join(folder, "pulumi");
		writeFileSync(pulumi, "#!/bin/sh\nread _\n", { mode: 0o755 });
		const other = execa(pulumi, { stdin: "pipe", reject: false });
		try {
			const { free, body } = locked(message(hostname(), other.pid ?? 0));
			const interrupted = new AbortController();
			const waiting = whenFree("dev", free, body, interrupted.signal);
			await vi.waitFor(() => expect(body).toHaveBeenCalled());
			interrupted.abort(new Error("Interrupted"));
			await expect(waiting).rejects.toThrow("Interrupted");
			expect(free).not.toHaveBeenCalled();
		} finally {
			other.kill();
			await other;
			rmSync(folder, { recursive: true });
		}
	});

	it("is not seen in another error", async () => {
		const { free, body } = locked(new Error("no space left on device"));
		await expect(whenFree("dev", free, body)).rejects.toThrow("no space left on device");
	});
});
