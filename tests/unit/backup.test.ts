// What a backup's file promises: it is read with ordinary tools, and never restored unless it is whole.

import { execFileSync } from "node:child_process";
import {
	existsSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eachVolume, type Source, verifyBackup, writeBackup } from "../../cli/backup/format.ts";

const about = {
	tracestack: "0.1.0",
	stack: "dev",
	createdAt: "2026-01-02T03:04:05.000Z",
	grafanaUser: "admin",
	storage: "each service's own volume",
	images: { tempo: "grafana/tempo:3.0.3" },
};
const contents: Record<string, Buffer> = {
	"tempo-data": Buffer.from("a tar, as far as this file knows ".repeat(5000)),
	"loki-data": Buffer.alloc(0),
	"grafana-data": Buffer.from("another"),
};
const sources = Object.entries(contents).map(
	([name, data]): Source => ({ name, content: () => Readable.from([data]) }),
);

let folder: string;
let good: string;

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), "tracestack-backup-"));
	good = join(folder, "good.tar");
	await writeBackup(good, about, sources);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** The good backup after something was done to its bytes. */
function changed(change: (bytes: Buffer) => Buffer): string {
	const file = join(folder, "changed.tar");
	writeFileSync(file, change(Buffer.from(readFileSync(good))));
	return file;
}

function replaced(before: string, after: string): string {
	return changed((bytes) => {
		const at = bytes.indexOf(before);
		expect(at).toBeGreaterThan(0);
		bytes.write(after.padEnd(before.length), at);
		return bytes;
	});
}

describe("a backup's file", () => {
	it("gives back what went in", async () => {
		const manifest = await verifyBackup(good);
		expect(manifest).toMatchObject({ format: 1, ...about });
		const found: Record<string, Buffer> = {};
		await eachVolume(good, async (name, archive) => {
			const chunks: Buffer[] = [];
			for await (const chunk of archive) chunks.push(chunk);
			found[name] = gunzipSync(Buffer.concat(chunks));
		});
		expect(found).toEqual(contents);
	});

	it("is for its owner only: Grafana's database is in it", () => {
		expect(statSync(good).mode & 0o777).toBe(0o600);
	});

	it("is read with tar, gzip and sha256sum", () => {
		const into = mkdtempSync(join(folder, "tools-"));
		execFileSync("tar", ["-xf", good, "-C", into]);
		expect(readdirSync(into).sort()).toEqual(["SHA256SUMS", "manifest.json", "volumes"]);
		expect(execFileSync("sha256sum", ["--check", "SHA256SUMS"], { cwd: into }).toString()).toContain(
			"manifest.json: OK",
		);
		expect(execFileSync("gzip", ["-dc", "volumes/tempo-data.tar.gz"], { cwd: into })).toEqual(contents["tempo-data"]);
		expect(JSON.parse(readFileSync(join(into, "manifest.json"), "utf8"))).toMatchObject(about);
	});

	it("is not there at all when a volume could not be read", async () => {
		const file = join(folder, "failed.tar");
		const broken = () =>
			new Readable({
				read() {
					this.destroy(new Error("tar: can't read"));
				},
			});
		await expect(writeBackup(file, about, [...sources, { name: "broken", content: broken }])).rejects.toThrow(
			"can't read",
		);
		expect(existsSync(file) || existsSync(`${file}.partial`)).toBe(false);
	});
});

describe("what is refused", () => {
	const altered = /was altered or damaged/;

	it.each([1, 511, 512, 4000, 20_000, 21_000, -3000, -2048, -1536])("a file torn at %i", async (length) => {
		const file = changed((bytes) => bytes.subarray(0, length < 0 ? bytes.length + length : length));
		await expect(verifyBackup(file)).rejects.toThrow(
			length < 0 || length > 20_000 ? /is incomplete/ : /is incomplete|is no backup/,
		);
	});

	it("a file that lost a volume", async () => {
		const file = changed((bytes) => {
			const loki = bytes.indexOf("volumes/loki-data.tar.gz\0");
			const grafana = bytes.indexOf("volumes/grafana-data.tar.gz\0");
			return Buffer.concat([bytes.subarray(0, loki), bytes.subarray(grafana)]);
		});
		await expect(verifyBackup(file)).rejects.toThrow(altered);
	});

	it.each([
		["in a volume", () => readFileSync(good).indexOf("volumes/tempo-data.tar.gz\0") + 512 + 100],
		["in a volume's header", () => readFileSync(good).indexOf("volumes/tempo-data.tar.gz\0") + 4],
		["in the manifest's spaces", () => 10_000],
		["in the manifest", () => readFileSync(good).indexOf('"dev"') + 1],
		["in the checksums", () => readFileSync(good).indexOf("SHA256SUMS\0") + 512 + 3],
		["in the checksums' header", () => readFileSync(good).indexOf("SHA256SUMS\0") + 2],
	])("a bit flipped %s", async (_, at) => {
		const file = changed((bytes) => {
			bytes[at()]! ^= 1;
			return bytes;
		});
		await expect(verifyBackup(file)).rejects.toThrow(altered);
	});

	it("a manifest of another stack", async () => {
		await expect(verifyBackup(replaced('"stack": "dev"', '"stack": "dew"'))).rejects.toThrow(altered);
	});

	it("a newer format, with what can read it", async () => {
		await expect(verifyBackup(replaced('"format": 1', '"format": 2'))).rejects.toThrow(/format 2.*tracestack 0\.1\.0/s);
	});

	it("an empty file, a text, an archive of something else, zeros", async () => {
		const file = join(folder, "other");
		writeFileSync(file, "");
		await expect(verifyBackup(file)).rejects.toThrow(/is no backup/);
		writeFileSync(file, "not a tar\n".repeat(1000));
		await expect(verifyBackup(file)).rejects.toThrow(/is no backup/);
		execFileSync("tar", ["-cf", file, "-C", folder, "good.tar"]);
		await expect(verifyBackup(file)).rejects.toThrow(/is no backup/);
		truncateSync(file, 0);
		truncateSync(file, 10_240);
		await expect(verifyBackup(file)).rejects.toThrow(/is no backup/);
	});

	it("a file that is not there", async () => {
		await expect(verifyBackup(join(folder, "nowhere"))).rejects.toThrow(/nowhere can't be read: ENOENT/);
	});
});
