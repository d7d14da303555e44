// The file format of a backup: a plain tar with a manifest, each volume as a compressed tar, and checksums of them all.
//
//   manifest.json                  describes the backup and its content, padded with spaces
//   volumes/<volume>.tar.gz        each volume, its root as a folder of the volume's name
//   SHA256SUMS                     the last entry: a file without it is incomplete

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { extract, type Header, pack } from "tar-stream";
import { z } from "zod";
import { UserError } from "../output.ts";

/** The format that this program writes, and the newest that it reads. */
const formatVersion = 1;

const manifestName = "manifest.json";
const sumsName = "SHA256SUMS";

const schema = z.object({
	format: z.literal(formatVersion),
	/** Version of the program that wrote it. */
	tracestack: z.string(),
	stack: z.string(),
	/** ISO 8601. */
	createdAt: z.iso.datetime(),
	/** The login of Grafana's administrator, which is in Grafana's database. */
	grafanaUser: z.string(),
	/** Where traces and logs were stored, for people. */
	storage: z.string(),
	/** Image of each service, by its name in the catalogue. */
	images: z.record(z.string(), z.string()),
	volumes: z.array(
		z.object({
			/** `<service>-<volume>`, the same whatever the stack's prefix. */
			name: z.string().regex(/^[a-z0-9-]+$/),
			/** Size of its archive. */
			bytes: z.int().nonnegative(),
			/** Of its archive, in hexadecimal. */
			sha256: z.string().regex(/^[0-9a-f]{64}$/),
		}),
	),
});

/** The content of `manifest.json`. */
export type Manifest = z.infer<typeof schema>;

/** A volume that is backed up. */
export interface Source {
	name: string;
	/** Opens a tar of its content. The stream fails when a part of it can't be read. */
	content: () => Readable;
}

/** Size and checksum. */
interface Measure {
	bytes: number;
	sha256: string;
}

/** An entry of a tar: the library's own type leaves the type of its chunks open. */
type Entry = AsyncIterable<Buffer> & { header: Header; resume(): void };

const block = 512;
const padded = (bytes: number) => Math.ceil(bytes / block) * block;
const archiveName = (volume: string) => `volumes/${volume}.tar.gz`;

/**
 * Writes a backup as `FILE.partial`, and renames it once it is complete and on the disk. A failure leaves no file behind.
 *
 * @param about What the manifest says of the stack.
 * @param hooks `volume` is called after each volume; `whole` before the file is renamed, and may throw to prevent that.
 */
export async function writeBackup(
	file: string,
	about: Omit<Manifest, "format" | "volumes">,
	sources: Source[],
	hooks: { volume?: (volume: Manifest["volumes"][number]) => void; whole?: () => Promise<void> } = {},
): Promise<void> {
	const partial = `${file}.partial`;
	await rm(partial, { force: true });
	const handle = await open(partial, "wx", 0o600);
	try {
		// The manifest is the first entry, and known last: its place is left free.
		const room = padded(16_384 + 1024 * sources.length);
		let at = block + room;
		const volumes: Manifest["volumes"] = [];
		for (const { name, content } of sources) {
			const volume = { name, ...(await compress(content(), handle, at + block)) };
			await writeAll(handle, await header(archiveName(name), volume.bytes), at);
			at += block + padded(volume.bytes);
			volumes.push(volume);
			hooks.volume?.(volume);
		}
		const manifest = manifestText({ format: formatVersion, ...about, volumes }, room);
		await writeAll(handle, Buffer.concat([await header(manifestName, room), manifest]), 0);
		const sums = Buffer.from(checksums(digest(manifest), volumes));
		await writeAll(handle, Buffer.concat([await header(sumsName, sums.length), sums]), at);
		// Two empty blocks end a tar.
		await handle.truncate(at + block + padded(sums.length) + 2 * block);
		await handle.sync();
		await handle.close();
		await hooks.whole?.();
		await rename(partial, file);
		await syncFolder(dirname(file));
	} catch (error) {
		await handle.close().catch(() => {});
		await rm(partial, { force: true });
		throw error;
	}
}

/**
 * Reads a whole backup and checks every checksum.
 *
 * @throws UserError when the file is no backup, has a newer format, is incomplete, or was altered.
 */
export async function verifyBackup(file: string): Promise<Manifest> {
	let manifest: Manifest | undefined;
	let sums = "";
	const expected: string[] = [];
	try {
		for await (const entry of entries(file)) {
			const { name } = entry.header;
			if (!manifest) {
				const text = await manifestOf(entry);
				manifest = parseManifest(file, text);
				sums = checksums(digest(text), manifest.volumes);
				expected.push(...manifest.volumes.map((volume) => archiveName(volume.name)), sumsName);
				continue;
			}
			if (name !== expected.shift()) throw new Damage(`${name} is not where it belongs`);
			const wanted =
				name === sumsName
					? { bytes: Buffer.byteLength(sums), sha256: digest(sums) }
					: manifest.volumes.find((volume) => archiveName(volume.name) === name);
			const found = await measure(entry);
			if (found.bytes !== wanted?.bytes || found.sha256 !== wanted.sha256)
				throw new Damage(
					name === sumsName ? `${manifestName} or ${name} has another checksum` : `${name} has another checksum`,
				);
		}
	} catch (error) {
		throw explain(file, error, manifest !== undefined);
	}
	if (!manifest) throw noBackup(file);
	if (expected.length > 0) throw incomplete(file, `${expected[0]} is missing`);
	return manifest;
}

