import { fdatasync, read, writev } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Reading } from "../events.ts";
import { withDirectory } from "./directory.ts";

const mebibyte = 1 << 20;
const sync = promisify(fdatasync);

/** What is written by one call and synced by the next. */
export type RawBatch = readonly Uint8Array[];

/** Writes each batch and syncs it: the limit of the disk. */
export async function writeRaw(file: FileHandle, batches: readonly RawBatch[], start = 0): Promise<void> {
  let position = start;
  for (const batch of batches) {
    await writeAndSync(file, batch, position);
    for (const { length } of batch) position += length;
  }
}

/** Encodes one batch while the one before it is written and synced: what is left when everything but these two is taken away. */
export async function encodeAndWrite(file: FileHandle, events: readonly Reading[], batchSize: number): Promise<void> {
  let position = 0;
  let last = Promise.resolve();
  for (const batch of encodeBatches(events, batchSize)) {
    await last;
    last = writeAndSync(file, batch, position);
    position += batch[0]!.length;
  }
  await last;
}

/** The JSON of events in batches, made as they are asked for. */
export function* encodeBatches(events: readonly Reading[], batchSize: number): Generator<RawBatch> {
  const encoder = new TextEncoder();
  for (let start = 0; start < events.length; start += batchSize) {
    let text = "";
    for (let i = start; i < Math.min(events.length, start + batchSize); i++) text += JSON.stringify(events[i]);
    yield [encoder.encode(text)];
  }
}

/** Where pieces of a file lie. */
export interface Pieces {
  readonly count: number;
  /** Bytes of each. */
  readonly size: number;
  /** Bytes from the start of one to the start of the next. */
  readonly stride: number;
}

/** Reads pieces of a file, all asked for at once. */
export async function readPieces(path: string, { count, size, stride }: Pieces): Promise<void> {
  const file = await open(path);
  try {
    await Promise.all(Array.from({ length: count }, (_, i) => readPiece(file.fd, new Uint8Array(size), i * stride)));
  } finally {
    await file.close();
  }
}

/** Writes zeros where batches will be written, so that a sync has nothing to note about the file but its data. */
export async function writeAhead(file: FileHandle, batches: readonly RawBatch[]): Promise<void> {
  const zeros = new Uint8Array(mebibyte);
  const size = batches.flat().reduce((sum, { length }) => sum + length, 0);
  for (let at = 0; at < size; at += zeros.length) await file.write(zeros, 0, zeros.length, at);
  await file.sync();
}

/** A file of its own for some work. */
export function withFile<T>(work: (file: FileHandle) => Promise<T>): Promise<T> {
  return withDirectory(async (directory) => {
    const file = await open(join(directory, "raw"), "w");
    try {
      return await work(file);
    } finally {
      await file.close();
    }
  });
}

async function writeAndSync(file: FileHandle, batch: RawBatch, position: number): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    writev(file.fd, batch, position, (error) => (error ? reject(error) : resolve())),
  );
  await sync(file.fd);
}

function readPiece(file: number, into: Uint8Array, position: number): Promise<void> {
  return new Promise((resolve, reject) =>
    read(file, into, 0, into.length, position, (error) => (error ? reject(error) : resolve())),
  );
}
