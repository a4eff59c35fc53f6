import { randomBytes } from "node:crypto";
import { encodeBatch } from "../format/encodeBatch.ts";
import type { StorableBatch } from "../format/storableBatch.ts";
import type { Keys } from "../encryption/keys.ts";
import { encodeSegmentFooter } from "../format/segmentFooter.ts";
import {
  encodeSegmentHeader,
  segmentHeaderSize,
  type Predecessor,
  type SegmentHeader,
} from "../format/segmentHeader.ts";
import type { ProducerSnapshot } from "../producers.ts";
import { segmentName } from "../segments/segment.ts";
import { ignoreMissing, writeAll, type Storage, type StorageFile } from "../storage/storage.ts";

/** What the new segment is to say of itself. */
export interface RewriteOptions {
  readonly storage: Storage;
  readonly directory: string;
  /** What it is encrypted with. */
  readonly keys: Keys;
  readonly ordinal: number;
  /** The ids that it covers: from one, to the one behind the last. */
  readonly baseId: number;
  readonly endId: number;
  readonly baseNumber: number;
  readonly epoch: number;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly predecessor: Predecessor;
  /** How the segment ended that the one behind it speaks of; undefined where there is none behind it. */
  readonly original: Predecessor | undefined;
  /** What the producers had stored at its end, where that is known. */
  readonly producers: ProducerSnapshot | undefined;
}

/**
 * Writes a segment anew, and puts it in the place of the one with its number. After a crash it is the old one or the new
 * one, whole. Who has the old one open reads on in it.
 *
 * @param batches - They follow each other without a gap between them, and cover all of the ids.
 * @param renamed - Told as soon as the new one has its name, which is where the old one would be opened.
 * @returns The header of the new segment.
 */
export async function rewriteSegment(
  options: RewriteOptions,
  batches: AsyncIterable<StorableBatch>,
  renamed: (header: SegmentHeader) => void = () => {},
): Promise<SegmentHeader> {
  const { storage, directory, ordinal } = options;
  const path = `${directory}/${segmentName(ordinal)}`;
  await storage.unlink(`${path}.new`).catch(ignoreMissing);
  const file = await storage.open(`${path}.new`, "create");
  let header: SegmentHeader;
  try {
    header = await writeSegment(file, options, batches);
    await file.sync();
  } finally {
    await file.close();
  }
  await storage.rename(`${path}.new`, path);
  renamed(header);
  await storage.syncDirectory(directory);
  return header;
}

async function writeSegment(
  file: StorageFile,
  { keys, ordinal, baseId, endId, baseNumber, epoch, created, predecessor, original, producers }: RewriteOptions,
  batches: AsyncIterable<StorableBatch>,
): Promise<SegmentHeader> {
  const id = new Uint8Array(randomBytes(16));
  const tag = id.subarray(0, 8);
  const sealing = await keys.forNew(id);
  let [at, number, length, chain, newest] = [baseId, baseNumber, segmentHeaderSize, 0, -Infinity];
  for await (const batch of batches) {
    const encoded = encodeBatch(
      batch,
      { tag, position: length, baseId: at, number, durableMark: endId, epoch, chain },
      sealing?.cipher,
    );
    await writeAll(file, encoded.segments, length);
    at = batch.next ?? at + batch.count;
    length += encoded.length;
    chain = encoded.checksum;
    newest = Math.max(newest, encoded.newest);
    number++;
  }
  if (at !== endId) throw new Error(`A segment that was to end at ${endId} has ended at ${at}`);
  if (producers !== undefined) {
    const footer = encodeSegmentFooter(tag, { endId, number, newest, producers });
    await writeAll(file, [footer], length);
  }
  const own = { id, endId, length, chain };
  const rewritten = { original: original ?? own, endId, length, number, chain };
  const key = sealing?.key;
  const header = { id, ordinal, baseId, baseNumber, epoch, created, predecessor, rewritten, ...(key && { key }) };
  await writeAll(file, [encodeSegmentHeader(header)], 0);
  return header;
}

/** What stands in the place of events that are lost. */
export function lostBatch(next: number): StorableBatch {
  return { ...emptyBatch(next), lost: true };
}

/** What stands in the place of events of which none is left. */
export function emptyBatch(next: number): StorableBatch {
  const arrays = { metadata: new Uint8Array(0), metadataEnds: new Uint32Array(0), timestamps: new Float64Array(0) };
  return { count: 0, ...arrays, data: [], dataEnds: undefined, ids: new Float64Array(0), next };
}