/**
 * Reads each volume's compressed archive, one after the other, in the file's order.
 *
 * @param take Must read the archive to its end.
 */
export async function eachVolume(
	file: string,
	take: (name: string, archive: AsyncIterable<Buffer>) => Promise<void>,
): Promise<void> {
	for await (const entry of entries(file)) {
		const name = /^volumes\/(.+)\.tar\.gz$/.exec(entry.header.name)?.[1];
		if (name) await take(name, entry);
		else entry.resume();
	}
}

/** Damage to a file that is a backup. */
class Damage extends Error {}

function explain(file: string, error: unknown, isBackup: boolean): unknown {
	if (error instanceof UserError) return error;
	const { code, message } = error as NodeJS.ErrnoException;
	if (code) return new UserError(`${file} can't be read: ${message}`);
	if (!isBackup) return noBackup(file);
	return message === "Unexpected end of data"
		? incomplete(file, "it ends early")
		: new UserError(`${file} was altered or damaged: ${message}. Nothing was restored; use another copy.`);
}

function noBackup(file: string): UserError {
	return new UserError(`${file} is no backup: ./tracestack backup writes one.`);
}

function incomplete(file: string, how: string): UserError {
	return new UserError(`${file} is incomplete: ${how}. Nothing was restored; use another copy.`);
}

/** The entries of a tar; each must be read to its end, or resumed. */
async function* entries(file: string): AsyncGenerator<Entry> {
	const tar = extract();
	const source = createReadStream(file, { highWaterMark: 2 ** 20 });
	source.on("error", (error) => tar.destroy(error));
	source.pipe(tar);
	try {
		yield* tar as AsyncIterable<Entry>;
	} finally {
		source.destroy();
	}
}

async function manifestOf(entry: Entry): Promise<Buffer> {
	if (entry.header.name !== manifestName || entry.header.size > 2 ** 24) throw new Error("no manifest");
	const chunks: Buffer[] = [];
	for await (const chunk of entry) chunks.push(chunk);
	return Buffer.concat(chunks);
}

function parseManifest(file: string, text: Buffer): Manifest {
	let raw: unknown;
	try {
		raw = JSON.parse(text.toString());
	} catch {
		throw new UserError(`${file} was altered or damaged: its ${manifestName} is no JSON. Use another copy.`);
	}
	const { format, tracestack } = z.looseObject({ format: z.unknown(), tracestack: z.unknown() }).parse(raw);
	if (typeof format === "number" && format > formatVersion)
		throw new UserError(
			`${file} has format ${format}, written by tracestack ${tracestack}; this one reads ${formatVersion}. Use that version or a newer one.`,
		);
	const result = schema.safeParse(raw);
	if (result.success) return result.data;
	const issue = result.error.issues[0];
	throw new UserError(
		`${file} is no backup that can be read: in its ${manifestName}, ${issue?.path.join(".")}: ${issue?.message}`,
	);
}

/** As `sha256sum --check` reads it. */
function checksums(manifest: string, volumes: Manifest["volumes"]): string {
	const lines = volumes.map(({ name, sha256 }) => `${sha256}  ${archiveName(name)}\n`);
	return [`${manifest}  ${manifestName}\n`, ...lines].join("");
}

function manifestText(manifest: Manifest, room: number): Buffer {
	const text = Buffer.from(JSON.stringify(manifest, null, "\t"));
	if (text.length >= room) throw new Error(`the manifest has ${text.length} bytes, and room is for ${room}`);
	return Buffer.concat([text, Buffer.alloc(room - text.length - 1, " "), Buffer.from("\n")]);
}

async function header(name: string, size: number): Promise<Buffer> {
	const tar = pack();
	tar.entry({ name, size, mode: 0o600 });
	for await (const first of tar) return first as Buffer;
	throw new Error("a tar begins with a header");
}

/** Compresses fast: most of what the services store is compressed already. */
async function compress(content: Readable, handle: FileHandle, at: number): Promise<Measure> {
	const hash = createHash("sha256");
	let bytes = 0;
	await pipeline(content, createGzip({ level: 1, chunkSize: 2 ** 18 }), async (chunks: AsyncIterable<Buffer>) => {
		for await (const chunk of chunks) {
			hash.update(chunk);
			await writeAll(handle, chunk, at + bytes);
			bytes += chunk.length;
		}
	});
	return { bytes, sha256: hash.digest("hex") };
}

async function measure(content: AsyncIterable<Buffer>): Promise<Measure> {
	const hash = createHash("sha256");
	let bytes = 0;
	for await (const chunk of content) {
		hash.update(chunk);
		bytes += chunk.length;
	}
	return { bytes, sha256: hash.digest("hex") };
}

function digest(text: string | Buffer): string {
	return createHash("sha256").update(text).digest("hex");
}

/** Writes all of the data: a single write may write less. */
async function writeAll(handle: FileHandle, data: Buffer, at: number): Promise<void> {
	for (let done = 0; done < data.length; ) {
		const { bytesWritten } = await handle.write(data, done, data.length - done, at + done);
		done += bytesWritten;
	}
}

/** Makes sure that a renamed file keeps its name after a crash: the name is in its folder. */
async function syncFolder(folder: string): Promise<void> {
	const handle = await open(folder, "r");
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}
