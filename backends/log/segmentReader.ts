import type { StoredBatch } from "../../src/model/batch.ts";
import {
  batchHeaderSize,
  decodeBatchBody,
  decodeBatchHeader,
  indexedSizeOf,
  lengthOf,
  type BatchBody,
  type BatchHeader,
} from "./batchFormat.ts";
import { aligned } from "./bytes.ts";
import { unreadable } from "./logErrors.ts";
import type { Segment } from "./segment.ts";
import { readAll } from "./storage.ts";

/** Bytes that one read of the file brings: several small batches, or the tables of a large one. */
const readSize = 128 << 10;

/** A batch with where its data is. */
export interface LoadedBatch extends StoredBatch {
  readonly segment: Segment;
  /** Where the batch ends in its file. */
  readonly end: number;
  /** Where its data begins in its file, and how long it is. */
  readonly dataStart: number;
  readonly dataSize: number;
  readonly blockChecksums: Uint32Array;
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
    const gap = segment.gaps.find((each) => each.offset === current);
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
  const file = await segment.file;
  const bytes = new Uint8Array(aligned(Math.min(readSize, segment.length - offset)));
  const length = await readAll(file, bytes, offset);
  const batches: LoadedBatch[] = [];
  let at = 0;
  let id = expected;
  while (at + batchHeaderSize <= length) {
    const header = decodeBatchHeader(
      bytes.subarray(at, at + batchHeaderSize),
      segment.tag,
      segment.length - offset - at,
    );
    if (header === undefined || header.baseId !== id) break;
    const size = indexedSizeOf(header);
    if (at + size > length && batches.length > 0) break;
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
    batches.push(loaded(segment, header, body, offset + at));
    at += lengthOf(header);
    id = header.baseId + header.count;
  }
  return batches;
}

function loaded(segment: Segment, header: BatchHeader, body: BatchBody, offset: number): LoadedBatch {
  const { baseId, count, dataSize } = header;
  const { metadata, metadataEnds, timestamps, dataEnds, blockChecksums } = body;
  const end = offset + lengthOf(header);
  const dataStart = offset + indexedSizeOf(header);
  return {
    count,
    firstId: baseId,
    next: baseId + count,
    metadata,
    metadataEnds,
    timestamps,
    dataEnds,
    segment,
    end,
    dataStart,
    dataSize,
    blockChecksums,
  };
}
