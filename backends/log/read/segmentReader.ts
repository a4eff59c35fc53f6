import type { StoredBatch } from "../../../src/model/batch.ts";
import {
  batchHeaderSize,
  decodeBatchHeader,
  indexedSizeOf,
  lengthOf,
  type BatchHeader,
} from "../format/batchHeader.ts";
import { decodeBatchBody, type BatchBody } from "../format/decodeBatchBody.ts";
import type { BatchSeal } from "../encryption/sealBatch.ts";
import { openBody, type OpenBody } from "./openBody.ts";
import { aligned } from "../format/bytes.ts";
import { unreadable } from "../logErrors.ts";
import type { Segment } from "../segments/segment.ts";
import { readAll } from "../storage/storage.ts";

/** Bytes that one read of the file brings: several small batches, or the tables of a large one. */
const leastRead = 128 << 10;
/** Bytes that one read brings at the most where the batches before it were as large as that. */
const mostRead = 4 << 20;
/** How long the largest batch without its data was that the last read of a segment has met. Batches are mostly like their neighbours. */
const readSizes = new WeakMap<Segment, number>();

/** A batch with where its data is. */
export interface LoadedBatch extends StoredBatch {
  readonly segment: Segment;
  /** Where the batch ends in its file. */
  readonly end: number;
  /** Where its data begins in its file, and how long it is. */
  readonly dataStart: number;
  readonly dataSize: number;
  readonly blockChecksums: Uint32Array;
  /** What decrypts its data; undefined where it is not encrypted. */
  readonly seal: BatchSeal | undefined;
}

/** A place in a segment, and the id of the batch that is there. */
export interface Place {
  readonly segment: Segment;
  readonly id: number;
  readonly offset: number;
}

/**
 * Reads the batch that holds an id, and those that came along behind it. Every byte is checked.
 *
 * @param near - Where to begin to look, when that is known better than by the index.
 */
export async function readBatches(segment: Segment, id: number, near?: Place): Promise<LoadedBatch[]> {
  const batches = await walkTo(segment, id, near ?? (await startOf(segment, id)));
  if (batches !== undefined) return batches;
  await segment.walk("everything"); // Something is damaged. What is intact behind it is found now.
  const again = await walkTo(segment, id, await startOf(segment, id));
  if (again !== undefined) return again;
  throw unreadable(segment.path, segment.length, id, segment.endId);
}

async function startOf(segment: Segment, id: number): Promise<Place> {
  const index = segment.index ?? (await segment.walk());
  const entry = index.find(id);
  if (entry === undefined) {
    const gap = segment.gaps.find(({ fromId, toId }) => id >= fromId && id < toId);
    throw unreadable(segment.path, gap?.offset ?? segment.length, gap?.fromId ?? id, gap?.toId ?? segment.endId);
  }
  return { segment, ...entry };
}

/** Undefined when something on the way cannot be read. */
async function walkTo(segment: Segment, id: number, start: Place): Promise<LoadedBatch[] | undefined> {
  let { id: expected, offset } = start;
  while (offset < segment.length) {
    const current = offset;
    const gap = segment.gaps.find((each) => current >= each.offset && current < each.end);
    if (gap !== undefined) {
      if (id < gap.toId) throw unreadable(segment.path, gap.offset, gap.fromId, gap.toId);
      offset = gap.end;
      expected = gap.toId;
      continue;
    }
    const batches = await readAt(segment, offset, expected);
    const last = batches.at(-1);
    if (last === undefined) return undefined;
    if (id < last.next) return batches.slice(batches.findIndex(({ next }) => id < next));
    offset = last.end;
    expected = last.next;
  }
  return undefined;
}

/** The batches from an offset on, as far as one read brings them; none when the first cannot be read. */
async function readAt(segment: Segment, offset: number, expected: number): Promise<LoadedBatch[]> {
  const file = segment.file;
  const readSize = Math.min(segment.length - offset, readSizes.get(segment) ?? leastRead);
  const bytes = new Uint8Array(aligned(readSize));
  let largest = leastRead;
  const length = await readAll(file, bytes, offset);
  const batches: LoadedBatch[] = [];
  let at = 0;
  let id = expected;
  while (at + batchHeaderSize <= length) {
    const header = decodeBatchHeader(
      bytes.subarray(at, at + batchHeaderSize),
      segment.tag,
      offset + at,
      segment.length - offset - at,
    );
    if (header === undefined || header.baseId !== id) break;
    const size = indexedSizeOf(header);
    if (at + size > length && batches.length > 0) break;
    largest = Math.max(largest, size + batchHeaderSize);
    let indexed = bytes.subarray(at, at + size);
    if (at + size > length) {
      // It is longer than one read. What came is copied, since it has to lie in one piece with the rest.
      indexed = new Uint8Array(aligned(size));
      indexed.set(bytes.subarray(0, length));
      await readAll(file, indexed.subarray(length, size), offset + length);
      indexed = indexed.subarray(0, size);
    }
    const body = decodeBatchBody(header, indexed);
    if (body === undefined) break;
    // Awaited only where it has to be: most logs are not encrypted.
    const open = header.isEncrypted
      ? await openBody(segment, header, indexed, body, offset + at)
      : { metadata: body.metadata, seal: undefined };
    batches.push(loaded(segment, header, body, open, offset + at));
    at += lengthOf(header);
    id = header.next;
  }
  readSizes.set(segment, Math.min(mostRead, largest));
  return batches;
}

function loaded(
  segment: Segment,
  header: BatchHeader,
  body: BatchBody,
  { metadata, seal }: OpenBody,
  offset: number,
): LoadedBatch {
  const { baseId, count, next, dataSize, isLost, hasKeys, sequence } = header;
  const { metadataEnds, timestamps, dataEnds, ids, blockChecksums, producerId: id } = body;
  const end = offset + lengthOf(header);
  const dataStart = offset + indexedSizeOf(header);
  return {
    count,
    firstId: baseId,
    ...(ids !== undefined && { ids }),
    next,
    ...(isLost && { lost: true }),
    metadata: hasKeys ? metadata.subarray(0, metadataEnds[count - 1] ?? 0) : metadata,
    metadataEnds,
    timestamps,
    dataEnds,
    ...(id !== undefined && { producers: [{ index: 0, producer: { id, sequence } }] }),
    segment,
    end,
    dataStart,
    dataSize,
    blockChecksums,
    seal,
  };
}
