import { allocate } from "../../../src/model/allocate.ts";
import { indexOfId, type DataRead } from "../../../src/model/batch.ts";
import { copyInto } from "../../../src/model/selectBytes.ts";
import { openBlock } from "../encryption/sealBatch.ts";
import { blockSize } from "../format/blockSize.ts";
import { crc32c } from "../format/crc32c.ts";
import { unreadable } from "../logErrors.ts";
import type { LoadedBatch } from "./segmentReader.ts";
import { readAll, type ReadableFile } from "../storage/storage.ts";

/** Bytes between two selected blocks that are read along, since one longer read costs less than two. */
const nearby = 32 << 10;
/** Bytes that are read and checked in one go, so that a large event does not hold up everything else. */
const maxExtent = 2 << 20;
/** Extents of fewer bytes than this share memory: to take memory for each of many small ones takes longer than to read it. */
const largeExtent = 64 << 10;
/** Reads that are in flight together at the most, and bytes: many small ones are answered by few turns of the event loop. */
const maxReads = 256;
const maxBytesInFlight = 32 << 20;

/** A part of a batch's data, whole blocks, as it was read. */
interface Extent {
  readonly start: number;
  end: number;
  bytes: Uint8Array;
}

/**
 * Reads the selected ranges of some events of one batch. The blocks around them are read with them, to be checked.
 *
 * @param reads - In the order of their ids.
 */
export async function readData(batch: LoadedBatch, reads: readonly DataRead[]): Promise<(readonly Uint8Array[])[]> {
  const wanted = reads.map(({ id, ranges }) => placeOf(batch, id, ranges));
  const extents = extentsOf(batch, wanted);
  await batch.segment.file.use((file) => loadAll(batch, file, extents));
  const [read, selected] = [sum(extents, ({ start, end }) => end - start), sum(wanted, (ranges) => sizeOf(ranges))];
  let next = 0;
  return reads.map(({ into }, i) => {
    const parts: Uint8Array[] = [];
    const ranges = wanted[i]!;
    for (let k = 0; k < ranges.length; k += 2)
      next = select(extents, next, ranges[k]!, ranges[k]! + ranges[k + 1]!, parts);
    if (into !== undefined) {
      copyInto(parts, into); // A copy, since whole blocks had to be read to check them.
      return into;
    }
    // What was read is the reader's own. It is copied only where most of it was not asked for, and would stay in memory with it.
    return selected * 2 < read ? parts.map((part) => part.slice()) : parts;
  });
}

/** The ranges of an event in terms of its batch. */
function placeOf(batch: LoadedBatch, id: number, ranges: Float64Array): Float64Array {
  const { dataEnds } = batch;
  const index = indexOfId(batch, id);
  const start = index === 0 ? 0 : (dataEnds?.[index - 1] ?? 0);
  const size = (dataEnds?.[index] ?? 0) - start;
  for (let i = 0; i < ranges.length; i += 2) {
    const end = ranges[i]! + ranges[i + 1]!;
    if (end > size) throw new RangeError(`A range must end within ${size} bytes: current value is ${end}`);
  }
  return ranges.map((value, i) => (i % 2 === 0 ? value + start : value));
}

function extentsOf({ dataSize }: LoadedBatch, wanted: readonly Float64Array[]): Extent[] {
  const extents: Extent[] = [];
  for (const ranges of wanted) {
    for (let i = 0; i < ranges.length; i += 2) {
      if (ranges[i + 1] === 0) continue;
      let start = Math.floor(ranges[i]! / blockSize) * blockSize;
      const end = Math.min(dataSize, Math.ceil((ranges[i]! + ranges[i + 1]!) / blockSize) * blockSize);
      const last = extents.at(-1);
      if (last !== undefined && start - last.end <= nearby) start = Math.min(end, last.end);
      while (start < end) {
        const open = extents.at(-1);
        if (open !== undefined && open.end === start && start - open.start < maxExtent) {
          open.end = start = Math.min(end, open.start + maxExtent);
        } else {
          extents.push({ start, end: Math.min(end, start + maxExtent), bytes: none });
          start = Math.min(end, start + maxExtent);
        }
      }
    }
  }
  return extents;
}

const none: Uint8Array = new Uint8Array(0);

/** Loads all extents. One begins whenever another one is there, and none after one could not be read. */
async function loadAll(batch: LoadedBatch, file: ReadableFile, extents: readonly Extent[]): Promise<void> {
  let next = 0;
  const loadSome = async (): Promise<void> => {
    try {
      while (next < extents.length) await load(batch, file, extents[next++]!);
    } catch (error) {
      next = extents.length;
      throw error;
    }
  };
  giveMemory(extents);
  const largest = extents.reduce((size, { start, end }) => Math.max(size, end - start), 1);
  const together = Math.min(extents.length, maxReads, Math.ceil(maxBytesInFlight / largest));
  await Promise.all(Array.from({ length: together }, loadSome));
}

/** Gives extents the memory to be read into, the small ones a piece of the same. Nobody sees what is not read: it has no checksum. */
function giveMemory(extents: readonly Extent[]): void {
  let left = sum(extents, ({ start, end }) => (end - start < largeExtent ? end - start : 0));
  let memory = none;
  for (const extent of extents) {
    const size = extent.end - extent.start;
    if (size >= largeExtent) {
      extent.bytes = allocate(size);
      continue;
    }
    if (memory.length < size) memory = allocate(Math.min(left, maxExtent));
    extent.bytes = memory.subarray(0, size);
    memory = memory.subarray(size);
    left -= size;
  }
}

async function load(batch: LoadedBatch, file: ReadableFile, extent: Extent): Promise<void> {
  const { segment, dataStart, blockChecksums, seal } = batch;
  const { bytes } = extent;
  const length = await readAll(file, bytes, dataStart + extent.start);
  for (let at = 0; at < bytes.length; at += blockSize) {
    const block = bytes.subarray(at, at + blockSize);
    const index = (extent.start + at) / blockSize;
    const isIntact = at + block.length <= length && crc32c(block) === blockChecksums[index];
    if (!isIntact || (seal !== undefined && !openBlock(seal, index, block))) {
      throw unreadable(segment.path, dataStart + extent.start + at, batch.firstId, batch.next);
    }
  }
}

/** Adds the parts of one range, and returns the extent to go on with. */
function select(extents: readonly Extent[], from: number, start: number, end: number, parts: Uint8Array[]): number {
  let index = from;
  let at = start;
  while (at < end) {
    const extent = extents[index]!;
    if (at >= extent.end) {
      index++;
      continue;
    }
    const stop = Math.min(end, extent.end);
    parts.push(extent.bytes.subarray(at - extent.start, stop - extent.start));
    at = stop;
  }
  return index;
}

function sizeOf(ranges: Float64Array): number {
  let size = 0;
  for (let i = 1; i < ranges.length; i += 2) size += ranges[i]!;
  return size;
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0);
}
